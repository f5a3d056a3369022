"""A value in a file whose arrays several processes of a host read in place, without a copy each.

Between processes of one program, in a folder that nobody else may open: what is read is pickled.
"""

import pickle
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np

ALIGNED = 64  # bytes: arrays begin at whole lines of the cache


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        # A mapped array would be copied into the pickle; a plain one is left outside.
        if isinstance(obj, np.memmap):
            return obj.view(np.ndarray).__reduce_ex__(5)
        return NotImplemented


class _Arrays:
    """Arrays back to back in a file. A part of one that is there already is not written again."""

    def __init__(self, path: Path):
        self.file = open(path, "wb")  # noqa: SIM115  closed by `write`
        self.places: list[tuple[int, int]] = []  # where each begins, and its bytes
        self._written: list[tuple[int, int, int]] = []  # address, bytes, where it begins
        self._kept: list[pickle.PickleBuffer] = []  # so that no address is used twice

    def add(self, buffer: pickle.PickleBuffer) -> None:
        self._kept.append(buffer)
        data = np.frombuffer(buffer.raw(), np.uint8)
        address = data.__array_interface__["data"][0]
        for start, size, begin in self._written:
            if start <= address and address + len(data) <= start + size:
                self.places.append((begin + address - start, len(data)))
                return
        self.file.write(bytes(-self.file.tell() % ALIGNED))
        self._written.append((address, len(data), self.file.tell()))
        self.places.append((self.file.tell(), len(data)))
        self.file.write(data.data)


def write(folder: Path, value: object) -> None:
    """Write a value into an empty folder."""
    arrays = _Arrays(folder / "arrays")
    with arrays.file, open(folder / "value", "wb") as file:
        _Pickler(file, 5, buffer_callback=arrays.add).dump(value)
    np.save(folder / "places.npy", np.array(arrays.places, np.int64).reshape(-1, 2))


def read(folder: Path) -> Any:
    """What `write` wrote; its arrays are the file's and cannot be changed.

    The folder may be removed from then on.
    """
    places = np.load(folder / "places.npy").tolist()
    whole = memoryview(b"")
    if (folder / "arrays").stat().st_size:  # nothing cannot be mapped
        with open(folder / "arrays", "rb") as file:
            whole = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
    with open(folder / "value", "rb") as file:
        return pickle.load(file, buffers=[whole[at : at + size] for at, size in places])
