"""What `GET /api/model` says of a model."""

from typing import Any

import numpy as np

from ..inside.inspection import GATES, parts_of, symbol_text
from ..store.modelfile import SavedModel
from ..tasks.language.model import Model
from ..tasks.language.ngram import NGram
from .models import kind_of


def describe(name: str, model: SavedModel, live: bool) -> dict[str, Any]:
    network = model.network
    described: dict[str, Any] = {
        "name": name,
        "kind": kind_of(model.config),
        "live": live,
        "cell": model.config["cell"],
        "parameters": _parameters(model),
        "tokens": model.vocabulary.kind,
        "lines": isinstance(model, Model) and model.lines,
        "vocabulary": [symbol_text(model, i) for i in range(len(model.vocabulary))],
        "classes": model.classes,
        "config": model.config,
        "summary": model.summary,
        "history": history(model),
    }
    if not isinstance(network, NGram):
        config = network.config
        described |= {
            "hidden_size": config.hidden_size, "num_layers": config.num_layers,
            "embedding_size": config.embedding_size, "gates": list(GATES[config.cell]),
            "parts": parts_of(model),
            "tensors": [tensor(*item) for item in network.parameters.items()],
        }  # fmt: skip
    return described


def tensor(name: str, values: np.ndarray) -> dict[str, Any]:
    """A tensor in figures."""
    return {
        "name": name, "shape": list(values.shape),
        "min": float(values.min()), "max": float(values.max()),
        "mean": float(values.mean(dtype=np.float64)), "std": float(values.std(dtype=np.float64)),
    }  # fmt: skip


def history(model: SavedModel) -> dict[str, Any] | None:
    """The curves of the training, if the file holds them."""
    if model.training is None or "training.history" not in model.training[0]:
        return None
    state = model.training[1].get("state", {})
    return {
        "columns": state.get("history_columns"), "rows": model.training[0]["training.history"],
        "samples": state.get("written", []),
    }  # fmt: skip


def _parameters(model: SavedModel) -> int:
    if isinstance(model.network, NGram):
        return model.network.num_parameters()
    return int(np.sum([p.size for p in model.network.parameters.values()]))
