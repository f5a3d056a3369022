"""Sending a model out: which forms there are, which one a path means, and writing it whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import VALUES, UsageError, quoted
from ..files import OutputFile, as_path
from ..store.modelfile import SavedModel
from ..tasks.language.ngram import NGram
from . import html, hub, onnx, onnx_check, pytorch
from .architecture import known
from .front import Told


@dataclass(frozen=True)
class Format:
    """A form in which a model leaves.

    Attributes
    ----------
    suffix : what a file of this form is called
    pack : the bytes of the file; None: of a folder, and of what needs more than the model
    chains : whether a Markov chain has this form
    """

    suffix: str
    pack: Callable[[SavedModel], bytes] | None = None
    chains: bool = False


FORMATS = {
    "weights": Format(".safetensors", lambda model: model.pack(weights_only=True), chains=True),
    "onnx": Format(".onnx", onnx.pack),
    "pytorch": Format(".safetensors", pytorch.pack),
    "html": Format(".html", chains=True),
    "hub": Format("", chains=True),
}
VALUES.update(FORMATS)  # messages in Python say format='hub'


def export(
    model: SavedModel,
    path: str | Path,
    format: str | None = None,
    *,
    check: bool = False,
    dtype: str | None = None,
    license: str | None = None,
    language: str | Sequence[str] = (),
    datasets: str | Sequence[str] = (),
    **unknown: object,
) -> list[str]:
    """Write a model in another form: whole, or not at all.

    Parameters
    ----------
    format : a key of `FORMATS`; None: as the suffix of the path says
    check : compare an ONNX file with the model before it is written
    dtype : for the weights in an HTML file, "float16" (the default) or "float32"
    license, language, datasets : what the card in a hub folder says, see `front.Told`

    Returns
    -------
    lines : what the comparison found

    Raises
    ------
    UsageError : an unknown format, one that contradicts the path, or one that Markov chains
        do not support; a model larger than the format allows
    ElmanError : a missing package, a place that cannot be written, a file that computes
        something else
    """
    path = as_path(path, "the file to write")
    if unknown:
        raise UsageError(f"export takes no argument {quoted(next(iter(unknown)))}; it takes path, "
                         "format, dtype, license, language, datasets")  # fmt: skip
    told = _told(license, language, datasets)
    format = chosen(path, format)
    if check and format != "onnx":
        raise UsageError("--check compares ONNX files; it needs --format onnx")
    if dtype is not None and format != "html":
        raise UsageError("--dtype is for the weights in a page; it needs --format html")
    if (license or language or datasets) and format != "hub":
        raise UsageError("--license, --language and --datasets are for a card; they need "
                         "--format hub")  # fmt: skip
    if format == "hub":
        if "hub" not in possible(model):
            raise UsageError(f"{model.NOUN} has no card; export it as weights")
        folder = hub.checked_folder(path)
        hub.write(folder, hub.files(model, folder.resolve().name, told))
        return []
    with OutputFile(path) as file:
        data = _packed(model, path, format, dtype)
        lines = onnx_check.check(model, data) if check else []
        file.write(data)
    return lines


def _packed(model: SavedModel, path: Path, format: str, dtype: str | None) -> bytes:
    """The bytes of a file of some form."""
    pack = FORMATS[format].pack
    return html.pack(model, path.stem, dtype) if pack is None else pack(model)


def chosen(path: Path, format: str | None) -> str:
    """The form that was asked for, or that the suffix of the path means.

    Raises UsageError for one that there is not, or that the path contradicts.
    """
    suffix = path.suffix.lower()
    if format is None:
        meant = [name for name, form in FORMATS.items() if form.suffix == suffix != ""]
        if not meant:
            raise UsageError(f"{path} does not say which format is meant; add --format "
                             f"({', '.join(FORMATS)})")  # fmt: skip
        return meant[0]  # of .safetensors weights
    if not isinstance(format, str) or format not in FORMATS:
        raise UsageError(f"--format must be one of {', '.join(FORMATS)}, not {quoted(format)}")
    wanted = FORMATS[format].suffix
    if wanted and suffix != wanted:
        raise UsageError(f"the file name {path} must end in {wanted}; name it "
                         f"{path.with_suffix(wanted)}")  # fmt: skip
    return format


def _told(
    license: str | None, language: str | Sequence[str], datasets: str | Sequence[str]
) -> Told:
    if not isinstance(license, str | None):
        raise UsageError(f"--license must be a string, not {quoted(license)}")
    return Told(license, _several("--language", language), _several("--datasets", datasets))


def _several(flag: str, names: str | Sequence[str]) -> tuple[str, ...]:
    given = (names,) if isinstance(names, str) else names
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise UsageError(f"{flag} must be a string or a list of strings, not {quoted(names)}")
    return tuple(given)


def possible(model: SavedModel) -> list[str]:
    """The forms that a model has."""
    if not known(model):
        return ["weights"]
    chain = isinstance(model.network, NGram)
    table = bool(model.config.get("wide"))  # of n-grams, which no module of PyTorch has
    return [name for name, form in FORMATS.items()
            if (form.chains or not chain) and not (table and name == "pytorch")]  # fmt: skip
