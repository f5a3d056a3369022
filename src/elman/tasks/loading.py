"""Open any model file, a language model or a classifier, and the text it was trained on."""

from pathlib import Path

from ..errors import CorpusError, ModelFileError
from ..nn.engine import select
from ..store import checkpoint
from .classify import model as classifier
from .classify.model import Classifier
from .language import model
from .language.model import Model


def load(
    path: str | Path, *, engine: str = "auto", threads: int | None = None
) -> Model | Classifier:
    """Read a model file and check everything in it.

    Raises
    ------
    ModelFileError : missing, damaged, foreign, inconsistent, or from a future version

    Example
    -------
    >>> model = elman.load("shakespeare.safetensors")  # doctest: +SKIP
    """
    tensors, metadata = checkpoint.unpack(path)
    kind = classifier if checkpoint.is_classifier(metadata) else model
    return kind.from_file(path, tensors, metadata, select(engine, threads))


def training_text(model: Model | Classifier) -> str:
    """The text that a model was trained on, read again, without the held-out parts.

    Of a classifier all texts, a line each.

    Raises
    ------
    ModelFileError : the file does not say where the text is, or it was standard input
    CorpusError : the text cannot be read any more, or has changed
    """
    from ..learn import prepare
    from ..settings import Settings
    from ..text import corpus
    from .classify import prepare as prepare_classifier  # which load models to go on from

    if model.training is None:
        raise ModelFileError("the model file does not say where its training text is")
    training = model.training[1]
    paths, settings = training["corpus"]["paths"], Settings(**training["settings"])
    if not paths:
        raise ModelFileError("the model was trained on texts in memory, which are gone")
    if "-" in paths:
        raise ModelFileError("the model was trained on standard input, which is gone")
    sha256 = training["corpus"]["sha256"]
    if isinstance(model, Classifier):
        data = prepare_classifier.read_data(paths, settings)
        if data.sha256 != sha256:
            raise CorpusError("the data have changed since the classifier was trained on them")
        return "\n".join(data.texts)
    options = prepare.corpus_options(settings)
    text = corpus.load(paths, options, model.vocabulary, sha256)
    part, _, _ = corpus.split(text, settings.validation, settings.test, settings.seed)
    decode = model.vocabulary.decode
    if part.offsets is None or part.rows is None:
        return decode(part.ids.tolist())
    ends = part.offsets
    return "\n".join(decode(part.ids[ends[row] : ends[row + 1]].tolist()) for row in part.rows)
