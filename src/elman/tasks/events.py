"""The events of a training as types: what `on_event` is called with.

Each is a dict whose "event" says which. A function for all of them takes an `Event`; where
it has looked at `event["event"]`, a type checker knows the rest:

    def watch(event: Event) -> None:
        if event["event"] == "evaluation":
            print(event["step"], event["best"])

Losses are in nats, figures named so in bits per character. What one task alone has is
missing from the events of the others.
"""

from collections.abc import Callable
from typing import Any, Literal, NotRequired, TypedDict


class _Snapshot(TypedDict):
    snapshot: Callable[[], Any]  # the model as it is now


class Start(_Snapshot):
    """What was understood of the data, and what will learn from them. Always the first.

    A Markov chain has none of what is about a network. `step` is 0, but of a resumed run.
    """

    event: Literal["start"]
    corpus: list[str]
    form: str
    encodings: list[str]
    cell: str
    vocabulary_size: int
    model: str | None  # the file
    hidden_size: NotRequired[int]
    num_layers: NotRequired[int]
    parameters: NotRequired[int]
    engine: NotRequired[str]
    threads: NotRequired[int]  # of each rank
    ranks: NotRequired[int]
    step: NotRequired[int]
    settings: NotRequired[dict[str, Any]]
    # of a language model
    records: NotRequired[int | None]
    characters: NotRequired[int]
    train_symbols: NotRequired[int]
    validation_symbols: NotRequired[int]
    held_out: NotRequired[str]
    # of a classifier
    texts: NotRequired[int]
    classes: NotRequired[list[str]]
    train_texts: NotRequired[int]
    validation_texts: NotRequired[int]
    test_texts: NotRequired[int]
    bidirectional: NotRequired[bool]
    pooling: NotRequired[str]
    wide: NotRequired[int]
    # of a tagger, besides `classes` and `bidirectional`
    sequences: NotRequired[int]
    symbols: NotRequired[int]
    scheme: NotRequired[str]
    test_symbols: NotRequired[int]
    transitions: NotRequired[bool]
    letter_size: NotRequired[int]


class Message(_Snapshot):
    """A note for the user."""

    event: Literal["message"]
    text: str


class Step(_Snapshot):
    """Every `log_every` steps. `loss` is that of the batch, `progress` the share that is done."""

    event: Literal["step"]
    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    epoch: float
    seconds: float
    progress: float
    # of a language model
    characters_per_second: NotRequired[float]
    train_bits_per_character: NotRequired[float]
    # of a classifier
    texts_per_second: NotRequired[float]
    # of a tagger
    symbols_per_second: NotRequired[float]
    # of both
    train_loss: NotRequired[float]


class Evaluation(_Snapshot):
    """A look at the held-out part. `best`: no parameters were better before."""

    event: Literal["evaluation"]
    step: int
    epoch: float
    seconds: float
    best: bool
    stopped_early: bool
    # of a language model
    train_bits_per_character: NotRequired[float]
    validation_bits_per_character: NotRequired[float]
    validation_perplexity: NotRequired[float]
    # of a classifier and a tagger
    train_loss: NotRequired[float]
    validation_loss: NotRequired[float]
    validation_accuracy: NotRequired[float]
    validation_macro_f1: NotRequired[float]
    # of a tagger
    validation_sequence_accuracy: NotRequired[float]
    validation_span_f1: NotRequired[float]


class Sample(_Snapshot):
    """What a language model writes as it is now."""

    event: Literal["sample"]
    step: int
    text: str


class Interrupted(_Snapshot):
    """Somebody stopped the run; it has been saved, if there is a file. Then the last."""

    event: Literal["interrupted"]
    step: int
    model: str | None


class Done(_Snapshot):
    """The final figures, None where there are none. The last of a run that came to its end."""

    event: Literal["done"]
    steps: int | None
    seconds: float | None
    best_step: int | None
    baselines: dict[str, dict[str, float]] | None
    parameters: int
    model: str | None
    # of a language model
    characters_per_second: NotRequired[float | None]
    train_bits_per_character: NotRequired[float | None]
    validation_bits_per_character: NotRequired[float | None]
    validation_nats_per_character: NotRequired[float | None]
    validation_perplexity: NotRequired[float | None]
    test_bits_per_character: NotRequired[float | None]
    test_perplexity: NotRequired[float | None]
    temperature: NotRequired[float | None]
    # of a classifier
    texts: NotRequired[int | None]
    rows: NotRequired[int | None]
    repeated: NotRequired[int | None]
    conflicting: NotRequired[int | None]
    texts_per_second: NotRequired[float | None]
    # of a tagger
    sequences: NotRequired[int | None]
    symbols_per_second: NotRequired[float | None]
    validation_sequence_accuracy: NotRequired[float | None]
    test_sequence_accuracy: NotRequired[float | None]
    # of both
    train_loss: NotRequired[float | None]
    report: NotRequired[dict[str, Any] | None]
    validation_loss: NotRequired[float | None]
    validation_accuracy: NotRequired[float | None]
    validation_macro_f1: NotRequired[float | None]
    test_loss: NotRequired[float | None]
    test_accuracy: NotRequired[float | None]
    test_macro_f1: NotRequired[float | None]


Event = Start | Message | Step | Evaluation | Sample | Interrupted | Done
EVENTS = {
    "start": Start, "message": Message, "step": Step, "evaluation": Evaluation, "sample": Sample,
    "interrupted": Interrupted, "done": Done,
}  # fmt: skip
