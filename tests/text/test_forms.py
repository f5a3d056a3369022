"""The forms of labelled data: which one is seen, what is said about it, what is doubted."""

from __future__ import annotations

import pytest

from elman.errors import CorpusError
from elman.text import labelled
from elman.text.labelled import LabelledOptions

ENGLISH = ("The river runs\nto the sea.\n", "Old stones sleep.\n", " Bread and light. ")
GERMAN = ("Der Fluss fließt\nzum Meer.\n", "Alte Steine schlafen.\n", "Brot und Licht.\n")


@pytest.fixture
def make(tmp_path):
    """make({name: content}) writes files; the folder that they lie in."""

    def make(files, folder="data"):
        for name, content in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
        return tmp_path / folder

    return make


def load(*names, **options):
    return labelled.load([str(name) for name in names], LabelledOptions(**options))


def pairs(data):
    return [(text, data.classes[i]) for text, i in zip(data.texts, data.labels, strict=True)]


def refusal(*names, **options):
    with pytest.raises(CorpusError) as found:
        load(*names, **options)
    return str(found.value)


def per_folder(prefix=""):
    return {f"{prefix}{label}/{i}_{label[0]}.txt": text
            for label, texts in (("english", ENGLISH), ("german", GERMAN))
            for i, text in enumerate(texts)}  # fmt: skip


# --------------------------------------------------------------------------- which form


def test_a_folder_per_class_a_file_a_text(make):
    data = load(make(per_folder()))
    assert pairs(data) == [
        ("The river runs\nto the sea.", "english"), ("Old stones sleep.", "english"),
        ("Bread and light.", "english"), ("Der Fluss fließt\nzum Meer.", "german"),
        ("Alte Steine schlafen.", "german"), ("Brot und Licht.", "german"),
    ]  # fmt: skip
    assert data.notes == ["read as one folder per class, one file per text: 2 classes, 6 texts"]


def test_the_folder_that_holds_the_file_is_the_class_however_deep(make):
    folder = make(per_folder("train/") | {"test/english/9.txt": "More.", "test/german/9.txt": "X."})
    data = load(folder)
    assert data.classes == ["english", "german"] and len(data.texts) == 8
    assert data.notes[1] == (
        f"'{folder}/test', '{folder}/train' were read together; to keep the others for a test, "
        f"give one of them alone, such as {folder}/train"
    )
    assert len(load(folder / "train").notes) == 1


def test_several_files_in_one_of_the_folders_are_enough(make):
    files = {"english/a.txt": "One.", "english/b.txt": "Two.", "german/a.txt": "Eins."}
    assert pairs(load(make(files))) == [("One.", "english"), ("Two.", "english"),
                                        ("Eins.", "german")]  # fmt: skip


def test_empty_and_hidden_files_are_no_texts(make):
    files = per_folder() | {"english/empty.txt": " \n", "german/.hidden": "No.", ".git/x": "No."}
    assert len(load(make(files)).texts) == 6


@pytest.mark.parametrize(
    "names", [("English.txt", "German.txt"), ("a/English.txt", "b/German.txt"),
              ("a/English.txt", "a/German.txt"), ("English.txt", "more/German.txt")]
)  # fmt: skip
def test_else_a_file_is_a_class_and_a_line_a_text(make, names):
    data = load(make({names[0]: "one\n\n two \nthree\n", names[1]: "eins\nzwei\ndrei\n"}))
    assert data.classes == ["English", "German"]
    assert data.texts == ["one", "two", "three", "eins", "zwei", "drei"]
    assert data.notes == ["read as one file per class, one text per line: 2 classes, 6 texts"]


@pytest.mark.parametrize("beside", ["README.md", "english/table.csv"])
def test_other_files_beside_the_folders_of_the_classes_are_refused(make, beside):
    folder = make(per_folder() | {beside: "text,label\na,x\n" if "csv" in beside else "About.\n"})
    said = refusal(folder)
    assert said == (
        f"{folder} holds a folder per class ('english', 'german'), and other files: "
        f"'{folder}/{beside}'; move these elsewhere"
    )


