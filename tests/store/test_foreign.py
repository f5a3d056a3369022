"""What is said of a file that was given as a model and is none."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

import elman
from elman.errors import ModelFileError
from elman.store.checkpoint import pack
from elman.store.foreign import LOOKED_AT, describe


def archive(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(name, b"contents")
    return data.getvalue()


def npz() -> bytes:
    data = io.BytesIO()
    np.savez(data, W=np.ones(3))
    return data.getvalue()


def npy() -> bytes:
    data = io.BytesIO()
    np.save(data, np.ones(3))
    return data.getvalue()


def tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as file:
        file.addfile(tarfile.TarInfo("poems.safetensors"))
    return data.getvalue()


def onnx() -> bytes:
    from onnx import helper

    return helper.make_model(helper.make_graph([], "g", [], [])).SerializeToString()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
SAYS = {
    "a git-lfs pointer": (POINTER, "a Git LFS pointer", "`git lfs pull`"),
    "a web page": (b"\n<!DOCTYPE html>\n<html>", "a web page", "download the file itself"),
    "an old web page": (b"\xef\xbb\xbf<!-- x -->\n<HTML>", "a web page", "raw"),
    "PyTorch": (archive("archive/data.pkl"), "a PyTorch archive", "safetensors.torch.save_file"),
    "old PyTorch": (
        pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps({"W": 1}, 2),
        "an older PyTorch, a pickle", "save the state_dict",
    ),
    "a pickle": (pickle.dumps({"W": 1}), "a pickle", "Elman never reads one"),
    "an array": (npy(), "an array of NumPy", "`elman train` wrote"),
    "arrays": (npz(), "an archive of arrays of NumPy", "`elman train` wrote"),
    "gzip": (gzip.compress(b"abc"), "compressed with gzip", "unpack it first"),
    "bzip2": (bz2.compress(b"abc"), "compressed with bzip2", "unpack it first"),
    "xz": (lzma.compress(b"abc"), "compressed with xz", "unpack it first"),
    "zip": (archive("poems.safetensors"), "a zip archive", "unpack it first"),
    "tar": (tar(), "a tar archive", "unpack it first"),
    "ONNX": (onnx(), "an ONNX model", "`elman train` wrote"),
    "ONNX of PyTorch": (b"\x08\x07\x12\x07pytorch\x1a\x032.1", "an ONNX model", "wrote"),
    "plain text": ("The sea, die Küste\n".encode(), "a text", "`elman train '"),
    "latin-1": ("Die Küste ist weit\n".encode("latin-1"), "a text", "`elman train '"),
    "utf-16": ("The sea is calm".encode("utf-16"), "a text", "`elman train '"),
    "JSON lines": (b'{"text": "the sea"}\n', "a table", "--text-column"),
    "a table": (b"id,text,label\n1,foo,x\n2,bar,y\n", "a table", "--text-column"),
    "nothing": (b"", "is empty", "again"),
    "a network of others": (
        save({"lstm.weight": np.ones(3)}, {"format": "pt"}),
        "a safetensors file of another program (it holds 'lstm.weight')", "`elman train` wrote",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAYS)
def test_it_says_what_the_file_is_and_what_to_do(tmp_path, kind):
    data, what, way_out = SAYS[kind]
    path = tmp_path / "my model.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as error:
        elman.load(path)
    message = str(error.value)
    assert message.startswith(f"{path} ")
    assert what in message and way_out in message
    assert "\n" not in message and ". " not in message.removeprefix(str(path))


def test_a_text_is_named_so_that_a_shell_reads_it(tmp_path):
    path = tmp_path / "my model.safetensors"
    assert describe(b"Once upon a time", path).endswith(f"`elman train '{path}'`")


def test_nothing_is_said_against_a_model_not_even_a_damaged_one(tmp_path):
    data = pack({"x": np.ones(3)}, {"config": {}})
    for length in (1, 4, 8, 9, 50, len(data)):
        assert describe(data[:length], tmp_path) == ""


@pytest.mark.parametrize("bytes_", [b"\0" * 4096, bytes(range(256)), b"\x89PNG\r\n\x1a\n\0\0\0"])
def test_nothing_is_said_of_what_is_not_known(tmp_path, bytes_):
    assert describe(bytes_, tmp_path) == ""


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at(data):
    assert isinstance(describe(data, Path("x")), str)


def test_a_page_of_comments_is_looked_at_in_one_pass(tmp_path):
    assert describe((b"<!-- --> " * 1000)[:LOOKED_AT], tmp_path).startswith("is a text")
