"""A file is the old one or the new one; one process writes it at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections import namedtuple
from pathlib import Path

import pytest

from elman import files
from elman.errors import ElmanError, UsageError
from elman.files import OutputFile, as_path, claim, model_path


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "model.safetensors"


def full_disk(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def left_over(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if p != path)


def test_writing_replaces_and_leaves_nothing_else(path):
    path.write_bytes(b"old")
    with OutputFile(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"new"
        file.write(b"newer")
    assert path.read_bytes() == b"newer"
    assert left_over(path) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(monkeypatch, path, step):
    path.write_bytes(b"old")
    with OutputFile(path) as file:
        with monkeypatch.context() as patch:
            patch.setattr(os, step, full_disk)
            with pytest.raises(ElmanError) as error:
                file.write(b"new and longer")
        assert path.read_bytes() == b"old"
        assert "No space left" in str(error.value)
        assert "untouched" in str(error.value)
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert left_over(path) == []


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_without_an_old_file_leaves_nothing(monkeypatch, path, step):
    with OutputFile(path) as file:
        monkeypatch.setattr(os, step, full_disk)
        with pytest.raises(ElmanError, match="cannot write") as error:
            file.write(b"new")
        assert "untouched" not in str(error.value)
    assert not path.exists()
    assert left_over(path) == []


def test_a_folder_that_cannot_be_synced_is_no_failure(monkeypatch, path):
    """Some file systems refuse to sync a folder; the file has been replaced by then."""
    fsync, calls = os.fsync, []

    def only_files(descriptor):
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    path.write_bytes(b"old")
    with OutputFile(path) as file:
        monkeypatch.setattr(os, "fsync", only_files)
        file.write(b"new")
    assert path.read_bytes() == b"new"


def test_what_a_killed_process_left_is_cleaned_up(path):
    (path.parent / f".{path.name}.tmp").write_bytes(b"half")
    (path.parent / f".{path.name}.lock").write_bytes(b"")
    with OutputFile(path) as file:
        file.write(b"new")
    assert left_over(path) == []


def test_a_folder_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(ElmanError, match="is a folder"):
        OutputFile(tmp_path)
    with pytest.raises(ElmanError, match="does not exist"):
        OutputFile(tmp_path / "nowhere" / "model")


def test_a_path_is_a_string_or_whatever_names_one(tmp_path):
    class Named(os.PathLike):
        def __fspath__(self):
            return "a/b"

    assert as_path("a/b", "it") == as_path(Path("a/b"), "it") == as_path(Named(), "it")


@pytest.mark.parametrize("path", [None, 5, False, b"model", ["model"], object()])
def test_what_is_no_path_is_one_sentence(path):
    kind = type(path).__name__
    with pytest.raises(UsageError, match=f"the path of the model must .* not of type {kind}; name"):
        as_path(path, "the model")
    with pytest.raises(UsageError, match="the path of the file to write must"):
        OutputFile(path)


def test_too_little_room_is_found_before_writing(monkeypatch, path):
    usage = namedtuple("usage", "total used free")(10**9, 10**9 - 10**6, 10**6)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: usage)
    with OutputFile(path) as file:
        file.reserve(1_000_000)
        with pytest.raises(ElmanError, match=r"1.0 MB free.*2.0 MB"):
            file.reserve(2_000_000)


# --------------------------------------------------------------------------- two writers

HOLDER = """
    import sys
    from elman.files import OutputFile
    with OutputFile(sys.argv[1]) as file:
        print("holding", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def holder(path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "holding\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_until_the_first_ends(path, holder):
    with pytest.raises(ElmanError, match=r"another process is writing .*; wait for it"):
        OutputFile(path)
    holder.stdin.close()
    assert holder.wait(10) == 0
    with OutputFile(path) as file:
        file.write(b"mine")
    assert left_over(path) == []


def test_the_lock_of_a_killed_process_holds_nobody_up(path, holder):
    holder.kill()
    holder.wait(10)
    with OutputFile(path) as file:
        file.write(b"mine")
    assert left_over(path) == []


def test_a_second_writer_in_the_same_process_is_refused_too(path):
    with OutputFile(path), pytest.raises(ElmanError, match="another process is writing"):
        OutputFile(path)


def test_closing_twice_does_no_harm(path):
    file = OutputFile(path)
    file.close()
    file.close()
    with OutputFile(path):
        pass


# --------------------------------------------------------------------------- names


def test_a_claimed_name_replaces_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with claim("poem") as first:
        assert first.path == Path("poem.safetensors")
        with claim("poem") as second:  # the first is not written yet, but taken
            assert second.path == Path("poem-2.safetensors")
    Path("poem.safetensors").touch()
    Path(".poem-2.safetensors.lock").touch()  # left by a killed process: holds no name
    with claim("poem") as file:
        assert file.path == Path("poem-2.safetensors")


def test_a_link_is_followed_and_keeps_leading_there(tmp_path):
    target, link = tmp_path / "real.safetensors", tmp_path / "link.safetensors"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with OutputFile(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_pipe_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ElmanError, match="not a regular file"):
        OutputFile(pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["m.safetensors", "m.st", "model", "run-0.5", ".hidden"])
def test_names_that_say_no_other_format_stay_as_they_are(name):
    assert model_path(name) == Path(name)


@pytest.mark.parametrize("suffix", ["onnx", "html", "pt", "ckpt", "npz", "json", "TXT", "gz", "h5"])
def test_a_model_gets_no_name_of_another_format(suffix):
    with pytest.raises(UsageError, match=rf"ends in \.{suffix}; name it my\.safetensors$"):
        model_path(f"my.{suffix}")
