"""The settings as types: what `elman.train` takes by name, for type checkers.

Made from the settings by `python -m tests.tasks.test_options`; not written by hand.
"""

from pathlib import Path
from typing import Literal, Required, TypedDict


class CommonOptions(TypedDict, total=False):
    """Settings of every task."""

    vocabulary_size: int | None
    """Most frequent characters or words to keep; the rest are <unk>. Default: all."""
    min_count: int | None
    """Count below which a symbol is <unk>. Default: 1."""
    lowercase: bool | None
    """Convert the text to lower case. Default: False."""
    normalize: Literal["NFC", "NFD", "NFKC", "NFKD"] | None
    """Unicode normal form. Default: the text as it is."""
    errors: Literal["strict", "replace"] | None
    """What to do with bytes that are not UTF-8. Default: 'strict'."""
    encoding: str | None
    """Text encoding, unless a byte order mark gives one. Default: 'utf-8'."""
    validation: float | str | Path | None
    """Validation set, selects the best parameters: share of every file, or a file. Default: 0.1,
    at most 500,000 symbols; classify 0.05, at most 1,000 texts; tag 0.1, at most 20,000
    symbols.
    """
    test: float | str | Path | None
    """Test set, used only for the final report: share of every file, or a file. Default: 0.0
    with task='lm'; 0.1 with task='classify' or 'tag'.
    """
    hidden_size: int | None
    """Units per layer. Default: 128 to 512, by text and time (classify 128)."""
    num_layers: int | None
    """Number of layers. Default: 1 (tag 1 or 2)."""
    embedding_size: int | None
    """Size of the symbol embeddings; 0: one-hot. Default: 0 with task='lm' or 'classify'; 100
    for words, 0 for characters with task='tag'.
    """
    activation: Literal["tanh", "relu"] | None
    """Activation of an rnn. Default: 'tanh'."""
    bias: bool | None
    """False leaves all biases out. Default: True."""
    dropout: float | None
    """Dropout rate on the output of each layer. Default: with adam, for text read twice or more:
    0.5 from 512 units, else 0.25; 0.45 for a classifier, 0.4 for a tagger (0.1 if it tags
    characters).
    """
    init: Literal["uniform", "normal", "identity", "orthogonal"] | None
    """Initial values of the weights. Default: 'uniform'."""
    init_scale: float | None
    """Scale of init. Default: normal 0.01, others 1."""
    minutes: float | None
    """Minutes to train, including the final evaluation. Default: 3 (2 for labels; classify: or
    16 passes).
    """
    epochs: float | None
    """Passes over the text to train."""
    steps: int | None
    """Updates to train; 0 writes the untrained model."""
    seq_len: int | None
    """Window length in symbols; for a classifier, the number of symbols read of each text.
    Default: 64 with task='lm'; 256 with task='classify'; 128 with task='tag'.
    """
    batch_size: int | None
    """Sequences per batch. Default: 32 with task='lm'; 64 with task='classify'; 32 for words, 64
    for characters with task='tag'.
    """
    optimizer: Literal["sgd", "adagrad", "rmsprop", "adam"] | None
    """Rule that turns gradients into updates. Default: 'adam'."""
    learning_rate: float | None
    """Learning rate. Default: adam 0.006 (lm with a cosine 0.016, from 512 units 0.012; classify
    0.005, tag 0.004), rmsprop 0.002, adagrad 0.1, sgd 1.
    """
    momentum: float | None
    """Momentum of sgd. Default: 0.0."""
    weight_decay: float | None
    """Decoupled weight decay of every parameter of the network. Default: 0.05 with adam, 0 for
    classify and tag.
    """
    schedule: Literal["constant", "cosine", "plateau"] | None
    """Learning rate over time: constant, cosine down to 1 %, or halved on a plateau. Default:
    'cosine'.
    """
    warmup: int | None
    """Steps in which the learning rate rises. Default: 300, at most a tenth of the run (lm and
    classify, adam, cosine); else 0.
    """
    clip_norm: float | None
    """Clip the gradient to this norm; 0: never. Default: 1; none with clip_value."""
    clip_value: float | None
    """Clip every component of the gradient instead; 0: never."""
    patience: int | None
    """Evaluations without improvement before training stops; 0: never. Default: 8; 0 with
    epochs, steps or a classifier's cosine.
    """
    eval_every: int | None
    """Steps between evaluations. Default: 24 times a run."""
    save_every: int | None
    """Steps between saves. Default: at evaluations, and once a minute."""
    log_every: int | None
    """Steps between reports. Default: 10."""
    engine: str | None
    """Compute engine: native (C++) or numpy. Default: 'auto'."""
    threads: int | None
    """Number of threads. Default: the cores that this process may use."""
    shards: int | None
    """Split each batch into N groups, a power of two, added in a fixed order; ranks share them.
    Default: 1.
    """
    dtype: Literal["float32", "float64"] | None
    """Floating-point type. Default: 'float32'."""
    precision: Literal["auto", "float32", "bf16"] | None
    """Operands of products in training: float32, or rounded to bf16; auto: bf16 with minutes if
    a step gets 15 % faster. Default: 'auto'.
    """
    seed: int | None
    """Random seed; the same seed gives the same run, unless the clock has a say in it. Default:
    0.
    """


