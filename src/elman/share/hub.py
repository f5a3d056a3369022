"""A folder as the Hugging Face hub wants it: model, configuration, card; and sending it there."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..errors import ElmanError, ModelFileError, UsageError
from ..files import OTHER_FORMATS, OutputFile, as_path
from ..nn.engine import select
from ..nn.network import NetworkConfig
from ..store import checkpoint
from ..store.modelfile import SavedModel
from ..store.places import HUB, MODEL, REPOSITORY, hub_errors
from ..tasks import load
from ..version import __version__
from .card import card
from .curve import curve
from .front import Told

CONFIG, CARD, CURVE = "config.json", "README.md", "curve.svg"
FILES = (MODEL, CONFIG, CARD, CURVE)


def files(model: SavedModel, name: str, told: Told) -> dict[str, bytes]:
    """The contents of the folder, by file: the model without its training state, and about it."""
    svg, data = curve(model), model.pack(weights_only=True)
    left = type(model).from_file(name, *checkpoint.unpack_bytes(data, name), select())
    found = {
        MODEL: data,
        CONFIG: (json.dumps(_config(model), indent=2, ensure_ascii=False) + "\n").encode(),
        CARD: card(left, name, told, bool(svg)).encode("utf-8", "replace"),
    }
    return found | ({CURVE: svg.encode()} if svg else {})


def _config(model: SavedModel) -> dict[str, Any]:
    """For people and programs that look at it; Elman reads all of it from the model file."""
    network = model.network
    parameters = getattr(network, "config", None)
    return {
        "model_type": "elman", "library_name": "elman", "elman_version": __version__,
        **model.config,
        **({"classes": model.classes} if model.classes is not None else {}),
        "parameters": parameters.num_parameters() if isinstance(parameters, NetworkConfig)
        else network.num_parameters(),
    }  # fmt: skip


def checked_folder(path: Path) -> Path:
    """A place for the folder: new, empty, or one that was written here before.

    Raises UsageError for another one, so that nobody's README.md is lost.
    """
    if path.suffix[1:].lower() in OTHER_FORMATS | {"safetensors"}:
        raise UsageError(f"{path} would be a folder; name it {path.with_suffix('')}")
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file; name a folder that is new")
    if path.is_dir() and any(path.iterdir()) and not _ours(path):
        raise UsageError(f"the folder {path} holds other files; name one that is new or empty")
    return path


def _ours(folder: Path) -> bool:
    try:
        return json.loads((folder / CONFIG).read_bytes())["library_name"] == "elman"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write(folder: Path, contents: dict[str, bytes]) -> None:
    """Write the folder: on failure an old one stays as it was, and a new one is removed.

    Raises
    ------
    UsageError : the folder has the same model, with a curve that would be lost
    ElmanError : the place cannot be written
    """
    _refuse_to_lose_the_curve(folder, contents)
    new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ElmanError(f"cannot create the folder {folder}: {error.strerror}") from None
    try:
        with ExitStack() as stack:
            places = {name: stack.enter_context(OutputFile(folder / name)) for name in FILES}
            for name, data in contents.items():
                places[name].stage(data)
            for name, place in places.items():
                if name in contents:
                    place.commit()
                else:  # a curve from before
                    place.path.unlink(missing_ok=True)
    except BaseException:
        if new:
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
            folder.rmdir()
        raise


def _refuse_to_lose_the_curve(folder: Path, contents: dict[str, bytes]) -> None:
    """A model that was read from its folder knows its losses no more; the curve there is left."""
    if CURVE in contents or not (folder / CURVE).is_file() or not (folder / MODEL).is_file():
        return
    old, new = (_digest(data) for data in ((folder / MODEL).read_bytes(), contents[MODEL]))
    if old == new:
        raise UsageError(f"{folder} has this very model, and a {CURVE} that the model cannot draw "
                         "again; name another folder")  # fmt: skip


def _digest(data: bytes) -> str | None:
    try:
        return checkpoint.metadata_of(data).get("digest")
    except (ValueError, AttributeError):  # a damaged file, which is worth no care
        return None


def push(folder: str | Path, name: str) -> str:
    """Send a hub folder to the hub, where it becomes a model of that name.

    Parameters
    ----------
    folder : what `--format hub` wrote
    name : user/name; a repository that is not there yet is made. huggingface_hub has the
        token, from `hf auth login` or the environment.

    Returns
    -------
    address : where it is, to be loaded

    Raises
    ------
    UsageError : no name of a repository
    ModelFileError : a folder that `--format hub` did not write
    ElmanError : huggingface_hub is not installed, or the hub refuses
    """
    folder = as_path(folder, "the folder")
    name = name.removeprefix(HUB)
    if not REPOSITORY.fullmatch(name):
        raise UsageError(f"{name} is not a name on the hub; it has the form user/name")
    if not folder.is_dir() or not _ours(folder) or not (folder / CARD).is_file():
        raise ModelFileError(f"{folder} is not a folder that elman export --format hub wrote")
    if load(folder).training is not None:
        raise ModelFileError(f"the {MODEL} in {folder} holds a training state, and paths of "
                             "this machine; write it with elman export --format hub")  # fmt: skip
    with hub_errors(name):
        from huggingface_hub import HfApi

        api = HfApi(library_name="elman", library_version=__version__)
        api.create_repo(name, exist_ok=True)
        api.upload_folder(
            repo_id=name, folder_path=folder, allow_patterns=list(FILES),
            commit_message=f"Model of Elman {__version__}",
        )  # fmt: skip
    return f"{HUB}{name}"
