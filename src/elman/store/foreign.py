"""What a file is that was given as a model and is none, by its first bytes; nothing is unpacked."""

import re
from pathlib import Path
from shlex import quote

from ..errors import either

LOOKED_AT = 4096  # bytes
TRIED = 5  # lines that show whether a text is a table

NOT_OURS = "; Elman reads the .safetensors files that `elman train` wrote"
NO_PICKLES = (
    "which can run any code when it is read, so Elman never reads one; of a PyTorch model save the "
    "state_dict with safetensors (safetensors.torch.save_file)"
)
UNPACK = "unpack it first"

# What a file begins with, what it is then, and what to do.
BEGINNINGS = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the file; fetch the file "
     "itself with `git lfs pull`"),
    (b"\x93NUMPY", f"is an array of NumPy{NOT_OURS}"),
    (b"\x1f\x8b", f"is compressed with gzip; {UNPACK}"),
    (b"\xfd7zXZ\x00", f"is compressed with xz; {UNPACK}"),
    (b"BZh", f"is compressed with bzip2; {UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"is compressed with zstd; {UNPACK}"),
)  # fmt: skip
# The magic number that torch.save pickled first, up to version 1.5; a frame may come before it
OLD_PYTORCH = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
# A protocol buffer that begins with a version (field 1), and a string or the graph behind it
ONNX = re.compile(rb"\x08[\x01-\x40][\x12\x1a\x22\x3a\x42]")
# Atomic (?>) and possessive (*+), so that no file takes long to look at
HTML = re.compile(
    rb"\s*(?:(?><!--.*?-->|<\?xml[^>]*>)\s*)*+<(?:!doctype html|html|head)\b", re.I | re.S
)
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # bytes that no text has
MARK = b"\xef\xbb\xbf"  # a byte order mark
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def describe(start: bytes, path: Path) -> str:
    """What a file certainly is, and what to do, to follow its name in a sentence.

    Parameters
    ----------
    start : its first `LOOKED_AT` bytes
    path : its name, for what to do; it is not opened

    Returns
    -------
    text : "" if it may be a safetensors file, or nothing is known of it

    Example
    -------
    >>> describe(b"BZh91AY", Path("poems.safetensors"))
    'is compressed with bzip2; unpack it first'
    """
    if not start:
        return "is empty, not a model file; copy or download it again"
    if not start[4:8].strip(b"\x00") and start[8:9] in (b"{", b""):  # the length of a header
        return ""
    for beginning, what in BEGINNINGS:
        if start.startswith(beginning):
            return what
    if start[:2] == b"PK":
        return _archive(start)
    if start[:1] == b"\x80" and b"\x02" <= start[1:2] <= b"\x05":
        name = "a file of an older PyTorch, a pickle" if OLD_PYTORCH in start[:32] else "a pickle"
        return f"is {name}, {NO_PICKLES}"
    if start[257:262] == b"ustar":
        return f"is a tar archive; {UNPACK}"
    if ONNX.match(start):
        return f"is an ONNX model{NOT_OURS}, and elman import reads an ONNX file of its own"
    if HTML.match(start.removeprefix(MARK)):
        return (
            "is a web page; download the file itself, for example by the link that a page of files "
            "calls raw or download"
        )
    if not CONTROL.search(start) and _is_table(start.removeprefix(MARK), path):
        way = either(f"`elman train {quote(str(path))} --text-column NAME`",
                     "elman.train(path, text_column=NAME)")  # fmt: skip
        return f"is a table, not a model; train one on its texts with {way}"
    if start.startswith(UTF16) or not CONTROL.search(start):
        way = either(f"`elman train {quote(str(path))}`", "elman.train(path)")
        return f"is a text, not a model; train one on it with {way}"
    return ""


def _is_table(start: bytes, path: Path) -> bool:
    """Whether a text is called a table, or its first lines are objects, or as many fields each."""
    first, *others = start.splitlines()[:TRIED] or [b""]
    if path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".ndjson"):
        return True
    if first.startswith(b"{") and first.rstrip().endswith(b"}"):
        return True
    counts = [{line.count(d) for line in (first, *others[:-1])} for d in (b"\t", b"|", b";", b",")]
    return len(others) > 1 and any(len(found) == 1 and 0 not in found for found in counts)


def _archive(start: bytes) -> str:
    """What a zip archive is, by the name of the first file in it."""
    name = start[30 : 30 + int.from_bytes(start[26:28], "little")]
    if name.endswith(b"data.pkl") or b"data.pkl" in start:
        return f"is a PyTorch archive with a pickle in it, {NO_PICKLES}"
    if name.endswith(b".npy"):
        return f"is an archive of arrays of NumPy (.npz){NOT_OURS}"
    return f"is a zip archive; {UNPACK}"
