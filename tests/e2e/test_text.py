"""From any text to symbols and back: what `elman train` reads, how it divides it, what it says
about it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from shlex import split

import numpy as np
import pytest

TINY = split("--cell rnn --hidden-size 6 --seq-len 8 --batch-size 2 --threads 1")
FEW = [*TINY, "--steps", "3"]

PASSAGES = {
    "emoji": "I 💚 my 🐈‍⬛ and my 👩‍👩‍👧! 🎉🎉 Ελλάδα 🇬🇷.\n",
    "greek": "Ἄνδρα μοι ἔννεπε, Μοῦσα, πολύτροπον, ὃς μάλα πολλὰ\n"
    "πλάγχθη, ἐπεὶ Τροίης ἱερὸν πτολίεθρον ἔπερσεν·\n",
    "combining": "nai\u0308ve cafe\u0301 — naïve café: two spellings each, and they stay apart\n",
    "hebrew and chinese": "בְּרֵאשִׁית בָּרָא אֱלֹהִים\n道可道，非常道。\n",
    "control characters": "tab\there, a form feed \x0c, a bell \x07 and a no-break\xa0space\n",
}


def write(elman, name: str, text: str | bytes) -> Path:
    path = elman.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.fixture
def train(elman, read_model):
    """Train a few steps into m.safetensors: (run, what the file holds)."""

    def run(*args, flags=FEW, input=None, name="m.safetensors"):
        result = elman("train", *args, *flags, "-o", name, input=input).ok()
        return result, read_model(elman.folder / name)

    return run


def same_weights(a, b) -> bool:
    return a.symbols == b.symbols and all(
        a.weights[n].tobytes() == b.weights[n].tobytes() for n in a.weights
    )


# --------------------------------------------------------------------------- characters


@pytest.mark.parametrize("name", PASSAGES)
def test_every_code_point_is_a_symbol(elman, train, name):
    text = PASSAGES[name] * 8
    write(elman, "text.txt", text)
    _, model = train("text.txt")
    assert model.vocabulary["kind"] == "char"
    assert len(set(model.symbols)) == len(model.symbols), "a symbol stands twice in the vocabulary"
    assert set(model.symbols) == set(text), (
        f"missing {sorted(set(text) - set(model.symbols))}, "
        f"extra {sorted(set(model.symbols) - set(text))}"
    )
    sampled = elman("sample", "m.safetensors", "--length", 60, "--seed", 2).ok().stdout
    assert set(sampled) <= set(text) | {"\n"}, (
        f"the sample holds foreign symbols: {sorted(set(sampled) - set(text))}"
    )
    scored = elman("score", "m.safetensors", "--json", input=PASSAGES[name]).ok().events[0]
    assert np.isfinite(scored["bits_per_character"])


def test_no_normalisation_unless_asked(elman, train):
    decomposed = "cafe\u0301 au lait\n" * 20
    write(elman, "text.txt", decomposed)
    _, taken = train("text.txt", name="taken.safetensors")
    assert "\u0301" in taken.symbols
    assert "é" not in taken.symbols
    _, asked = train("text.txt", "--normalize", "NFC", name="asked.safetensors")
    assert "é" in asked.symbols
    assert "\u0301" not in asked.symbols


def test_the_vocabulary_covers_the_held_out_end(elman, train):
    write(elman, "text.txt", "plain words all along\n" * 40 + "the very last line has a §\n")
    _, model = train("text.txt", "--validation", 0.1)
    assert "§" in model.symbols


def test_byte_order_mark_is_not_a_symbol_of_its_own_accord(elman, train):
    """Editors on Windows write one; a model that has to be primed with U+FEFF helps nobody.
    Either way: no crash.
    """
    write(elman, "text.txt", b"\xef\xbb\xbf" + b"some plain text\n" * 20)
    _, model = train("text.txt")
    assert set("some plain text\n") <= set(model.symbols)


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_windows_newlines_become_newlines(elman, train, make_english, ending):
    text = make_english(1500)
    write(elman, "unix.txt", text)
    write(elman, "windows.txt", text.replace("\n", ending))
    _, unix = train("unix.txt", name="unix.safetensors")
    _, windows = train("windows.txt", name="windows.safetensors")
    assert "\r" not in windows.symbols
    assert same_weights(unix, windows), "the same text with other newlines trains to other weights"


def test_windows_newline_across_a_reading_block(elman, train):
    r"""Files are read in blocks; `\r` may end one and `\n` begin the next, and so may the bytes
    of one character.
    """
    line = "αβγδε ζηθικ\r\n"
    text = "x" + line * 6000  # 140 kB of two-byte characters, out of step with any power of two
    write(elman, "long.txt", text)
    _, model = train("long.txt")
    assert set(model.symbols) == set(text) - {"\r"}


def test_lowercase(elman, train, make_english):
    text = make_english(1500)
    assert text != text.lower()
    write(elman, "mixed.txt", text)
    write(elman, "lower.txt", text.lower())
    _, asked = train("mixed.txt", "--lowercase", name="asked.safetensors")
    _, lower = train("lower.txt", name="lower.safetensors")
    assert same_weights(asked, lower), (
        "--lowercase is not the same as training on the lower-case text"
    )
    # what the model is asked later goes the same way
    elman("score", "asked.safetensors", input="THE DOG\n").ok()
    elman("sample", "asked.safetensors", "--prime", "The Dog", "--length", 5).ok()


def test_max_characters(elman, train, make_english):
    text = make_english(3000) + "§ never reached\n"
    write(elman, "long.txt", text)
    write(elman, "short.txt", text[:1000])
    _, asked = train("long.txt", "--max-characters", 1000, name="asked.safetensors")
    _, short = train("short.txt", name="short.safetensors")
    assert same_weights(asked, short), (
        "--max-characters 1000 is not the same as training on the first 1000"
    )


# --------------------------------------------------------------------------- invalid UTF-8


def test_errors_replace_goes_on(elman, train):
    write(elman, "latin.txt", b"caf\xe9 au lait\n" * 30)
    elman("train", "latin.txt", *FEW, "-o", "m.safetensors").refused(
        (1,), mentions=("latin.txt", "line 1")
    )
    _, model = train("latin.txt", "--errors", "replace")
    assert "\N{REPLACEMENT CHARACTER}" in model.symbols
    assert "é" not in model.symbols


def test_the_bad_file_among_several_is_named(elman):
    write(elman, "texts/a.txt", "good\n" * 30)
    write(elman, "texts/b.txt", b"good\nbad \xff\n")
    write(elman, "texts/c.txt", "good\n" * 30)
    elman("train", "texts", *FEW, "-o", "m.safetensors").refused(
        (1,), mentions=("b.txt", "line 2", "9")
    )


def test_standard_input_is_named(elman):
    run = elman("train", "-", *FEW, "-o", "m.safetensors", input=b"good\nbad \xff\n")
    sentence = run.refused((1,), mentions=("line 2",))
    assert "stdin" in sentence or "standard input" in sentence, sentence


# --------------------------------------------------------------------------- bytes


def test_bytes_take_anything(elman, read_model):
    data = np.random.default_rng(3).integers(0, 256, 3000, dtype=np.uint8).tobytes()
    write(elman, "noise.bin", data)
    elman("train", "noise.bin", "--tokens", "byte", *FEW, "-o", "m.safetensors").ok()
    model = read_model(elman.folder / "m.safetensors")
    assert model.vocabulary["kind"] == "byte"
    assert model.weights["readout.W_y"].shape[1] == 256, "bytes are 256 symbols"
    write(elman, "other.bin", bytes(range(256)))
    scored = elman("score", "m.safetensors", "other.bin", "--json").ok().events[0]
    assert np.isfinite(scored["nats"]), "no byte is ever unknown"


def test_bytes_sample_what_they_read(elman):
    """A text as bytes: a multi-byte character learned by heart comes out whole."""
    write(elman, "text.txt", "ä€😀" * 300)
    learn = "--cell gru --hidden-size 32 --seq-len 18 --batch-size 8 --threads 1 "
    learn += "--learning-rate 0.02 --steps 150"
    elman("train", "text.txt", "--tokens", "byte", *learn.split(), "-o", "m.safetensors").ok()
    run = elman("sample", "m.safetensors", "--prime", "ä€", "--length", 16, "--greedy").ok()
    assert run.stdout.startswith("ä€😀ä"), f"expected the text to go on, got {run.stdout!r}"
    elman(
        "sample", "m.safetensors", "--prime", "日本", "--length", 10
    ).ok()  # symbols it has never seen


# --------------------------------------------------------------------------- words


def test_words(elman, train, make_english):
    text = make_english(4000)
    write(elman, "text.txt", text)
    _, model = train("text.txt", "--tokens", "word")
    assert model.vocabulary["kind"] == "word"
    words = set(model.symbols)
    assert {"the", "dog", "garden"} <= words, f"words missing from {sorted(words)}"
    run = elman("sample", "m.safetensors", "--prime", "the zebra", "--length", 8, "--seed", 1).ok()
    assert run.stdout.startswith("the zebra"), "a word model takes any prime"
    unknown = "1 of 2 words are unknown to the model and read as <unk>; the first is 'zebra'"
    assert f"note: {unknown}" in run.stderr
    run = elman("score", "m.safetensors", "--json", input="the zebra sees the dog\n").ok()
    scored = run.events[0]
    assert np.isfinite(scored["bits_per_character"])
    assert "of 5 words are unknown" in run.stderr and "'zebra'" in run.stderr
    assert (scored["symbols"], scored["words"]) == (10, 5)
    assert scored["perplexity"] == pytest.approx(np.exp(scored["nats"] / 5))
    lines = elman("score", "m.safetensors", "--lines", input="dog\nthe dog\n").ok()
    assert "unknown" not in lines.stderr, "a word is known wherever it stands"
    run = elman("sample", "m.safetensors", "--prime", "the dog ", "--length", 4).ok()
    assert "unknown" not in run.stderr and run.stdout.startswith("the dog ")


def test_held_out_figures_of_words_are_per_word(train, elman, make_english):
    write(elman, "text.txt", make_english(4000))
    run, model = train("text.txt", "--tokens", "word", "--json")
    baselines = run.done["baselines"]
    ratio = np.log(baselines["uniform"]["perplexity"]) / np.log(len(model.symbols))
    assert 1.5 < ratio < 2.1, "a symbol of white space for almost every word"
    for figures in baselines.values():
        per_character = figures["bits_per_character"] / np.log2(figures["perplexity"])
        assert per_character == pytest.approx(
            run.done["validation_bits_per_character"] / np.log2(run.done["validation_perplexity"])
        )


def test_rare_characters_can_be_left_out(train, elman):
    write(elman, "text.txt", "abc abc\n" * 50 + "xyz!")
    _, model = train("text.txt", "--min-count", 2)
    assert model.symbols == ["\n", " ", "a", "b", "c", "<unk>"]
    _, model = train("text.txt", "--vocabulary-size", 3)
    assert len(model.symbols) == 4


def test_vocabulary_size_keeps_the_most_frequent(elman, train):
    write(elman, "text.txt", "common common common frequent frequent rare\n" * 5 + "once\n")
    _, model = train("text.txt", "--tokens", "word", "--vocabulary-size", 5)
    assert len(model.symbols) <= 6, "five words, and one symbol for all others"
    words = set(model.symbols)
    assert "common" in words and "once" not in words, model.symbols


# --------------------------------------------------------------------------- where text comes from


def test_standard_input_equals_the_file(elman, train, make_english):
    text = make_english(1500)
    write(elman, "text.txt", text)
    _, from_file = train("text.txt", name="file.safetensors")
    _, from_stdin = train("-", input=text, name="stdin.safetensors")
    assert same_weights(from_file, from_stdin)


@pytest.mark.skipif(not os.path.exists("/dev/stdin"), reason="needs /dev/stdin")
def test_a_pipe_with_a_name(elman, read_model, make_english):
    """`elman train <(zcat text.gz)`: a file that can be read only once. Trained on, or refused
    in a sentence.
    """
    run = elman("train", "/dev/stdin", *FEW, "-o", "m.safetensors", input=make_english(1500))
    if run.returncode:
        run.refused((1,))
    else:
        assert "e" in read_model(elman.folder / "m.safetensors").symbols


def test_several_files_in_order(elman, train):
    write(elman, "a.txt", "alpha " * 60 + "\n")
    write(elman, "b.txt", "beta " * 60 + "\n")
    write(elman, "ab.txt", "alpha " * 60 + "\n" + "beta " * 60 + "\n")
    nothing = ("--validation", "0")  # is cut out, so the text goes on from file to file
    _, two = train("a.txt", "b.txt", *nothing, name="two.safetensors")
    _, one = train("ab.txt", *nothing, name="one.safetensors")
    _, reverse = train("b.txt", "a.txt", *nothing, name="reverse.safetensors")
    assert two.symbols == one.symbols
    assert same_weights(two, one), "two files that end in a newline are not their concatenation"
    assert not same_weights(two, reverse), "the order of the files on the command line was ignored"


def test_a_folder_is_its_files_sorted_and_nested(elman, train):
    write(elman, "texts/b.txt", "beta " * 60 + "\n")
    write(elman, "texts/a.txt", "alpha " * 60 + "\n")
    write(elman, "texts/deeper/c.txt", "gamma " * 60 + "\n")
    _, folder = train("texts", name="folder.safetensors")
    _, files = train("texts/a.txt", "texts/b.txt", "texts/deeper/c.txt", name="files.safetensors")
    assert set("alphbetagm \n") == set(folder.symbols)
    assert same_weights(folder, files)


def test_file_name_with_spaces_and_accents(elman, train):
    write(elman, "mon café n° 1.txt", "un deux trois\n" * 30)
    _run, _ = train("mon café n° 1.txt")
    elman("train", "mon café n° 1.txt", *FEW).ok()
    assert (elman.folder / "mon café n° 1.safetensors").exists(), (
        "the default name is that of the corpus"
    )


def test_summary_names_corpora_and_command(elman, train, make_english):
    write(elman, "text.txt", make_english(1500))
    _, model = train("text.txt")
    summary = json.dumps(model.summary)
    assert "text.txt" in summary, f"the summary should name the corpus: {summary}"
    assert "numpy" in summary.lower(), f"the summary should hold library versions: {summary}"
    assert model.metadata.keys() >= {"format", "config", "vocabulary", "summary", "digest"}


def test_no_folder_leaves_with_a_model_whose_path_has_a_space(elman, train, make_english):
    (elman.folder / "ada lovelace" / "my texts").mkdir(parents=True)
    text = write(elman, "ada lovelace/my texts/poems 1.txt", make_english(1500))
    _, model = train(str(text))
    assert f"'{text}'" in model.summary["command"]
    elman("export", "m.safetensors", "-o", "small.safetensors").ok()
    assert "elman train 'poems 1.txt'" in elman("info", "small.safetensors").ok().stdout
    left = (elman.folder / "small.safetensors").read_bytes()
    assert not re.search(rb"lovelace|texts", left)


# --------------------------------------------------------------------------- lines


def test_lines(elman, train):
    names = ["anna", "ben", "clara", "dora", "emil", "finn", "greta", "hugo"] * 6
    write(elman, "names.txt", "\n".join(names) + "\n")
    _, model = train("names.txt", "--lines")
    characters = set("".join(names))
    assert characters <= set(model.symbols)
    assert "\n" not in model.symbols, "a line has a beginning and an end, not a newline"
    boundaries = set(model.symbols) - characters
    assert boundaries, "--lines needs begin and end symbols"
    sampled = elman("sample", "m.safetensors", "--length", 40, "--seed", 1).ok().stdout
    assert set(sampled) <= characters | {"\n"}, (
        f"boundary symbols leaked into the sample: {sampled!r}"
    )


@pytest.mark.parametrize("blank", ["\n\n\n", "\r\n\r\n"])
def test_lines_ignore_blank_lines_and_a_missing_last_newline(elman, train, blank):
    names = ["anna", "ben", "clara", "dora", "emil", "finn"] * 5
    write(elman, "plain.txt", "\n".join(names) + "\n")
    write(elman, "blank.txt", blank.join(names))
    _, plain = train("plain.txt", "--lines", name="plain.safetensors")
    _, blanks = train("blank.txt", "--lines", name="blank.safetensors")
    assert same_weights(plain, blanks)


def test_a_line_longer_than_the_window(elman, train):
    write(elman, "lines.txt", "ab" * 200 + "\n" + "ba\n" * 10)
    train("lines.txt", "--lines", flags=[*TINY, "--epochs", "1"])


def test_lines_are_shuffled_before_the_split(elman, train):
    """Sorted names would leave the last letters of the alphabet to the held-out part; --seed
    draws another part.
    """
    names = [a + b + c for a in "abcdefgh" for b in "aeiou" for c in "nrst"]
    write(elman, "names.txt", "\n".join(names) + "\n")
    arguments = ["names.txt", "--lines", "--validation", 0.25, "--cell", "ngram", "--order", 1]
    figures = []
    for seed in (0, 1):
        run = elman("train", *arguments, "--seed", seed, "-o", f"{seed}.safetensors", "--json").ok()
        figures.append(run.done["validation_bits_per_character"])
    assert figures[0] != figures[1], "another seed should hold other lines out"
    assert max(figures) < 4.0, f"the held-out lines look unlike the training lines: {figures}"


# --------------------------------------------------------------------------- tiny corpora


@pytest.mark.parametrize("text", ["abc", "hello", "hello\n", "ab" * 10])
@pytest.mark.parametrize("batching", ["consecutive", "random"])
def test_a_tiny_corpus_trains_with_a_shrunken_batch_and_says_so(elman, text, batching):
    write(elman, "tiny.txt", text)
    run = elman(
        "train",
        "tiny.txt",
        "--hidden-size",
        6,
        "--batch-size",
        32,
        "--seq-len",
        64,
        "--steps",
        2,
        "--threads",
        1,
        "--batching",
        batching,
        "--validation",
        0,
        "-o",
        "m.safetensors",
    ).ok()
    assert "batch" in run.stderr, f"the batch was shrunk in silence:\n{run}"
    elman("sample", "m.safetensors", "--length", 5).ok()


def test_two_characters(elman):
    """One prediction: there is hardly less. Trained on or refused, but in a sentence."""
    write(elman, "tiny.txt", "ab")
    for flags in (
        [],
        ["--batching", "random"],
        ["--validation", "0"],
        ["--lines"],
        ["--cell", "ngram"],
    ):
        run = elman(
            "train",
            "tiny.txt",
            "--hidden-size",
            6,
            "--steps",
            2,
            "--threads",
            1,
            *flags,
            "-o",
            "m.safetensors",
        )
        if run.returncode:
            run.refused((1, 2))
        else:
            elman("info", "m.safetensors").ok()


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--lines"],
        ["--tokens", "word"],
        ["--tokens", "byte"],
        ["--validation", "0.1"],
        ["--validation", "0.1", "--test", "0.1"],
        ["--cell", "ngram"],
        ["--bptt", "200"],
    ],
)
def test_a_tiny_corpus_with_the_defaults(elman, flags):
    write(elman, "tiny.txt", "to be or not\nto be\n")
    run = elman(
        "train",
        "tiny.txt",
        "--hidden-size",
        6,
        "--steps",
        2,
        "--threads",
        1,
        *flags,
        "-o",
        "m.safetensors",
    )
    if run.returncode:
        run.refused((1, 2))
    else:
        run.ok()
        elman("info", "m.safetensors").ok()


def test_one_line_only(elman):
    write(elman, "line.txt", "a single line\n")
    run = elman("train", "line.txt", "--lines", *FEW, "-o", "m.safetensors")
    if run.returncode:
        run.refused((1, 2))
    else:
        run.ok()


# --------------------------------------------------------------------------- held-out parts


CHAIN = ["--cell", "ngram", "--order", "1"]
NET = [*TINY, "--steps", "60", "--learning-rate", "0.01", "--patience", "0"]


@pytest.mark.parametrize("flags", [CHAIN, NET], ids=["chain", "network"])
def test_validation_lies_at_the_end_and_test_behind_it(elman, flags):
    """Mostly the letter a, then nothing but a, then noise: each figure can only come from its
    own part.
    """
    rng = np.random.default_rng(0)
    letters = list("abcdefgh")
    train = "".join(rng.choice(letters, 3200, p=[0.79] + [0.03] * 7))
    write(elman, "text.txt", train + "a" * 400 + "".join(rng.choice(letters, 400)))
    parts = ["--validation", 0.1, "--test", 0.1]
    done = elman("train", "text.txt", *flags, *parts, "--json", "-o", "m.safetensors").ok().done
    test = done.get("test_bits_per_character")
    assert test is not None, (
        f"--test asked for a figure on the test part; `done` holds {sorted(done)}"
    )
    easy, middle = done["validation_bits_per_character"], done["train_bits_per_character"]
    assert easy < middle < test, f"held-out figures of the wrong parts of the text: {done}"
    assert test > 2.5, f"noise cannot be predicted: {done}"
    assert done["validation_perplexity"] == pytest.approx(2**easy, rel=1e-6)

    write(elman, "shorter.txt", train + "a" * 400)
    flags = [*flags, "--validation", 1 / 9]
    again = elman("train", "shorter.txt", *flags, "--json", "-o", "n.safetensors").ok().done
    assert again["validation_bits_per_character"] == pytest.approx(easy, rel=1e-3)


def test_validation_equals_scoring_the_held_out_text(elman, make_english):
    text = make_english(4000)
    write(elman, "text.txt", text)
    write(elman, "end.txt", text[3600:])
    run = elman(
        "train",
        "text.txt",
        *TINY,
        "--steps",
        60,
        "--validation",
        0.1,
        "-o",
        "m.safetensors",
        "--json",
    ).ok()
    scored = elman("score", "m.safetensors", "end.txt", "--json").ok().events[0]
    # they may differ in how the first character is counted, and in nothing else
    assert run.done["validation_bits_per_character"] == pytest.approx(
        scored["bits_per_character"], rel=0.02
    )


def test_no_validation(elman, corpus):
    run = elman("train", corpus.name, *FEW, "--validation", 0, "-o", "m.safetensors", "--json").ok()
    assert run.done.get("validation_bits_per_character") is None
    assert run.named("evaluation") == []


def test_no_look_at_the_held_out_end(elman, train, make_english):
    """Another held-out end of the same length and symbols leaves training as it is, up to the
    choice of the best.
    """
    text = make_english(4000)
    write(elman, "a.txt", text)
    write(elman, "b.txt", text[:3600] + text[:400])
    runs = [
        elman(
            "train",
            name,
            *TINY,
            "--steps",
            20,
            "--validation",
            0.1,
            "--json",
            "--log-every",
            1,
            "-o",
            f"{name}.st",
        )
        for name in ("a.txt", "b.txt")
    ]
    assert runs[0].ok().losses == runs[1].ok().losses
    assert len(runs[0].losses) == 20


# --------------------------------------------------------------------------- named corpora


def test_corpora_lists_names_first(elman):
    lines = elman("corpora").ok().stdout.splitlines()
    names = {line.split()[0] for line in lines if line.strip()}
    assert {"stdlib", "shakespeare", "time-machine", "sherlock"} <= names, lines


def test_named_corpus_from_a_folder_without_the_right_content_is_refused(elman):
    write(elman, "texts/tinyshakespeare.txt", "Not Shakespeare at all\n")
    run = elman(
        "train",
        "shakespeare",
        *FEW,
        "-o",
        "m.safetensors",
        env={"ELMAN_CORPORA": elman.folder / "texts"},
    )
    run.refused((1,), mentions=("shakespeare",))


@pytest.mark.skipif(
    "ELMAN_CORPORA" not in os.environ, reason="ELMAN_CORPORA names no folder with the corpora"
)
@pytest.mark.parametrize(
    ("name", "symbols"), [("shakespeare", 65), ("time-machine", None), ("sherlock", None)]
)
def test_named_corpora(elman, read_model, name, symbols):
    folder = os.path.abspath(os.environ["ELMAN_CORPORA"])
    elman(
        "train", name, *FEW, "--validation", 0, "-o", "m.safetensors", env={"ELMAN_CORPORA": folder}
    ).ok()
    model = read_model(elman.folder / "m.safetensors")
    assert symbols in (None, len(model.symbols))


def test_a_file_named_like_a_corpus_is_the_file(elman, train):
    write(elman, "stdlib.txt", "xyz " * 100)
    _, model = train("stdlib.txt")
    assert set(model.symbols) == set("xyz ")
