"""A model as one HTML file that runs it in a browser, offline: `page` has what computes and draws.

The file holds one classic script: our modules (see `bundle`), what there is to know of the model
as JSON, and its weights as base64. Its policy names the script and the style by their hashes, and
allows nothing else: nothing is loaded, nothing is stored, nothing is sent.
"""

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np

from ..errors import UsageError, quoted
from ..nn.tagger import LETTERS
from ..store.leaving import without_folders
from ..store.modelfile import SavedModel
from ..tasks.language.ngram import NGram
from ..version import __version__
from .architecture import about, directions, known
from .bundle import bundle

Array = np.ndarray

PAGE = Path(__file__).parent / "page"
STATIC = Path(__file__).parents[1] / "web" / "static"  # drawing code of the page of `elman serve`
STYLES = (STATIC / "style.css", STATIC / "views.css", PAGE / "page.css")
ENTRIES = {"lm": "language", "classify": "classifier", "tag": "tagger"}
DTYPES = ("float16", "float32")
WORDS = "Words are cut as the browser's version of Unicode says, which may not be Elman's."


def pack(model: SavedModel, name: str, dtype: str | None = None) -> bytes:
    """The bytes of the page of a model: the same model, the same bytes.

    Parameters
    ----------
    name : what the page calls the model
    dtype : of the weights in the page, "float16" or "float32"; None: float16

    Raises
    ------
    UsageError : a task whose models have no page, another dtype, weights that float16 cannot
        hold, a dtype for a Markov chain
    """
    if not known(model) or model.config.get("task", "lm") not in ENTRIES:
        raise UsageError(f"{model.NOUN} has no HTML form; export it as weights")
    arrays = (
        _counts(model.network, dtype)
        if isinstance(model.network, NGram)
        else _weights(model, dtype or DTYPES[0])
    )
    entry = ENTRIES[model.config.get("task", "lm")]
    told = _literal(_told(model, name, arrays))
    numbers = b64encode(b"".join(array.tobytes() for array in arrays.values())).decode("ascii")
    start = f"module_{entry}.start(JSON.parse('{told}'), \"{numbers}\");"
    script = f'"use strict";\n(() => {{\n{bundle(PAGE / f"{entry}.js")}{start}\n}})();\n'
    if re.search("</script|<!--", script, re.I):
        raise ValueError("a module has a text that would end the script")
    return _page(name, script).encode("utf-8")


def _page(name: str, script: str) -> str:
    style = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    policy = (f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
              "img-src data:; base-uri 'none'; form-action 'none'")  # fmt: skip
    icon = "data:image/svg+xml," + quote((STATIC / "icon.svg").read_text(encoding="utf-8"))
    frame = Template((PAGE / "page.html").read_text(encoding="utf-8"))
    shown = escape(name.encode("utf-8", "replace").decode("utf-8"))
    return frame.substitute(policy=policy, name=shown, icon=icon, style=style, script=script)


def _hash(text: str) -> str:
    """What a policy allows: the text between two tags, to the byte."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _literal(value: Any) -> str:
    """JSON inside the single quotes of a script, in which no text can end a string or a tag."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    text = text.replace("<", "\\u003c")  # inside JSON only strings have it
    text = re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _told(model: SavedModel, name: str, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """What the script has to know besides the numbers."""
    told = about(model)
    told.pop("transitions", None)  # they are among the arrays
    words = model.vocabulary.kind == "word" and model.config.get("task", "lm") != "tag"
    return told | {
        "name": name,
        "version": __version__,
        "facts": model._rows(),
        "command": without_folders(model.summary).get("command", ""),
        "note": WORDS if words else "",
        "separator": getattr(model, "separator", "\n"),
        "layout": [(key, array.dtype.name, array.size) for key, array in arrays.items()],
    }


def _counts(chain: NGram, dtype: str | None) -> dict[str, Array]:
    """The grams of a chain and their counts; JavaScript counts in doubles."""
    if dtype is not None:
        raise UsageError("a Markov chain has counts, not weights; leave out --dtype")
    return {name: array.astype("<f8" if ".keys" in name else "<u4")
            for name, array in chain.tensors().items()}  # fmt: skip


def _weights(model: SavedModel, dtype: str) -> dict[str, Array]:
    """The weights of a network, little-endian."""
    if dtype not in DTYPES:
        raise UsageError(f"--dtype must be one of {', '.join(DTYPES)}, not {quoted(dtype)}")
    config = model.network.config
    by_symbols = [*LETTERS, *([] if config.embedding_size else directions(config)[0])]
    looked_up = {f"{prefix}W_x" for prefix in by_symbols}
    found = {}
    for name, array in model.network.parameters.items():
        # What is multiplied by vectors has a row for every output: memory is read in its order.
        turned = name.endswith((".W_x", ".W_h", ".W_y")) and name not in looked_up
        with np.errstate(over="ignore"):
            found[name] = (array.T if turned else array).astype(np.dtype(dtype).newbyteorder("<"))
        if not np.isfinite(found[name]).all():
            raise UsageError(f"{name} has numbers that {dtype} cannot hold; export it with "
                             "--dtype float32")  # fmt: skip
    return found
