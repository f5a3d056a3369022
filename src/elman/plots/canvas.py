"""What all pictures share: the style, the figure, the file."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec
from warnings import catch_warnings, simplefilter

from ..errors import ElmanError, UsageError, install, lacks, quoted
from ..files import OutputFile
from ..store.modelfile import SavedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

P = ParamSpec("P")

ENDINGS = (".png", ".svg", ".pdf")
FILE_DPI = 150
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#666666"
STYLE = {
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "svg.hashsalt": "elman",  # the same picture is the same file
}


def style() -> AbstractContextManager:
    """The settings in which a figure is made and written."""
    try:
        from matplotlib import rc_context
    except ImportError:
        raise ElmanError(lacks("a picture", "matplotlib", install("plot"))) from None
    return rc_context(STYLE)


def styled(draw: Callable[P, "Figure"]) -> Callable[P, "Figure"]:
    """Draw in the style, wherever the function is called from."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> "Figure":
        with style():
            return draw(*args, **kwargs)

    return drawn


def check_ending(path: str | Path) -> str:
    """The format that the name of a picture asks for; raises UsageError if it is none."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"{quoted(str(path))} does not say which kind of picture; end it in "
            f"{', '.join(ENDINGS)}"
        )
    return ending[1:]


def write(figure: "Figure", path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of the name: whole, or not at all.

    Raises
    ------
    UsageError : another ending
    ElmanError : the place cannot be written
    """
    kind = check_ending(path)
    with OutputFile(path) as file:
        file.write(drawn(figure, kind, FILE_DPI))


def drawn(figure: "Figure", kind: str, dpi: int) -> bytes:
    """The bytes of a figure as a PNG, SVG or PDF."""
    data = BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with style(), catch_warnings():
        simplefilter("ignore", UserWarning)  # a symbol that no font has is drawn as a box
        figure.savefig(data, format=kind, dpi=dpi, metadata=dates)
    return data.getvalue()


def title(model: SavedModel) -> str:
    """What a model is and what it has read, in a few words."""
    config, corpus = model.config, model.summary.get("corpus", [])
    names = ", ".join(Path(name).name for name in corpus)
    size = f"{config['cell']} {config['num_layers']} × {config['hidden_size']}"
    return f"{size}, {names}" if 0 < len(names) < 40 else size
