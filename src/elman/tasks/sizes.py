"""The size of a network whose labels are learned: the largest that reads its texts often enough."""

from collections.abc import Mapping
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
    """

    NETWORKS: ClassVar[tuple[tuple[int, int], ...]]
    PASSES: ClassVar[int]

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return super().from_json({"wide": 0} | stored)  # files from before it have none

    def to_measure(self, symbols: int) -> list[tuple[int, int]]:
        asked = self.hidden_size is None and self.by_the_clock
        return self._candidates()[:-1] if asked else []

    def sized(self, symbols: int, paces: Mapping[tuple[int, int], float]) -> Self:
        """These settings with an end, layers and units; arguments as of `resolved`."""
        settings = self.with_end(2.0)  # what the surnames need on two cores
        seconds = (settings.minutes or 0) * 60
        if settings.hidden_size is None:
            fitting, wanted = self._candidates(), self.PASSES * symbols
            layers, units = next(
                (n for n in fitting if n not in paces or paces[n] * seconds >= wanted), fitting[-1]
            )
            settings = settings.filled(num_layers=layers, hidden_size=units)
        return settings.filled(num_layers=self.NETWORKS[0][0])

    def _candidates(self) -> list[tuple[int, int]]:
        """The networks to choose from: those with the layers that were asked for."""
        fitting = [network for network in self.NETWORKS if self.num_layers in (None, network[0])]
        return fitting or [(self.num_layers or 1, self.NETWORKS[0][1])]
