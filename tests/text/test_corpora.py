"""Named corpora: a folder first, then a download checked by its hash; the standard library."""

from __future__ import annotations

import hashlib
import http.server
import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from elman.errors import CorpusError
from elman.text import corpora
from elman.text.corpus import CorpusOptions, load
from elman.text.read import TextOptions, read_pieces

TEXT = b"A very small stand-in for the plays.\n"
REAL_FOLDER = os.environ.get("ELMAN_CORPORA")  # the tests below run without it


@pytest.fixture(autouse=True)
def no_folder_and_an_empty_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("ELMAN_CORPORA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def pinned(monkeypatch):
    """Pin the hash of the small text instead of that of the plays."""
    download = replace(corpora.DOWNLOADS["shakespeare"], sha256=hashlib.sha256(TEXT).hexdigest())
    monkeypatch.setitem(corpora.DOWNLOADS, "shakespeare", download)
    return download


@pytest.fixture
def server(tmp_path, monkeypatch, pinned):
    """A local server of a folder; `server.requests` lists what was asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / pinned.file).write_bytes(TEXT)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            httpd.requests.append(self.path)

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.requests, httpd.folder = [], folder
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("ELMAN_CORPORA_URL", f"http://127.0.0.1:{httpd.server_port}/")
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def contents(name: str) -> bytes:
    (source,) = corpora.sources(name)
    return source.path.read_bytes()


def refusal(name: str = "shakespeare") -> str:
    with pytest.raises(CorpusError) as error:
        corpora.sources(name)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_a_corpus_is_downloaded_once(server):
    assert contents("shakespeare") == TEXT
    assert contents("shakespeare") == TEXT
    assert server.requests == ["/tinyshakespeare.txt"]


def test_a_named_corpus_loads_like_a_file(server):
    corpus = load(["shakespeare"], CorpusOptions())
    assert corpus.vocabulary.decode(corpus.ids) == TEXT.decode()
    assert corpus.names == ["shakespeare"]


def test_a_download_with_another_hash_is_refused_and_not_kept(server, pinned):
    (server.folder / pinned.file).write_bytes(TEXT + b"!")
    assert "shakespeare" in refusal()
    (server.folder / pinned.file).write_bytes(TEXT)
    assert contents("shakespeare") == TEXT


def test_a_damaged_copy_in_the_cache_is_fetched_again(server):
    (source,) = corpora.sources("shakespeare")
    os.chmod(source.path, 0o644)
    source.path.write_bytes(b"damaged")
    assert contents("shakespeare") == TEXT


def test_a_missing_file_on_the_server_says_what_to_do(server, pinned):
    (server.folder / pinned.file).unlink()
    message = refusal()
    assert "could not be downloaded" in message
    assert "tinyshakespeare.txt" in message
    assert "ELMAN_CORPORA" in message


def test_a_server_that_is_down_says_what_to_do(monkeypatch, pinned):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("ELMAN_CORPORA_URL", f"http://127.0.0.1:{port}")
    message = refusal()
    assert "'shakespeare' could not be downloaded" in message
    assert "ELMAN_CORPORA" in message


def test_the_folder_is_looked_in_first(server, monkeypatch, tmp_path, pinned):
    (tmp_path / pinned.file).write_bytes(TEXT)
    monkeypatch.setenv("ELMAN_CORPORA", str(tmp_path))
    (source,) = corpora.sources("shakespeare")
    assert source.path == tmp_path / pinned.file
    assert server.requests == []


def test_another_file_of_that_name_in_the_folder_is_refused(server, monkeypatch, tmp_path, pinned):
    (tmp_path / pinned.file).write_bytes(b"something else")
    monkeypatch.setenv("ELMAN_CORPORA", str(tmp_path))
    message = refusal()
    assert str(tmp_path / pinned.file) in message
    assert "SHA-256" in message


def test_a_folder_without_the_file_falls_back_to_the_download(server, monkeypatch, tmp_path):
    monkeypatch.setenv("ELMAN_CORPORA", str(tmp_path / "nowhere"))
    assert contents("shakespeare") == TEXT
    assert len(server.requests) == 1


def test_hashes_are_pinned():
    for name, download in corpora.DOWNLOADS.items():
        assert len(download.sha256) == 64, name
        assert download.url.startswith("http"), name


@pytest.mark.parametrize("name", list(corpora.DOWNLOADS))
def test_the_real_files_have_the_pinned_hashes(name):
    path = Path(REAL_FOLDER or "") / corpora.DOWNLOADS[name].file
    if not REAL_FOLDER or not path.is_file():
        pytest.skip(f"ELMAN_CORPORA names no folder with {path.name}")
    data = path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == corpora.DOWNLOADS[name].sha256


# --------------------------------------------------------------------------- stdlib


def test_the_standard_library_is_the_same_every_time():
    first, second = corpora.sources("stdlib"), corpora.sources("stdlib")
    assert first == second
    assert len(first) > 100
    names = [source.name for source in first]
    assert len(set(names)) == len(names)
    assert {"stdlib/json/decoder.py", "stdlib/os.py"} <= set(names)
    folders = {"encodings", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tests"}
    assert all(folders.isdisjoint(name.split("/")) for name in names)
    tables = {"stdlib/html/entities.py", "stdlib/locale.py", "stdlib/stringprep.py"}
    assert tables.isdisjoint(names)
    assert not [name for name in names if "_sysconfigdata" in name]
    assert names != sorted(names), "mixed, so that the held-out end is like the rest"


def test_the_standard_library_is_code_in_ascii():
    text = "".join(map(str, read_pieces(corpora.sources("stdlib"), TextOptions())))
    assert len(text) > 2_000_000
    assert len(set(text)) <= 100


def test_a_machine_without_its_source_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setattr(corpora.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    assert "not installed" in refusal("stdlib")


def test_a_module_with_letters_beyond_ascii_is_left_out(monkeypatch, tmp_path):
    (tmp_path / "old.py").write_bytes("# -*- coding: latin-1 -*-\ns = 'ö'\n".encode("latin-1"))
    (tmp_path / "new.py").write_text("s = 'o'\n", encoding="utf-8")
    monkeypatch.setattr(corpora.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    assert [source.name for source in corpora.sources("stdlib")] == ["stdlib/new.py"]


def test_another_standard_library_than_that_of_the_training_is_refused(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text("pass\n", encoding="utf-8")
    monkeypatch.setattr(corpora.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    with pytest.raises(CorpusError, match=r"stdlib has changed .* version of Python and of Elman"):
        load(["stdlib"], CorpusOptions(), sha256="0" * 64)
