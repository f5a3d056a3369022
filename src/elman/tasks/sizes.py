"""The size of a network whose labels are learned, and how often it reads its texts."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, inf
from typing import Any, ClassVar, Self

from ..settings import LABELS, Settings, setting


def wide_setting(shown: str = "by the size of the data") -> Any:
    """The number of rows of the table of n-grams, see `nn.wide`."""
    return setting(
        None, "Rows of the n-gram table that is added to the logits; 0: no table.", LABELS,
        least=0, most=1 << 24, shown=shown,
    )  # fmt: skip


class SizedSettings(Settings):
    """Settings of a task whose network is chosen by the number of texts and the pace.

    Attributes
    ----------
    NETWORKS : layers and units to choose from, the largest first
    PASSES : how many times the chosen one must read the texts within the time
    ENOUGH : passes after which more make it no better
    FEWEST : symbols that it is trained on even so, where there are few texts
    SURE : times faster than necessary that those passes must be, to end before the minutes do
    """

    NETWORKS: ClassVar[tuple[tuple[int, int], ...]]
    PASSES: ClassVar[int] = 0
    ENOUGH: ClassVar[float] = inf
    FEWEST: ClassVar[int] = 0
    SURE: ClassVar[float] = 1.5

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return super().from_json({"wide": 0} | stored)  # files from before it have none

    def to_measure(self, symbols: int) -> list[tuple[int, int]]:
        return self._candidates() if self.by_the_clock else []

    def sized(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> Self:
        """These settings with an end, layers and units; arguments as of `resolved`."""
        settings = self.with_end(2.0)
        trained = {n: pace * (settings.minutes or 0) * 60 for n, pace in paces.items()}
        fitting, wanted = self._candidates(), self.PASSES * symbols
        layers, units = next((n for n in fitting if trained.get(n, inf) >= wanted), fitting[-1])
        passes = max(self.ENOUGH, ceil(self.FEWEST / max(1, symbols)))
        if trained.get((layers, units), 0) > self.SURE * passes * symbols:
            settings = replace(settings, minutes=None, epochs=passes)
        return settings.filled(num_layers=layers, hidden_size=units)

    def _candidates(self) -> list[tuple[int, int]]:
        """The networks to choose from: those with the layers and units that were asked for."""
        if self.hidden_size is not None:
            return [(self.num_layers or self.NETWORKS[0][0], self.hidden_size)]
        fitting = [network for network in self.NETWORKS if self.num_layers in (None, network[0])]
        return fitting or [(self.num_layers or 1, self.NETWORKS[0][1])]