class LanguageOptions(CommonOptions, total=False):
    """Settings of `task="lm"`, see `elman.tasks.language.settings`."""

    task: Literal["lm"] | None
    """What to learn: lm, a language model; classify, the class of a text; tag, a label for every
    symbol. Default: 'lm'.
    """
    tokens: Literal["char", "byte", "word"] | None
    """Unit of text. Default: 'char' with task='lm' or 'classify'; char if every token is one
    character, else word with task='tag'.
    """
    cell: Literal["rnn", "lstm", "gru", "ngram"] | None
    """Recurrent cell, or ngram: a Markov chain. Default: 'gru'."""
    lines: bool | None
    """Each line is a sequence of its own: separator '\\n'. Default: False. With task='lm'."""
    separator: str | None
    """Text that ends a record, such as a poem; each is a sequence of its own. With task='lm'."""
    text_column: str | None
    """Column of a table that holds the text, by its name or number. Default: 'text' with
    task='classify'. With task='lm' or 'classify'.
    """
    delimiter: str | None
    """Character between the columns of a table; \\t is a tab. Default: the one that the first
    row shows. With task='lm' or 'classify'.
    """
    unknown: bool | None
    """Add an <unk> symbol, so that unseen characters are accepted. Default: False. With
    task='lm'.
    """
    max_characters: int | None
    """Read at most this many characters. With task='lm'."""
    order: int | None
    """Context length of an ngram chain, in symbols. Default: 4. With task='lm'."""
    batching: Literal["consecutive", "random"] | None
    """Windows in order with the state carried over, or random windows from a zero state.
    Default: 'consecutive'. With task='lm'.
    """
    bptt: int | None
    """Steps of back-propagation through time; more than the window continues into earlier
    windows. Default: the window. With task='lm'.
    """
    reset_state: float | None
    """Share of the windows that begin from a zero state; of those that begin a line, 20 times as
    many. Default: 0.01 with adam, for running text. With task='lm'.
    """
    loss: Literal["mean", "sum"] | None
    """Mean over time and batch, or sum over time. Default: 'mean'. With task='lm'."""
    calibrate: bool | None
    """At the end of a cosine divide the logits by the temperature at which the held-out part is
    likeliest. Default: True. With task='lm'.
    """
    sample_every: int | None
    """Steps between samples. Default: 6 times a run. With task='lm'."""


class ClassifyOptions(CommonOptions, total=False):
    """Settings of `task="classify"`, see `elman.tasks.classify.settings`."""

    task: Required[Literal["classify"]]
    """What to learn: lm, a language model; classify, the class of a text; tag, a label for every
    symbol. Default: 'lm'.
    """
    tokens: Literal["char", "byte", "word"] | None
    """Unit of text. Default: 'char' with task='lm' or 'classify'; char if every token is one
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
    """Pooling over time: last state, mean or maximum. Default: 'last'. With task='classify'."""
    bidirectional: bool | None
    """Read each text in both directions. Default: True. With task='classify' or 'tag'."""
    symbol_dropout: float | None
    """Share of the symbols that training reads as <unk>. Default: 0.2 (bytes: 0). With
    task='classify' or 'tag'.
    """
    label_smoothing: float | None
    """Share of the target that is spread over all classes. Default: 0.1 without a table of
    n-grams, else 0. With task='classify'.
    """
    class_weights: Literal["none", "balanced", "sqrt"] | None
    """Weight of a class of n texts in the loss: balanced 1/n, sqrt 1/√n. Default: 'none'. With
    task='classify'.
    """
    wide: int | None
    """Rows of the n-gram table that is added to the logits; 0: no table. Default: by the size of
    the data. With task='classify' or 'tag'.
    """
    monitor: Literal["loss", "macro-f1"] | None
    """Validation metric that selects the best parameters. Default: 'macro-f1'. With
    task='classify'.
    """


class TagOptions(CommonOptions, total=False):
    """Settings of `task="tag"`, see `elman.tasks.tag.settings`."""

    task: Required[Literal["tag"]]
    """What to learn: lm, a language model; classify, the class of a text; tag, a label for every
    symbol. Default: 'lm'.
    """
    tokens: Literal["char", "word"] | None
    """Unit of text. Default: 'char' with task='lm' or 'classify'; char if every token is one
    character, else word with task='tag'.
    """
    cell: Literal["rnn", "lstm", "gru"] | None
    """Recurrent cell, or ngram: a Markov chain. Default: 'gru'."""
    labels: str | None
    """File with the labels of the text, line by line, separated by spaces. Default: in the same
    file. With task='tag'.
    """
    token_column: str | None
    """Number of the column with the tokens, in files with a token per line. Default: the first.
    With task='tag'.
    """
    label_column: str | None
    """Column of a table, or key of JSON lines, that holds the label. Default: 'label' with
    task='classify'; the last with task='tag'. With task='classify' or 'tag'.
    """
    letter_size: int | None
    """Units per direction that read the letters of a word; 0: none. Default: 32 for words. With
    task='tag'.
    """
    transitions: bool | None
    """Let a label depend on the one before it: a linear chain. Default: True. With task='tag'."""
    wide: int | None
    """Rows of the n-gram table that is added to the logits; 0: no table. Default: by the size of
    the data. With task='classify' or 'tag'.
    """
    bidirectional: bool | None
    """Read each text in both directions. Default: True. With task='classify' or 'tag'."""
    symbol_dropout: float | None
    """Share of the symbols that training reads as <unk>. Default: 0.2 (bytes: 0). With
    task='classify' or 'tag'.
    """
