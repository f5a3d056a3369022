"""A folder as the Hugging Face hub wants it: model, configuration, card; and sending it there."""

import json
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
    """Write the folder; a new one is not left behind half done.

    Raises ElmanError if the place cannot be written.
    """
    new = not folder.exists()
    written: list[Path] = []
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ElmanError(f"cannot create the folder {folder}: {error.strerror}") from None
    try:
        for name, data in contents.items():
            with OutputFile(folder / name) as file:
                file.write(data)
            written.append(folder / name)
        for name in set(FILES) - set(contents):  # a curve from before
            (folder / name).unlink(missing_ok=True)
    except BaseException:
        if new:
            for path in written:
                path.unlink(missing_ok=True)
            folder.rmdir()
        raise


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
        raise UsageError(f"{name} is no name on the hub; it has the form user/name")
    if not folder.is_dir() or not _ours(folder) or not (folder / CARD).is_file():
        raise ModelFileError(f"{folder} is no folder that elman export --format hub wrote")
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