def test_tables_are_tables_wherever_they_lie(make):
    table = "text,label\n{0},x\n{0} {0},y\n"
    files = {"a/1.csv": "p", "a/2.csv": "q", "b/3.csv": "r"}
    data = load(make({name: table.format(text) for name, text in files.items()}))
    assert data.classes == ["x", "y"] and len(data.texts) == 6
    assert "read as a table, its columns separated by commas" in data.notes[0]


def test_lines_of_fasttext(make):
    content = "__label__x one two\n\n  __label__y\tthree \n__label__x four __labels\n"
    folder = make({"train.txt": content, "more.tsv": "__label__z,z five\n__label__z,z six\n"})
    data = load(folder / "train.txt", folder / "more.tsv")
    assert pairs(data) == [("one two", "x"), ("three", "y"), ("four __labels", "x"),
                           ("five", "z,z"), ("six", "z,z")]  # fmt: skip
    assert data.notes[0] == "read as lines of fastText: 3 classes, 5 texts"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("__label__x __label__y two", "2 labels ('x', 'y')"),
        ("__label__x two __label__z", "2 labels ('x', 'z')"),
        ("no label", "no label"),
        ("__label__ two", "no label"),
        ("__label__x ", "the text is empty"),
    ],
)
def test_bad_lines_of_fasttext_are_named(make, line, says):
    said = refusal(make({"a.txt": f"__label__x one\n\n{line}\n"}) / "a.txt")
    assert "a.txt, line 3: " in said and says in said


@pytest.mark.parametrize(
    ("name", "content", "options", "form"),
    [
        ("d.csv", "text;label\na;x\nb;x\nc;x\nd;y\ne;y\nf;y\n", {},
         "a table, its columns separated by semicolons"),
        ("d", "a:x\nb:x\nc:x\nd:y\ne:y\nf:y\n",
         {"text_column": "1", "label_column": "2", "delimiter": ":"},
         "a table without a header, its columns separated by ':'"),
        ("d.jsonl", "".join(f'{{"text": "{t}", "label": {t in "abc":d}}}\n' for t in "abcdef"), {},
         "JSON lines"),
    ],
)  # fmt: skip
def test_what_was_understood_is_said_in_one_line(make, name, content, options, form):
    data = load(make({name: content}) / name, **options)
    assert data.notes[0] == f"read as {form}: 2 classes, 6 texts"


def test_columns_or_a_delimiter_say_that_a_file_is_a_table(make):
    file = make({"data.txt": "body/kind\na/x\nb/y\n"}) / "data.txt"
    options = {"text_column": "body", "label_column": "kind"}
    assert pairs(load(file, **options, delimiter="/")) == [("a", "x"), ("b", "y")]
    assert "data.txt has no column 'body' (its first line names 'body/kind')" in refusal(
        file, **options
    )
    assert "data.txt has no column 'text'" in refusal(file, delimiter="/")


def test_compressed_names_are_those_of_what_is_inside(make):
    """What the file holds is read elsewhere; here it is not even compressed."""
    data = load(
        make({"English.txt.gz": "one\ntwo\nthree\n", "German.TXT.xz": "eins\nzwei\ndrei\n"})
    )
    assert data.classes == ["English", "German"]


# --------------------------------------------------------------------------- doubts


def test_many_classes_with_hardly_a_text_are_doubted(make):
    folder = make(per_folder())
    data = load(*sorted(folder.glob("*/*.txt")))  # a shell did that
    assert data.notes[0].startswith("read as one file per class, one text per line: 6 classes")
    assert (
        "6 of 6 classes have at most 2 texts; expected: one file per class, named after it"
        in data.notes[1]
    )
    assert "for folders, give the folder that contains them all" in data.notes[1]
    assert len(load(folder).notes) == 1  # the advice, followed


def test_columns_the_wrong_way_round_are_doubted(make):
    rows = "".join(f"{'xy'[i % 2]},text {i}\n" for i in range(20))
    said = refusal(make({"a.csv": "text,label\n" + rows}) / "a.csv")
    assert "are texts and labels the wrong way round?" in said
    rows = "".join(f"{i},text {i}\n" for i in range(20))
    data = load(make({"b.csv": "text,label\n" + rows}) / "b.csv")
    assert data.notes[1] == (
        "20 of 20 classes have at most 2 texts; is 'label' the label and 'text' the text, or is it "
        "the other way round?"
    )


