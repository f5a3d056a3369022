"""Reading, encoding and dividing a corpus; a large one lies in a mapped file."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import textwrap
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.errors import CorpusError, UnknownSymbolError
from elman.text import corpus as module
from elman.text import read as text_module
from elman.text.corpus import Corpus, CorpusOptions, load
from elman.text.decode import MARKS
from elman.text.read import TextOptions
from elman.text.splits import divide
from elman.text.vocabulary import Vocabulary

KINDS = ["char", "byte", "word"]


def options(tokens="char", lines=False, **kind) -> CorpusOptions:
    if lines:
        kind["separator"] = "\n"
    return CorpusOptions(tokens, text=TextOptions(raw=tokens == "byte"), **kind)


# --------------------------------------------------------------------------- loading


@pytest.mark.parametrize("tokens", KINDS)
def test_a_stream_decodes_to_its_text(poem, poem_file, tokens):
    corpus = load([str(poem_file)], options(tokens))
    assert corpus.vocabulary.decode(corpus.ids) == poem
    assert corpus.offsets is None
    assert corpus.characters == len(poem)
    assert corpus.sha256 == hashlib.sha256(poem.encode()).hexdigest()
    assert corpus.names == [str(poem_file)]


@pytest.mark.parametrize("tokens", KINDS)
def test_lines_decode_to_the_lines_that_are_not_empty(tmp_path, tokens):
    path = tmp_path / "lines.txt"
    path.write_text("anna\n\nbörk x\n\n\ncarl", encoding="utf-8")
    corpus = load([str(path)], options(tokens, lines=True))
    ids = np.split(corpus.ids, corpus.offsets[1:-1])
    assert [corpus.vocabulary.decode(line) for line in ids] == ["anna", "börk x", "carl"]


@pytest.mark.parametrize("lines", [False, True])
@pytest.mark.parametrize(
    ("tokens", "piece"),
    [("char", 1), ("char", 7), ("byte", 1), ("byte", 7), ("word", 64), ("word", 200)],
)
def test_a_mapped_corpus_read_in_pieces_equals_one_in_memory(
    monkeypatch, poem_file, tokens, lines, piece
):
    there = load([str(poem_file)], options(tokens, lines=lines))
    assert not isinstance(there.ids, np.memmap)
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    for place in (module, text_module):
        monkeypatch.setattr(place, "PIECE", piece, raising=False)
    mapped = load([str(poem_file)], options(tokens, lines=lines))
    assert isinstance(mapped.ids, np.memmap)
    assert mapped.ids.dtype == there.ids.dtype
    np.testing.assert_array_equal(mapped.ids, there.ids)
    assert mapped.vocabulary == there.vocabulary
    assert (mapped.sha256, mapped.characters) == (there.sha256, there.characters)
    if lines:
        np.testing.assert_array_equal(mapped.offsets, there.offsets)
    for a, b in zip(
        divide(mapped, 0.2, 0.1, 3).parts, divide(there, 0.2, 0.1, 3).parts, strict=True
    ):
        np.testing.assert_array_equal(a.ids, b.ids)


def test_folders_are_read_in_order_without_hidden_and_binary_files(tmp_path):
    for name, data in {
        "b.txt": b"bb\n", "a/z.txt": b"zz", "a/y.txt": b"yy\n", ".hidden/x.txt": b"xx\n",
        ".secret": b"ss\n", "picture.png": b"\x89PNG\0\0",
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    corpus = load([str(tmp_path)], options())
    assert corpus.vocabulary.decode(corpus.ids) == "yy\nzz\nbb\n"
    assert corpus.notes == [
        f"left out of {tmp_path}: 1 binary (picture.png), 2 hidden (.hidden/x.txt, .secret)"
    ]


def test_several_names_are_one_corpus(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name * 3, encoding="utf-8")
    corpus = load([str(tmp_path / "b"), str(tmp_path / "a")], options())
    assert corpus.vocabulary.decode(corpus.ids) == "bbb\naaa"


def test_a_given_vocabulary_is_used_and_gets_what_it_lacks(poem_file, poem):
    letters = Vocabulary("char", [*sorted(set(poem)), "é"])
    assert load([str(poem_file)], options(), letters).vocabulary is letters
    few = Vocabulary("char", list("\n abc"))
    corpus = load([str(poem_file)], options(), few)
    assert corpus.vocabulary.symbols[:5] == few.symbols
    assert corpus.vocabulary.decode(corpus.ids) == poem
    with pytest.raises(UnknownSymbolError, match="does not know"):  # a run that goes on
        load([str(poem_file)], options(), few, sha256=corpus.sha256)


@pytest.mark.parametrize(
    ("data", "tokens", "sentence"),
    [
        (b"", "char", "holds no text"),
        (b"", "byte", "holds no text"),
        (b"aaaaaaa", "char", "1 distinct symbol"),
        (b"the", "word", "distinct symbol"),
        (b"ab\xffcd", "char", "not UTF-8"),
        (b"ab\0cd", "char", "binary"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(tmp_path, data, tokens, sentence):
    path = tmp_path / "bad"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=sentence) as error:
        load([str(path)], options(tokens))
    assert "\n" not in str(error.value)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(CorpusError, match=r"no file or folder 'nowhere'.*stdlib, shakespeare"):
        load(["nowhere"], options())


def test_a_folder_without_text_is_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\0\0\0")
    with pytest.raises(CorpusError, match="holds no text files"):
        load([str(tmp_path)], options())


# --------------------------------------------------------------------------- dividing


def stream_of(size: int) -> Corpus:
    ids = np.arange(size, dtype=np.uint32)
    return Corpus(Vocabulary("char", ["a", "b"]), ids, None, size, "", ["it"])


def lines_of(count: int) -> Corpus:
    """Lines of 1 to 5 symbols."""
    offsets = np.concatenate([[0], np.cumsum(1 + np.arange(count) % 5)])
    ids = np.zeros(offsets[-1], np.uint8)
    return Corpus(Vocabulary("char", ["a"]), ids, offsets, len(ids), "", ["it"])


@given(st.integers(10, 3000), st.floats(0, 0.45), st.floats(0, 0.45))
def test_every_symbol_of_a_stream_is_predicted_in_exactly_one_part(size, validation, test):
    parts = divide(stream_of(size), validation, test, 0).parts
    predicted = [part.ids[1:].tolist() for part in parts]
    assert [*chain.from_iterable(predicted)] == list(range(1, size))
    held_out, tested = round(validation * size), round(test * size)
    assert [part.predictions for part in parts] == [size - held_out - tested - 1, held_out, tested]


def test_the_last_part_is_held_out_and_begins_with_the_symbol_before_it():
    train, validation, test = divide(stream_of(100), 0.2, 0.1, 0).parts
    assert train.ids.tolist() == list(range(70))
    assert validation.ids.tolist() == list(range(69, 90))
    assert test.ids.tolist() == list(range(89, 100))


@pytest.mark.parametrize(
    ("size", "held_out"), [(100, 10), (1_000_000, 100_000), (6_000_000, 500_000)]
)
def test_by_default_a_tenth_is_held_out_up_to_half_a_million(size, held_out):
    train, validation, test = divide(stream_of(size), None, 0.0, 0).parts
    assert validation.predictions == held_out
    assert test.predictions == 0
    assert len(train.ids) == size - held_out


@given(st.integers(10, 500), st.floats(0, 0.45), st.floats(0, 0.45), st.integers(0, 5))
def test_every_line_is_in_exactly_one_part(count, validation, test, seed):
    parts = divide(lines_of(count), validation, test, seed).parts
    rows = [part.rows.tolist() for part in parts]
    assert sorted(chain.from_iterable(rows)) == list(range(count))
    held_out, tested = round(validation * count), round(test * count)
    assert list(map(len, rows)) == [count - held_out - tested, held_out, tested]


def test_lines_are_divided_by_seed_and_not_in_order():
    rows = [divide(lines_of(200), 0.2, 0.1, seed).parts[1].rows.tolist() for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]
    assert rows[0] != list(range(140, 180))


def test_predictions_of_lines_include_their_ends():
    train, validation, _ = divide(lines_of(10), 0.5, 0.0, 0).parts
    assert train.predictions + validation.predictions == 2 * (1 + 2 + 3 + 4 + 5) + 10


@pytest.mark.parametrize("size", [0, 1, 2])
def test_too_short_a_stream_is_refused(size):
    with pytest.raises(CorpusError, match=f"{size} symbols are left for training, 3 are needed"):
        divide(stream_of(size), 0.0, 0.0, 0)


def test_nothing_left_to_train_on_is_refused():
    with pytest.raises(CorpusError, match=r"too short.*--validation or --test"):
        divide(stream_of(8), 0.5, 0.4, 0)
    with pytest.raises(CorpusError, match="0 records are left"):
        divide(lines_of(1), 0.9, 0.0, 0)


# --------------------------------------------------------------------------- larger than memory


@pytest.mark.slow
def test_two_gigabytes_train_in_half_a_gigabyte_of_memory(tmp_path):
    if shutil.disk_usage(tmp_path).free < 8e9:
        pytest.skip("less than 8 GB of disk are free")
    block = "".join(f"line {i} of the {i * 7919 % 1013}th kind, and so on\n" for i in range(20_000))
    data = block.encode()
    path = tmp_path / "large.txt"
    with open(path, "wb") as file:
        while file.tell() < 2_000_000_000:
            file.write(data)
    program = """
        import resource, sys, elman
        model = elman.train(sys.argv[1], hidden_size=32, steps=5, eval_every=2)
        print(model.summary["steps"], model.summary["validation_bits_per_character"] > 0)
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    try:
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command],
            capture_output=True, text=True, env=environment, timeout=1800,
        )  # fmt: skip
    finally:
        path.unlink()
    assert done.returncode == 0, done.stderr
    *output, peak = done.stdout.split()
    assert output == ["5", "True"]
    assert int(peak) * 1024 < 500e6, f"peak memory {int(peak) / 1024:.0f} MiB"


