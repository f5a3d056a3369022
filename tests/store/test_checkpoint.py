"""The container of a model file: round trips, and what is refused."""

from __future__ import annotations

import json
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from elman.errors import ModelFileError, UsageError
from elman.store import checkpoint
from elman.store.checkpoint import pack, unpack

NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def tensors(rng):
    return {
        "layer0.W_x": rng.normal(size=(4, 6)).astype(np.float32),
        "readout.b_y": rng.normal(size=5),
        "ngram.keys1": np.arange(3, dtype=np.uint64),
        "training.history": np.empty((0, 6)),
        "training.last_symbol": np.array([2], np.int32),
    }


METADATA = {"config": {"cell": "gru", "size": 3}, "vocabulary": {"symbols": ["ä", "\n", "�"]}}


def written(tmp_path, data: bytes):
    path = tmp_path / "file.safetensors"
    path.write_bytes(data)
    return path


def refusal(path) -> str:
    with pytest.raises(ModelFileError) as error:
        unpack(path)
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message
    return message


# --------------------------------------------------------------------------- round trips


def test_arrays_and_metadata_come_back(tmp_path, tensors):
    found, metadata = unpack(written(tmp_path, pack(tensors, METADATA)))
    assert metadata == METADATA
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@given(JSON)
def test_any_json_comes_back(tmp_path, value):
    _, metadata = unpack(written(tmp_path, pack({}, {"config": value})))
    assert metadata == {"config": value}


def test_the_digest_does_not_depend_on_the_order(tensors):
    backwards = dict(reversed(tensors.items()))
    strings = {"a": "b", "c": "d"}
    swapped = dict(reversed(strings.items()))
    assert checkpoint.digest(tensors, strings) == checkpoint.digest(backwards, swapped)


def test_views_that_are_not_contiguous_are_stored_as_they_look(tmp_path, rng):
    array = rng.normal(size=(6, 8))
    found, _ = unpack(written(tmp_path, pack({"x": array.T[::2]}, METADATA)))
    np.testing.assert_array_equal(found["x"], array.T[::2])


# --------------------------------------------------------------------------- damage


def test_every_flipped_byte_is_refused_or_harmless(tmp_path, tensors):
    """A change that is not refused must leave contents and metadata as they were."""
    data = pack(tensors, METADATA)
    header = 8 + int.from_bytes(data[:8], "little")
    rng = np.random.default_rng(0)
    places = [*range(0, header, 3), *rng.choice(np.arange(header, len(data)), 60, replace=False)]
    harmless = 0
    for place in places:
        for flip in (1 << int(rng.integers(8)), 0xFF):
            spoilt = bytearray(data)
            spoilt[place] ^= flip
            path = written(tmp_path, bytes(spoilt))
            try:
                found, metadata = unpack(path)
            except ModelFileError:
                continue
            harmless += 1
            assert metadata == METADATA
            for name, array in tensors.items():
                np.testing.assert_array_equal(found[name], array)
    assert harmless < len(places) / 10


def test_every_flipped_bit_of_the_arrays_is_found(tmp_path, tensors):
    data = pack(tensors, METADATA)
    start = 8 + int.from_bytes(data[:8], "little")
    for place in range(start, len(data), 5):
        spoilt = bytearray(data)
        spoilt[place] ^= 1 << place % 8
        assert "digest" in refusal(written(tmp_path, bytes(spoilt)))


@pytest.mark.parametrize("length", [1, 7, 8, 9, 100, -1])
def test_a_truncated_file_is_refused(tmp_path, tensors, length):
    data = pack(tensors, METADATA)
    message = refusal(written(tmp_path, data[:length]))
    assert "or it is damaged" in message


def test_bytes_appended_are_refused(tmp_path, tensors):
    refusal(written(tmp_path, pack(tensors, METADATA) + b"x"))


# --------------------------------------------------------------------------- foreign files


def test_an_empty_file_is_refused(tmp_path):
    assert "empty" in refusal(written(tmp_path, b""))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_unread(tmp_path, protocol):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was read",))

    assert "pickle" in refusal(written(tmp_path, pickle.dumps(Trap(), protocol)))


def test_an_archive_of_pytorch_is_refused(tmp_path):
    path = tmp_path / "file.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"")
    assert "PyTorch archive" in refusal(path)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"config": "{}"}])
def test_another_kind_of_safetensors_is_refused(tmp_path, metadata):
    data = save({"x": np.zeros(3)}, metadata)
    assert "not a model of Elman" in refusal(written(tmp_path, data))


def test_text_is_refused(tmp_path):
    refusal(written(tmp_path, b"Once upon a time there was a model file."))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "cannot read" in refusal(tmp_path / "nowhere")
    assert "cannot read" in refusal(tmp_path)


@pytest.mark.parametrize("path", [None, 5, b"model"])
def test_what_is_no_path_is_one_sentence(path):
    with pytest.raises(UsageError, match="the path of the model file must be a string or a Path"):
        unpack(path)


def strings(tensors, metadata):
    return {name: json.dumps(value, ensure_ascii=False) for name, value in metadata.items()}


@pytest.mark.parametrize("version", ["0", "2", "99", "", "one", "1.0"])
def test_another_version_is_refused_by_its_number(tmp_path, tensors, version):
    metadata = strings(tensors, METADATA) | {"format": version}
    metadata["digest"] = checkpoint.digest(tensors, metadata)
    message = refusal(written(tmp_path, save(tensors, metadata)))
    assert f"format {version!r}" in message
    assert "reads 1" in message


def test_a_file_without_digest_is_refused(tmp_path, tensors):
    metadata = strings(tensors, METADATA) | {"format": "1"}
    assert "digest" in refusal(written(tmp_path, save(tensors, metadata)))


def test_metadata_that_is_no_json_is_refused(tmp_path, tensors):
    metadata = {"config": "{", "format": "1"}
    metadata["digest"] = checkpoint.digest(tensors, metadata)
    assert "not JSON" in refusal(written(tmp_path, save(tensors, metadata)))


@pytest.mark.parametrize("name", ["layer0.W_x", "readout.b_y"])
def test_the_digest_covers_names_types_shapes_and_values(tensors, name):
    before = checkpoint.digest(tensors, {})
    array = tensors[name]
    for changed in (array * 2, array.astype(np.float16), array.reshape(-1, 1)):
        assert checkpoint.digest(tensors | {name: changed}, {}) != before
    renamed = {("x" if n == name else n): a for n, a in tensors.items()}
    assert checkpoint.digest(renamed, {}) != before
    assert checkpoint.digest(tensors, {"config": "{}"}) != before


def test_more_symbols_than_the_format_can_hold_are_refused_with_the_flags_that_mend_it(tensors):
    def symbols(count):
        return {"vocabulary": {"symbols": ['"' * count]}}  # a quote becomes four bytes

    assert len(pack(tensors, symbols(24_000_000))) > 96_000_000
    with pytest.raises(UsageError, match=r"too many symbols.*--vocabulary-size.*--min-count"):
        pack(tensors, symbols(25_000_000))