@pytest.mark.parametrize(
    "files", [{"train.txt": "a\nb\nc\n", "test.txt": "d\ne\nf\n"},
              {f"{part}/{i}.txt": f"{part} {i}" for part in ("Train", "dev") for i in range(3)}]
)  # fmt: skip
def test_classes_that_are_called_like_the_parts_of_a_data_set_are_doubted(make, files):
    notes = load(make(files)).notes
    assert any("like the parts of a data set" in note and "expected" in note for note in notes)


def test_tables_of_all_parts_read_together(make):
    rows = {"train": "abcdef", "test": "ghijkl"}
    files = {f"{name}.csv": "text,label\n" + "".join(f"{t},{t in 'abcghi'}\n" for t in texts)
             for name, texts in rows.items()}  # fmt: skip
    folder = make(files)
    assert f"such as {folder}/train.csv" in load(folder).notes[1]
    assert len(load(folder / "train.csv").notes) == 1


def test_a_file_that_is_no_table_beside_tables_is_named(make):
    rows = "".join(f"{t},{t in 'abc'}\n" for t in "abcdef")
    folder = make({"d.csv": "text,label\n" + rows, "README": "About\nthese\ntexts\n"})
    notes = load(folder).notes
    assert notes[0] == (
        "read as one file per class, one text per line (1 file), and as a table, its columns "
        "separated by commas (1 file): 3 classes, 9 texts"
    )
    assert f"taken as one class each, as they are not tables: '{folder}/README'" in notes[1]


def test_one_file_without_columns_says_how_to_name_them(make):
    file = make({"SMS": "ham\tHello, you\nspam\tWin now\nham\tNo\n"}) / "SMS"
    said = refusal(file)
    for words in ("a single class 'SMS'", "'text' and 'label'", "--text-column and --label-column",
                  "by number"):  # fmt: skip
        assert words in said
    data = load(file, text_column="2", label_column="1")
    assert pairs(data) == [("Hello, you", "ham"), ("Win now", "spam"), ("No", "ham")]
    shown = next(note for note in data.notes if "first row" in note)
    assert "'Hello, you', labelled 'ham'" in shown


# --------------------------------------------------------------------------- as before


@pytest.mark.parametrize(
    ("name", "content", "sha256"),
    [
        ("loose.tsv",
         'id\ttext\tlabel\n1\tsay "hi"\tquote\n2\t"tis, b\tcomma\n\n3\t"so" it goes\tquote\n',
         "0ad67bd48ba870269a42c41017063ce64e2e07b6c7ee70a0b1bed1340dacccfc"),
        ("quoted.csv", 'label,text\r\nx,"a, ""b"""\r\ny,"two\r\nlines"\r\nx, pl"ai"n \r\n',
         "ffdc8f90416ca16ad2abab71b5f22f1a4d3eff2d023bdedec1589d42f032e316"),
        ("named.txt", 'text,label\na b,x\n"c, d",y \n',
         "e3c18e36d14f47e10cc1381b731033f8724429c8cb1486c3666d583e10b3aa32"),
        ("tabbed", 'label\ttext\nx\ta b\ny\t c"d\n',
         "305edc97000945db7763c0e27a5345bdb6851a61acbd2b6adf3a481fbbf073b8"),
    ],
)  # fmt: skip
def test_tables_are_read_as_when_their_models_were_trained(make, name, content, sha256):
    """A run is resumed only if its data have the same digest as then."""
    assert load(make({name: content}) / name).sha256 == sha256


def test_files_per_class_are_read_as_when_their_models_were_trained(make):
    folder = make({"a/Greek.txt": "Νίκος\n\n Αθηνά \n", "b/Hebrew.txt": "שרה\n"})
    assert load(folder).sha256 == "46bbb9f6d6ef5eb2a788ef9aa36db52e16288de2024c98dd8c601b845c7928f6"
