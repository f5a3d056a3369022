"""The settings as types: what `elman.train` takes by name, for type checkers.

Made from the settings by `python -m tests.tasks.test_options`; not written by hand.
"""

from pathlib import Path
from typing import Literal, Required, TypedDict


class CommonOptions(TypedDict, total=False):
    """Settings of every task."""

    vocabulary_size: int | None
    min_count: int | None
    lowercase: bool | None
    normalize: Literal["NFC", "NFD", "NFKC", "NFKD"] | None
    errors: Literal["strict", "replace"] | None
    encoding: str | None
    validation: float | str | Path | None
    test: float | str | Path | None
    hidden_size: int | None
    num_layers: int | None
    embedding_size: int | None
    activation: Literal["tanh", "relu"] | None
    bias: bool | None
    dropout: float | None
    init: Literal["uniform", "normal", "identity", "orthogonal"] | None
    init_scale: float | None
    minutes: float | None
    epochs: float | None
    steps: int | None
    seq_len: int | None
    batch_size: int | None
    optimizer: Literal["sgd", "adagrad", "rmsprop", "adam"] | None
    learning_rate: float | None
    momentum: float | None
    weight_decay: float | None
    schedule: Literal["constant", "cosine", "plateau"] | None
    warmup: int | None
    clip_norm: float | None
    clip_value: float | None
    patience: int | None
    eval_every: int | None
    save_every: int | None
    log_every: int | None
    engine: str | None
    threads: int | None
    dtype: Literal["float32", "float64"] | None
    seed: int | None


class LanguageOptions(CommonOptions, total=False):
    """Settings of `task="lm"`, see `elman.tasks.language.settings`."""

    task: Literal["lm"] | None
    tokens: Literal["char", "byte", "word"] | None
    cell: Literal["rnn", "lstm", "gru", "ngram"] | None
    lines: bool | None
    separator: str | None
    text_column: str | None
    delimiter: str | None
    unknown: bool | None
    max_characters: int | None
    order: int | None
    batching: Literal["consecutive", "random"] | None
    bptt: int | None
    loss: Literal["mean", "sum"] | None
    sample_every: int | None


class ClassifyOptions(CommonOptions, total=False):
    """Settings of `task="classify"`, see `elman.tasks.classify.settings`."""

    task: Required[Literal["classify"]]
    tokens: Literal["char", "byte", "word"] | None
    cell: Literal["rnn", "lstm", "gru"] | None
    text_column: str | None
    label_column: str | None
    delimiter: str | None
    pooling: Literal["last", "mean", "max"] | None
    bidirectional: bool | None
    symbol_dropout: float | None
    label_smoothing: float | None
    class_weights: Literal["none", "balanced", "sqrt"] | None
    monitor: Literal["loss", "macro-f1"] | None


class TagOptions(CommonOptions, total=False):
    """Settings of `task="tag"`, see `elman.tasks.tag.settings`."""

    task: Required[Literal["tag"]]
    tokens: Literal["char", "word"] | None
    cell: Literal["rnn", "lstm", "gru"] | None
    labels: str | None
    token_column: str | None
    label_column: str | None
    letter_size: int | None
    transitions: bool | None
    bidirectional: bool | None
    symbol_dropout: float | None
