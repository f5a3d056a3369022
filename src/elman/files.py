"""Files that are either the old one or the new one, whole: never something between."""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from shlex import quote

from .errors import ElmanError, UsageError, quoted

try:
    import fcntl
except ImportError:  # not on Windows, where two writers are not kept apart
    fcntl = None  # type: ignore[assignment]


LONGEST_NAME, LONGEST_PATH = 255, 4096  # bytes that Linux allows
MODEL_SUFFIX = ".safetensors"
# Endings by which people and programs would take a model for something else; others may be used.
OTHER_FORMATS = {
    "onnx", "pt", "pth", "ckpt", "pkl", "pickle", "joblib", "npz", "npy", "h5", "hdf5", "keras",
    "pb", "tflite", "gguf", "mlmodel", "t7", "txt", "md", "json", "jsonl", "csv", "tsv", "xml",
    "yaml", "yml", "toml", "htm", "html", "pdf", "py", "log", "gz", "bz2", "xz", "zst", "zip",
    "tar", "tgz", "7z", "png", "svg", "jpg", "jpeg", "gif",
}  # fmt: skip


def megabytes(size: float) -> str:
    """A number of bytes for people: 6.9 MB, and below a tenth of one 12.3 kB."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def meant(path: Path, suffix: str = "", others: Iterable[str] = ()) -> str | None:
    """Which file was perhaps meant by a path where there is none, as a hint.

    With a `suffix` it is one that ends so: of the name without it, of a similar name, or the
    only one in the folder. `others` are names that could be meant besides files.
    """
    try:
        names = sorted(name for name in os.listdir(path.parent)
                       if name.endswith(suffix) and not name.startswith("."))  # fmt: skip
    except OSError:
        names = []
    near = [name for name in names if suffix and name == path.name + suffix]
    # Endings make unlike names similar.
    stems = {name.removesuffix(suffix or path.suffix): name for name in reversed(names)}
    close = get_close_matches(path.name.removesuffix(suffix or path.suffix), stems, 1)
    near += [stems[stem] for stem in close]
    if not near and suffix and len(names) == 1:
        near = names
    found = [quote(str(path.parent / name)) for name in near]
    found += get_close_matches(str(path), others, 1)
    return f"did you mean {found[0]}?" if found else None


def is_name(path: str) -> bool:
    """Whether a file can be called so: no longer than file systems allow, no half a character."""
    try:
        parts = [os.fsencode(part) for part in path.split("/")]
    except UnicodeEncodeError:
        return False
    return max(map(len, parts)) <= LONGEST_NAME and sum(map(len, parts)) < LONGEST_PATH


def as_path(path: str | Path, what: str) -> Path:
    """The path of a file; raises UsageError, which names `what` it is of, if it is none."""
    try:
        if not is_name(str(path)):
            raise UsageError(f"the path of {what} is too long, or contains an unpaired surrogate: "
                             f"{quoted(str(path))}; name a file")  # fmt: skip
        if path == "":
            raise UsageError(f"the path of {what} is empty; name a file")
        if "\0" in str(path):
            raise UsageError(f"the path of {what} has a zero character in it; name a file")
        return Path(path)
    except TypeError:
        raise UsageError(
            f"the path of {what} must be a string or a Path, not of type {type(path).__name__}; "
            "name a file"
        ) from None


def model_path(path: str | Path) -> Path:
    """The path of a model file to write; raises UsageError if its name says another format."""
    path = as_path(path, "the file to write")
    if path.suffix[1:].lower() in OTHER_FORMATS:
        raise UsageError(
            f"{path} would hold a model in the safetensors format, but ends in {path.suffix}; "
            f"name it {path.with_suffix(MODEL_SUFFIX)}"
        )
    return path


def is_pipe(name: str) -> bool:
    """Whether a name is that of something that can be read only once."""
    path = Path(name)
    return path.exists() and not (path.is_file() or path.is_dir())


class InUseError(ElmanError):
    """A model file that another process is writing."""


class OutputFile:
    """A file that this process alone writes, replaced atomically each time.

    The lock is an open file with flock, which ends with the process however it
    ends. Raises ElmanError if the place cannot be written, or is being written
    by another process, and UsageError if it is no path. Another process has this many seconds
    of `patience` to come to its end.
    """

    def __init__(self, path: str | Path, patience: float = 0.0):
        self.path = as_path(path, "the file to write")
        if self.path.is_symlink():  # the file it leads to is replaced, and the lock is that file's
            self.path = self.path.resolve()
        if not self.path.name or self.path.is_dir():
            raise ElmanError(f"{quoted(str(path))} is a folder; name a file in it")
        if self.path.exists() and not self.path.is_file():
            raise ElmanError(f"{path} is not a regular file; name another one")
        folder = self.path.parent
        if not folder.is_dir():
            raise ElmanError(f"the folder {folder} does not exist; create it first")
        self._temporary = folder / f".{self.path.name}.tmp"
        self._lock_path = folder / f".{self.path.name}.lock"
        try:
            self._lock = self._acquire(time.monotonic() + patience)
            self._temporary.unlink(missing_ok=True)  # a killed process may have left one
        except OSError as error:
            raise ElmanError(f"cannot write into {folder.resolve()}: {error.strerror}") from None

    def _acquire(self, until: float) -> int:
        while True:
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o666)
            if fcntl is None:
                return lock
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                if time.monotonic() < until:
                    time.sleep(0.05)
                    continue
                raise InUseError(
                    f"another process is writing {self.path}; wait for it, "
                    "or name another file with --output"
                ) from None
            # The holder before may have removed the name between open and flock.
            try:
                if os.stat(self._lock_path).st_ino == os.fstat(lock).st_ino:
                    return lock
            except FileNotFoundError:
                pass
            os.close(lock)

    def reserve(self, size: int) -> None:
        """Raise ElmanError if the disk has no room for `size` bytes."""
        free = shutil.disk_usage(self.path.parent).free
        if free < size:
            raise ElmanError(
                f"{self.path.parent} has {megabytes(free)} free, the model file needs "
                f"{megabytes(size)}; make room, or name another place with --output"
            )

    def write(self, data: bytes) -> None:
        """Replace the contents. On failure the old file is kept and ElmanError says why."""
        self.stage(data)
        self.commit()

    def stage(self, data: bytes) -> None:
        """Write the new contents next to the file, which stays as it is until `commit`."""
        with self._failure_said(), open(self._temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def commit(self) -> None:
        """Replace the file by what was staged."""
        with self._failure_said():
            os.replace(self._temporary, self.path)
        with suppress(OSError):  # not every file system can sync a folder
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    @contextmanager
    def _failure_said(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            kept = "; the file there before is untouched" if self.path.exists() else ""
            raise ElmanError(f"cannot write {self.path}: {error.strerror}{kept}") from None

    def close(self) -> None:
        """Give the lock back; what was staged and not put in place is gone."""
        if self._lock >= 0:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            self._lock_path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> "OutputFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def claim(stem: str) -> OutputFile:
    """A file in the working directory that nothing has yet, and that nobody else takes."""
    for number in count(1):
        path = Path(f"{stem}{f'-{number}' if number > 1 else ''}{MODEL_SUFFIX}")
        if path.exists():
            continue
        try:
            file = OutputFile(path)
        except InUseError:
            continue
        if not path.exists():  # nor was it made between the look and the lock
            return file
        file.close()
    raise AssertionError("numbers do not end")
