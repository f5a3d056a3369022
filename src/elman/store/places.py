"""Where a model file is: a path, a hub folder, or an address of the Hugging Face hub."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import gaierror

from ..errors import ElmanError, ModelFileError, UsageError, install, lacks
from ..files import as_path

HUB = "hf://"
MODEL = "model.safetensors"  # what it is called in a hub folder
ADDRESS = re.compile(r"hf://([\w-][\w.-]*/[\w.-]+)(?:@([^\s@]+))?")
REASON = 300  # characters of what the hub says
REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")


def model_file(path: str | Path) -> Path:
    """The file of a model.

    Parameters
    ----------
    path : the file, a folder with a model.safetensors, or hf://user/name, optionally with
        @revision, which is downloaded into the cache of huggingface_hub

    Raises
    ------
    UsageError : no path, or an address that is none
    ModelFileError : a folder without a model, or no such place on the hub
    ElmanError : huggingface_hub is not installed, or the hub cannot be reached
    """
    if isinstance(path, str) and path.startswith(HUB):
        return _downloaded(path)
    path = as_path(path, "the model file")
    if not path.is_dir():
        return path
    if not (path / MODEL).is_file():
        raise ModelFileError(f"the folder {path} has no {MODEL}; name a model file, or a folder "
                             "that elman export --format hub wrote")  # fmt: skip
    return path / MODEL


def refuse_source(source: str | Path, output: str | Path) -> None:
    """Raise UsageError if a file, or a folder, would be written over what it is made of."""
    if isinstance(source, str) and source.startswith(HUB):
        return
    read, written = as_path(source, "the file to read"), as_path(output, "the file to write")
    same = [path / MODEL if path.is_dir() else path for path in (read, written)]
    if all(path.exists() for path in same) and same[0].samefile(same[1]):
        other = "folder" if written.is_dir() else "file"
        raise UsageError(f"{written} is the file that is read; name another {other}")


def _downloaded(address: str) -> Path:
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise UsageError(f"{address} is not the address of a model; it has the form "
                         "hf://user/name or hf://user/name@revision")  # fmt: skip
    name, revision = found.groups()
    with hub_errors(name):
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(name, MODEL, revision=revision))


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Whatever goes wrong with a repository of the hub inside, in one sentence."""
    try:
        from huggingface_hub import errors
    except ImportError:
        raise ElmanError(lacks("the Hugging Face hub", "huggingface_hub", install("hub"))) from None
    log = logging.getLogger("huggingface_hub")  # it warns of every retry
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    except (errors.GatedRepoError, errors.RepositoryNotFoundError):
        raise ModelFileError(f"the hub has no {name} that you may see; check the name, or log in "
                             "with: hf auth login") from None  # fmt: skip
    except errors.RevisionNotFoundError:
        raise ModelFileError(f"{name} has no such revision on the hub") from None
    except errors.LocalEntryNotFoundError:
        raise ElmanError("the hub cannot be reached, and no copy of the model was kept; check "
                         "the connection") from None  # fmt: skip
    except errors.EntryNotFoundError:
        raise ModelFileError(f"{name} on the hub has no {MODEL}: not an Elman model") from None
    except Exception as error:  # of its libraries for HTTP, which differ by version
        raise ElmanError(f"the hub refused {name}: {_reason(error)}") from None
    finally:
        log.setLevel(level)


def _reason(error: Exception) -> str:
    """Why the hub, or the way to it, failed, and what to do."""
    if isinstance(error, UnicodeError):
        return "the token has a character that is not ASCII; log in again with: hf auth login"
    of_http = ("ConnectError", "ConnectTimeout", "ConnectionError")  # of requests or httpx
    if isinstance(error, ConnectionError | gaierror) or type(error).__name__ in of_http:
        return "it cannot be reached; check the connection"
    text = " ".join((str(error) or type(error).__name__).split())[:REASON]
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return f"{text}; log in with: hf auth login"
    if status == 403:
        return f"{text}; your token does not have permission"
    return text
