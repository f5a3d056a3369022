"""Values that several processes read from one file."""

from __future__ import annotations

import numpy as np

from elman.learn import mapped


def test_arrays_come_back_from_the_file_and_parts_are_written_once(tmp_path):
    whole = np.arange(10_000, dtype=np.int32)
    value = {"whole": whole, "part": whole[100:5000], "text": "ü", "empty": np.empty((0, 3))}
    mapped.write(tmp_path, value)
    assert (tmp_path / "arrays").stat().st_size < whole.nbytes + 200
    found = mapped.read(tmp_path)
    for file in tmp_path.iterdir():
        file.unlink()
    assert found["text"] == "ü" and found["empty"].shape == (0, 3)
    for name in ("whole", "part"):
        assert found[name].tolist() == value[name].tolist()
        assert not found[name].flags.writeable
    assert np.shares_memory(found["whole"], found["part"])


def test_a_mapped_array_stays_outside_the_pickle(tmp_path):
    with open(tmp_path / "ids", "w+b") as file:
        file.write(bytes(40_000))
        file.flush()
        ids = np.memmap(file, np.uint8, "r")
    (tmp_path / "shared").mkdir()
    mapped.write(tmp_path / "shared", [ids, ids[5:]])
    assert (tmp_path / "shared" / "value").stat().st_size < 2000
    found = mapped.read(tmp_path / "shared")
    assert found[1].tobytes() == ids[5:].tobytes()


def test_a_value_without_arrays(tmp_path):
    mapped.write(tmp_path, [1, "two"])
    assert mapped.read(tmp_path) == [1, "two"]
