"""The settings as types: what `elman.train` takes by name, for type checkers.

Made from the settings by `python -m tests.tasks.test_options`; not written by hand.
"""

from pathlib import Path
from typing import Literal, Required, TypedDict


class CommonOptions(TypedDict, total=False):
    """Settings of every task."""

    vocabulary_size: int | None
    """Characters or words to keep, the most frequent; the rest are <unk>. Default: all."""
    min_count: int | None
    """Symbols that occur fewer times are <unk>. Default: 1."""
    lowercase: bool | None
    """Lower-case the text. Default: False."""
    normalize: Literal["NFC", "NFD", "NFKC", "NFKD"] | None
    """Unicode normal form. Default: the text as it is."""
    errors: Literal["strict", "replace"] | None
    """What to do with bytes that are not UTF-8. Default: 'strict'."""
    encoding: str | None
    """Of the text, where no byte order mark says another. Default: 'utf-8'."""
    validation: float | str | Path | None
    """Share of every file, or a file, by which the best parameters are chosen. Default: 0.1, at
    most 500,000 symbols or 1,000 labelled texts.
    """
    test: float | str | Path | None
    """Share of every file, or a file, which nothing looks at until the end. Default: 0.0 with
    task='lm'; 0.1 with task='classify' or 'tag'.
    """
    hidden_size: int | None
    """Units of a layer. Default: 128 to 512, by text and time."""
    num_layers: int | None
    """Layers, one above the other. Default: 1, of labels 1 or 2."""
    embedding_size: int | None
    """Width of learned symbol vectors; 0 is one-hot. Default: 0 with task='lm' or 'classify'; of
    words 100, of characters 0 with task='tag'.
    """
    activation: Literal["tanh", "relu"] | None
    """Of the vanilla cell. Default: 'tanh'."""
    bias: bool | None
    """False leaves all biases out. Default: True."""
    dropout: float | None
    """Share of every layer's output that is dropped. Default: with adam, for text read twice or
    more: 0.5 from 512 units, else 0.25; of a classifier 0.45, of a tagger 0.4, of its
    characters 0.1.
    """
    init: Literal["uniform", "normal", "identity", "orthogonal"] | None
    """First values of the weights. Default: 'uniform'."""
    init_scale: float | None
    """Scale of init. Default: normal 0.01, others 1."""
    minutes: float | None
    """End after so many minutes, the final evaluation included. Default: 3, of labels 2."""
    epochs: float | None
    """End after so many passes over the text."""
    steps: int | None
    """End after so many updates; 0 writes the initialised model."""
    seq_len: int | None
    """Steps of a window; of a classifier the symbols that are read of a text. Default: 64 with
    task='lm'; 256 with task='classify'; 128 with task='tag'.
    """
    batch_size: int | None
    """Sequences side by side. Default: 32 with task='lm'; 64 with task='classify'; of words 32,
    of characters 64 with task='tag'.
    """
    optimizer: Literal["sgd", "adagrad", "rmsprop", "adam"] | None
    """What turns gradients into steps. Default: 'adam'."""
    learning_rate: float | None
    """Size of a step. Default: adam 0.006, of a classifier 0.005, of a tagger 0.004; rmsprop
    0.002, adagrad 0.1, sgd 1.
    """
    momentum: float | None
    """Of sgd. Default: 0.0."""
    weight_decay: float | None
    """Decoupled, of every parameter. Default: with adam 0.05, of labels 0."""
    schedule: Literal["constant", "cosine", "plateau"] | None
    """Of the learning rate: constant, cosine to 1 %, or halved on a plateau. Default: 'cosine'."""
    warmup: int | None
    """Steps over which the learning rate climbs. Default: 0."""
    clip_norm: float | None
    """Longest gradient; 0 is no clipping. Default: 1; none with clip_value."""
    clip_value: float | None
    """Largest gradient component, instead of the norm; 0 is none."""
    patience: int | None
    """Evaluations without a better one after which to stop; 0: never. Default: 8 of a run by the
    clock, else 0.
    """
    eval_every: int | None
    """Steps between evaluations. Default: 24 times a run."""
    save_every: int | None
    """Steps between saves. Default: at evaluations, and once a minute."""
    log_every: int | None
    """Steps between reports. Default: 10."""
    engine: str | None
    """Who computes: native or numpy. Default: 'auto'."""
    threads: int | None
    """Threads to compute on. Default: the cores that this process may use."""
    shards: int | None
    """Groups of a batch whose gradients are added in one order: what ranks share. Default: 1."""
    dtype: Literal["float32", "float64"] | None
    """Numbers to compute with. Default: 'float32'."""
    seed: int | None
    """Same seed, same run. Default: 0."""