# Runs a command in a process of its own, so that no other child's memory is measured.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


NO_MARK = tuple(mark for mark, _ in MARKS)
ENCODINGS = ("utf-8", "utf-16", "utf-32", "cp1252", "koi8-r", "shift_jis")
PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.filterwarnings("ignore:Characters")  # of Shift JIS, see below
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ending", PACKED)
@given(data=st.data())
def test_a_text_in_any_encoding_packed_or_not_is_its_utf_8_form(
    tmp_path_factory, encoding, ending, data
):
    """The same symbols and the same digest, so a training ends in the same bits."""
    letters = st.characters(
        codec=encoding, exclude_characters="\0\ufeff", exclude_categories=["Cs"]
    )
    drawn = data.draw(st.text(letters, min_size=1)) + "\nab\n"
    text = drawn.encode(encoding).decode(encoding)  # Shift JIS has one byte for ¥ and the backslash
    folder = tmp_path_factory.mktemp("same")
    plain, other = folder / "plain.txt", folder / f"other.txt{ending}"
    plain.write_bytes(text.encode())
    other.write_bytes(PACKED[ending](text.encode(encoding)))
    if text.encode(encoding).startswith(NO_MARK) and not encoding.startswith("utf"):
        return
    expected = load([str(plain)], options())
    reading = TextOptions(encoding=encoding)
    found = load([str(other)], CorpusOptions(text=reading))
    assert found.sha256 == expected.sha256
    assert found.vocabulary == expected.vocabulary
    np.testing.assert_array_equal(found.ids, expected.ids)
