"""The settings that only a language model has, and what is filled in for one."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import UsageError
from ...settings import (
    LEARNING,
    LEARNING_RATES,
    NETWORK,
    RUN,
    TEXT,
    Settings,
    changed,
    setting,
    with_end,
    with_steps,
)

# Hidden sizes to choose from: (units, symbols of text that they are worth, symbols
# that they must be trained on within the time to overtake the next smaller one).
SIZES = ((512, 400_000, 3_000_000), (256, 40_000, 1_000_000), (128, 0, 0))


@dataclass(frozen=True)
class LanguageSettings(Settings):
    """The settings of a run that learns a language."""

    # What files from before the tasks had settings of their own hold besides.
    FORMER = ("text_column", "label_column", "pooling", "bidirectional", "symbol_dropout",
              "label_smoothing", "class_weights", "monitor")  # fmt: skip

    task: str = changed(Settings, "task", "lm", choices=("lm",))
    lines: bool = setting(False, "Each line is a sequence of its own.", TEXT)
    unknown: bool = setting(
        False, "Give characters a symbol for what the text does not hold.", TEXT
    )
    max_characters: int | None = setting(None, "Read no more than so many.", TEXT, least=1)
    cell: str = changed(
        Settings, "cell", help="Recurrent cell, or ngram: a Markov chain.",
        choices=("rnn", "lstm", "gru", "ngram"),
    )  # fmt: skip
    order: int = setting(4, "Symbols of context of an ngram chain.", NETWORK, least=0, most=32)
    batching: str = setting(
        "consecutive", "Windows in order, state carried, or random, state zero.", LEARNING,
        choices=("consecutive", "random"),
    )  # fmt: skip
    bptt: int | None = setting(
        None, "Steps that gradients flow back; beyond the window they flow through earlier "
        "windows.", LEARNING, least=1, most=10_000_000, shown="the window",
    )  # fmt: skip
    loss: str = setting(
        "mean", "Mean over time and batch, or sum over time.", LEARNING, choices=("mean", "sum")
    )
    sample_every: int | None = setting(
        None, "Steps between samples.", RUN, least=1, most=1e12, shown="6 times a run"
    )

    def _check(self) -> None:
        super()._check()
        if self.bptt is not None and self.bptt > self.seq_len:
            if self.lines:
                raise UsageError(
                    "--bptt beyond --seq-len has no meaning with --lines: raise --seq-len instead"
                )
            if self.batching == "random":
                raise UsageError(
                    "--bptt beyond --seq-len needs --batching consecutive: random windows have "
                    "no past"
                )


def to_measure(settings: LanguageSettings, symbols: int) -> list[tuple[int, int]]:
    """Layers and units whose pace `resolve` asks for, with so many symbols to train on.

    Only a run by the clock may depend on how fast the machine is.
    """
    layers = settings.num_layers or 1
    if settings.cell == "ngram" or not settings.by_the_clock:
        return []
    if settings.hidden_size is not None:
        return [(layers, settings.hidden_size)]
    return [(layers, units) for units, worth, _ in SIZES if symbols >= worth]


def resolve(
    settings: LanguageSettings, symbols: int, paces: Mapping[tuple[int, int], float]
) -> LanguageSettings:
    """Fill in what was not given.

    Parameters
    ----------
    symbols : how many the training part has
    paces : symbols a second that this machine trains, of the networks `to_measure`
    """
    settings = with_end(settings, 3.0)  # long enough to be good, short enough to wait for
    settings = settings.filled(num_layers=1)
    settings = settings.filled(hidden_size=_hidden_size(settings, symbols, paces))
    adam, size = settings.optimizer == "adam", settings.hidden_size or 0
    # Half of the outputs dropped keeps 512 units from learning 1 MB by heart; a
    # small network has less to spare. Text that is read once or twice cannot be
    # learned by heart. Other optimizers than adam: the classic recipes, without.
    again = adam and _passes(settings, symbols, paces) >= 2
    settings = settings.filled(dropout=(0.5 if size >= 512 else 0.25) if again else 0.0)
    return with_steps(settings, LEARNING_RATES, 0.05 if adam else 0.0)


def _hidden_size(
    settings: LanguageSettings, symbols: int, paces: Mapping[tuple[int, int], float]
) -> int:
    """As large as the text can feed, and as the time can train."""
    for units, worth, needed in SIZES:
        if symbols < worth:
            continue
        pace = paces.get((settings.num_layers or 1, units))
        if pace is None or pace * (settings.minutes or 0) * 60 >= needed:
            return units
    return SIZES[-1][0]


def _passes(
    settings: LanguageSettings, symbols: int, paces: Mapping[tuple[int, int], float]
) -> float:
    """How often the text will be read."""
    if settings.cell == "ngram":
        return 1.0
    if settings.epochs is not None:
        return settings.epochs
    if settings.steps is not None:
        return settings.steps * settings.batch_size * settings.seq_len / max(1, symbols)
    pace = paces[settings.num_layers or 1, settings.hidden_size or 0]
    return pace * (settings.minutes or 0) * 60 / max(1, symbols)
