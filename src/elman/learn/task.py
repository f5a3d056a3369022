"""What a task says about itself, so that preparing and resuming a run are written once.

A task is a folder in `tasks/` whose `task.py` has a subclass of `Task`. It reads data,
says which network suits them and what loop learns; `prepare` does the rest.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..nn.network import BaseNetwork, NetworkConfig, initialise
from ..settings import Settings
from ..store.modelfile import SavedModel
from .loop import Loop
from .run import Data, Run

# What decides the architecture, in every task.
NETWORK_SETTINGS = ("cell", "hidden_size", "num_layers", "embedding_size", "activation", "bias")


class Task(ABC):
    """One task: what differs from the others.

    Attributes
    ----------
    settings : the class of its settings
    model : the class of its models
    run : the class of its runs
    fixed : settings that a model hands on with --from: treatment of text and architecture
    """

    settings: ClassVar[type[Settings]]
    model: ClassVar[type[SavedModel]]
    run: ClassVar[type[Run]]
    fixed: ClassVar[tuple[str, ...]]

    def complete(
        self, source: Sequence[Any], given: dict[str, Any]
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """What is learned from, and the settings, where the user named nothing."""
        return source, given

    def inherited(self, given: dict[str, Any], older: SavedModel, path: object) -> dict[str, Any]:
        """The settings that the model of --from hands on, besides those that the user gave.

        Raises UsageError for a text that it cannot continue with; `path` is its file.
        """
        return {name: older.config[name] for name in self.fixed if name in older.config}

    @abstractmethod
    def read(
        self,
        source: Any,
        settings: Any,
        older: Any = None,
        stored: Mapping[str, str] | None = None,
    ) -> Data:
        """The data, divided.

        Parameters
        ----------
        source : names of files and the like, or rows in memory
        older : a model whose vocabulary is taken
        stored : of a run that continues: the `sha256` that the data must have, and the `rule` by
            which they were divided

        Raises
        ------
        UsageError, CorpusError : nothing to read, or nothing to learn from
        """

    @abstractmethod
    def training_texts(self, data: Data) -> list[Any]:
        """The texts that were trained on, as `elman.inside.inspection` reads them.

        Of a language model those of the training part.
        """

    def count(self, settings: Any, data: Data) -> Any:
        """What learns by counting, not by steps; None: a network learns."""
        return None

    @abstractmethod
    def config(self, settings: Any, data: Data) -> NetworkConfig:
        """The architecture."""

    @abstractmethod
    def network(self, config: Any, dtype: np.dtype, engine: Any) -> BaseNetwork:
        """A network of that architecture, all zeros."""

    def initialise(self, network: BaseNetwork, settings: Settings) -> None:
        """First values of the weights."""
        rng = np.random.default_rng([settings.seed, 3])
        initialise(network.parameters, network.config, settings.init, settings.init_scale, rng)

    @abstractmethod
    def kept_steps(self, settings: Any, data: Data) -> int:
        """Steps, of all sequences of a batch, that are kept for the backward pass."""

    @abstractmethod
    def try_step(self, network: Any, settings: Any) -> int:
        """One short training step on nothing in particular; how many symbols it read."""

    @abstractmethod
    def trainer(self, network: Any, data: Data, settings: Any) -> Loop:
        """The loop that learns."""

    def notes(self, settings: Any, data: Data, learner: Any) -> list[str]:
        """What the user should know about a new run, besides the notes of the reading."""
        return []