class LanguageOptions(CommonOptions, total=False):
    """Settings of `task="lm"`, see `elman.tasks.language.settings`."""

    task: Literal["lm"] | None
    """What to learn: lm is a language model, classify the classes of labelled texts, tag a label
    for every symbol. Default: 'lm'.
    """
    tokens: Literal["char", "byte", "word"] | None
    """Symbols. Default: 'char' with task='lm' or 'classify'; char where every token is one
    character, else word with task='tag'.
    """
    cell: Literal["rnn", "lstm", "gru", "ngram"] | None
    """Recurrent cell, or ngram: a Markov chain. Default: 'gru'."""
    lines: bool | None
    """Each line is a sequence of its own: separator '\\n'. Default: False. With task='lm'."""
    separator: str | None
    """What ends a record, each a sequence of its own: poems, mails, games. With task='lm'."""
    text_column: str | None
    """Column of a table that holds the text, by its name or number. Default: 'text' with
    task='classify'. With task='lm' or 'classify'.
    """
    delimiter: str | None
    """Character between the columns of a table; \\t is a tab. Default: the one that the first
    row shows. With task='lm' or 'classify'.
    """
    unknown: bool | None
    """Give characters a symbol for what the text does not hold. Default: False. With task='lm'."""
    max_characters: int | None
    """Read no more than so many. With task='lm'."""
    order: int | None
    """Symbols of context of an ngram chain. Default: 4. With task='lm'."""
    batching: Literal["consecutive", "random"] | None
    """Windows in order, state carried, or random, state zero. Default: 'consecutive'. With
    task='lm'.
    """
    bptt: int | None
    """Steps that gradients flow back; beyond the window they flow through earlier windows.
    Default: the window. With task='lm'.
    """
    loss: Literal["mean", "sum"] | None
    """Mean over time and batch, or sum over time. Default: 'mean'. With task='lm'."""
    sample_every: int | None
    """Steps between samples. Default: 6 times a run. With task='lm'."""


class ClassifyOptions(CommonOptions, total=False):
    """Settings of `task="classify"`, see `elman.tasks.classify.settings`."""

    task: Required[Literal["classify"]]
    """What to learn: lm is a language model, classify the classes of labelled texts, tag a label
    for every symbol. Default: 'lm'.
    """
    tokens: Literal["char", "byte", "word"] | None
    """Symbols. Default: 'char' with task='lm' or 'classify'; char where every token is one
    character, else word with task='tag'.
    """
    cell: Literal["rnn", "lstm", "gru"] | None
    """Recurrent cell, or ngram: a Markov chain. Default: 'gru'."""
    text_column: str | None
    """Column of a table that holds the text, by its name or number. Default: 'text' with
    task='classify'. With task='lm' or 'classify'.
    """
    label_column: str | None
    """Column of a table, or key of JSON lines, that holds the label. Default: 'label' with
    task='classify'; the last with task='tag'. With task='classify' or 'tag'.
    """
    delimiter: str | None
    """Character between the columns of a table; \\t is a tab. Default: the one that the first
    row shows. With task='lm' or 'classify'.
    """
    pooling: Literal["last", "mean", "max"] | None
    """Over time: the last state, the mean or the maximum. Default: 'last'. With task='classify'."""
    bidirectional: bool | None
    """Whether each text is read from both ends. Default: True. With task='classify' or 'tag'."""
    symbol_dropout: float | None
    """Share of the symbols read as <unk>. Default: 0.2, of bytes 0. With task='classify' or
    'tag'.
    """
    label_smoothing: float | None
    """Share of the targets spread over all classes. Default: 0.1 without a table of n-grams,
    else 0. With task='classify'.
    """
    class_weights: Literal["none", "balanced", "sqrt"] | None
    """What a class counts in the loss: balanced 1/n, sqrt 1/√n. Default: 'none'. With
    task='classify'.
    """
    wide: int | None
    """Rows of a table of n-grams that adds to the logits; 0: none. Default: by the size of the
    data. With task='classify' or 'tag'.
    """
    monitor: Literal["loss", "macro-f1"] | None
    """By what the best parameters are chosen. Default: 'macro-f1'. With task='classify'."""


class TagOptions(CommonOptions, total=False):
    """Settings of `task="tag"`, see `elman.tasks.tag.settings`."""

    task: Required[Literal["tag"]]
    """What to learn: lm is a language model, classify the classes of labelled texts, tag a label
    for every symbol. Default: 'lm'.
    """
    tokens: Literal["char", "word"] | None
    """Symbols. Default: 'char' with task='lm' or 'classify'; char where every token is one
    character, else word with task='tag'.
    """
    cell: Literal["rnn", "lstm", "gru"] | None
    """Recurrent cell, or ngram: a Markov chain. Default: 'gru'."""
    labels: str | None
    """The labels of a text, line by line, with spaces between. Default: they stand beside the
    symbols. With task='tag'.
    """
    token_column: str | None
    """Of columns, a token a line: the number of that of the tokens. Default: the first. With
    task='tag'.
    """
    label_column: str | None
    """Column of a table, or key of JSON lines, that holds the label. Default: 'label' with
    task='classify'; the last with task='tag'. With task='classify' or 'tag'.
    """
    letter_size: int | None
    """Units that read the letters of a word, in each direction; 0: none. Default: of words 32.
    With task='tag'.
    """
    transitions: bool | None
    """Whether a label depends on the one before it: a linear chain. Default: True. With
    task='tag'.
    """
    wide: int | None
    """Rows of a table of n-grams that adds to the logits; 0: none. Default: by the size of the
    data. With task='classify' or 'tag'.
    """
    bidirectional: bool | None
    """Whether each text is read from both ends. Default: True. With task='classify' or 'tag'."""
    symbol_dropout: float | None
    """Share of the symbols read as <unk>. Default: 0.2, of bytes 0. With task='classify' or
    'tag'.
    """
