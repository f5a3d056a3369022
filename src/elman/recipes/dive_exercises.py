"""What Dive into Deep Learning 8.5 leaves to its reader, with numbers."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from ..errors import CorpusError, DivergedError
from .dive import CHARACTERS, CORPUS, QUICK, SETTINGS, Watch, letters
from .lab import Cell, Lab, Recipe, mean, read_text

CONSECUTIVE: dict[str, Any] = SETTINGS | {"batching": "consecutive"}
# To generalise: most of the book, a gated cell, dropout, and to stop at the best on a part.
GENERAL: dict[str, Any] = {
    "cell": "gru", "hidden_size": 256, "dropout": 0.5, "epochs": 15, "validation": 0.1,
    "unknown": True, "reset_state": 0.0, "learning_rate": 0.006, "warmup": 0, "calibrate": False,
}  # fmt: skip
SHORT: dict[str, Any] = {"hidden_size": 16, "epochs": 1}  # of a quick run
LOW: dict[str, Any] = CONSECUTIVE | {
    "optimizer": "adam", "learning_rate": 0.002, "schedule": "cosine", "dropout": 0.0,
    "weight_decay": 0.0, "reset_state": 0.0, "warmup": 0,
}  # fmt: skip
UNSEEN = "sherlock"
VERSES = (50, 150, 200)
REACHES = (64, 128, 256)


def run(lab: Lab) -> None:
    book = letters(lab.read(CORPUS))
    beginning = lab.file("beginning.txt", book[:CHARACTERS])
    chapter = other_text(lab, book, beginning)
    how_low(lab, beginning, chapter)
    without_clipping(lab, beginning)
    no_detach(lab, beginning, chapter)
    verse(lab, chapter)
    relu(lab, beginning, chapter)


class Verses(Watch):
    """Takes down what the model writes at some epochs, and how long its epochs take."""

    def __init__(self, epochs: Sequence[int]):
        super().__init__()
        self.epochs = epochs
        self.seconds = [0.0]  # at the end of every epoch
        self.verses: list[tuple[int, str]] = []

    def __call__(self, event: dict[str, Any]) -> None:
        super().__call__(event)
        if event["event"] != "step":
            return
        if event["epoch"] % 1 == 0:
            self.seconds.append(event["seconds"])
        if event["epoch"] in self.epochs:
            model = event["snapshot"]()
            self.verses.append((int(event["epoch"]), model.sample(200, "the ", seed=1)))

    @property
    def epoch_seconds(self) -> float:
        """Of the fastest epoch: other work on the machine slows some of them, not all."""
        return min(after - before for before, after in pairwise(self.seconds))


def last(watches: Sequence[Watch]) -> dict[str, Any]:
    """Training perplexity of the last epoch."""
    return mean([watch.perplexities[-1] for watch in watches])


def seconds(watches: Sequence[Watch]) -> dict[str, Any]:
    """Of a training, without reading the text."""
    return mean([watch.took for watch in watches])


def perplexity(models: list[Any], text: str) -> dict[str, Any]:
    return mean([model.score(text).perplexity for model in models])


def other_text(lab: Lab, book: str, beginning: str) -> list[Verses]:
    """The chapter's model on text that it has not seen, and models trained to generalise."""
    unseen = letters(read_text(lab.unseen) if lab.unseen else lab.read(UNSEEN))[: len(book)]
    if len(unseen) < 2:
        raise CorpusError(f"{lab.unseen or lab.corpus(UNSEEN)} holds no letters to score")
    end = len(book) * 9 // 10
    section = lab.section(
        "Text that it has not seen",
        "Perplexity on the training text in the last epoch, on the 10,000 characters that follow "
        "it, on the last tenth of The Time Machine, and on "
        + ("another book, given with `--unseen`" if lab.unseen else "Sherlock Holmes")
        + f" (its first {len(unseen):,} characters, preprocessed in the same way). Chance is 28. "
        "The last two models learn from the first nine tenths of the book instead of its first "
        "10,000 characters; the GRU keeps the parameters that were best on the last tenth of "
        "those.",
        "The chapter names The War of the Worlds; `--unseen FILE` takes it, or any other book.",
    )
    rows: list[list[Cell]] = []
    most = lab.file("most.txt", book[:end])
    chapter: list[Verses] = []
    for name, corpus, settings in (
        ("the chapter's", beginning, CONSECUTIVE),
        ("GRU trained to generalise", most, GENERAL),
        ("chain of order 4", most, {"cell": "ngram", "unknown": True, "validation": 0.0}),
    ):
        quick = {} if "order" in name else SHORT if corpus == most else QUICK
        settings = settings | lab.choose({}, quick)
        watch = partial(Verses, lab.choose(VERSES, (2, 4)))
        models, watches = lab.trainings(name, corpus, watch, **settings)
        chapter = chapter or watches
        lab.progress(f"{name}: scoring")
        after = book[CHARACTERS : 2 * CHARACTERS] if corpus == beginning else None
        rows.append([
            name, last(watches) if watches[0].perplexities else None,
            None if after is None else perplexity(models, after),
            perplexity(models, book[end:]), perplexity(models, unseen),
            mean([model.summary["seconds"] for model in models]),
        ])  # fmt: skip
        section.use(name, settings)
    section.table(
        {"model": "", "training": ".3f", "next 10,000": ".2f", "end of the book": ".2f",
         "unseen book": ".2f", "seconds": ".1f"},
        rows,
    )  # fmt: skip
    return chapter


def how_low(lab: Lab, beginning: str, chapter: list[Verses]) -> None:
    section = lab.section(
        "How low can you go?",
        "The same network, batches and epochs with Adam and a rate that falls along a cosine, "
        "against the chapter's SGD; the perplexity of the last epoch. A model that is certain of "
        "every character has perplexity 1.",
    )
    settings = LOW | lab.choose({}, QUICK)
    _, watches = lab.trainings("how low, Adam", beginning, Watch, **settings)
    rows: list[list[Cell]] = [
        ["SGD, constant rate", last(chapter), seconds(chapter)],
        ["Adam, cosine", last(watches), seconds(watches)],
    ]
    section.table({"optimizer": "", "training perplexity": ".4f", "seconds": ".1f"}, rows)
    section.use("Adam, cosine", settings)


def without_clipping(lab: Lab, beginning: str) -> None:
    """What happens to the chapter's training when gradients are not clipped."""
    section = lab.section(
        "Without clipping",
        "A training stops with an error when its loss or gradient is no longer finite. One that "
        "is merely unstable continues: its perplexity and gradient norm become huge but stay "
        "finite. Whether and when that happens depends on the seed: a training may look as good "
        "as the clipped one for many epochs, or to the end.",
    )
    settings = CONSECUTIVE | {"clip_norm": 0.0} | lab.choose({}, QUICK)
    rows: list[list[Cell]] = []
    for seed in lab.seeds:
        watch, norms = Watch(), list[float]()

        def follow(event: dict[str, Any], watch: Watch = watch, norms: list[float] = norms) -> None:
            watch(event)
            norms.extend([event["gradient_norm"]] if event["event"] == "step" else [])

        try:
            lab.train("no clipping", beginning, seed, on_event=follow, log_every=1, **settings)
            outcome = f"{settings['epochs']} epochs"
        except DivergedError as error:
            outcome = str(error).split(";")[0]
        final = watch.perplexities[-1] if watch.perplexities else None
        best = min(watch.perplexities, default=None)
        rows.append([seed, outcome, best, final, max(norms), watch.took])
    section.table(
        {"seed": ".0f", "ended with": "", "best perplexity of an epoch": ".3g", "last": ".3g",
         "largest gradient norm": ".3g", "seconds": ".1f"},
        rows,
    )  # fmt: skip
    section.use("without clipping", settings)


def no_detach(lab: Lab, beginning: str, chapter: list[Verses]) -> None:
    """The gradient through one window (the chapter's), through two, and through all four."""
    epochs = lab.choose(CONSECUTIVE, QUICK)["epochs"]
    section = lab.section(
        "No detach: the gradient through several windows",
        "`--bptt` beyond the window lets the gradient flow through earlier windows, which are "
        "read again for that. Each sequence of the batch has only four windows of 64 characters, "
        "so 256 steps is the maximum. The time is that of the fastest epoch.",
    )
    marks = [epochs * n // 5 for n in (2, 3, 4, 5)]
    rows: list[list[Cell]] = []
    for reach in REACHES:
        watches = chapter
        if reach > CONSECUTIVE["seq_len"]:
            settings = CONSECUTIVE | {"bptt": reach}
            settings |= lab.choose({}, QUICK | {"bptt": reach // 4})
            watch = partial(Verses, ())
            _, watches = lab.trainings(f"bptt {reach}", beginning, watch, **settings)
            section.use(f"gradient through {reach}", settings)
        rows.append([
            reach, mean([1e3 * watch.epoch_seconds for watch in watches]),
            *(mean([watch.perplexities[n - 1] for watch in watches]) for n in marks),
        ])  # fmt: skip
    section.table(
        {"gradient through steps": ".0f", "milliseconds per epoch": ".1f"}
        | {f"perplexity, epoch {n}": ".3f" for n in marks},
        rows,
    )


def verse(lab: Lab, chapter: list[Verses]) -> None:
    section = lab.section(
        "The under-trained model's verse",
        "What the chapter's model (consecutive) writes before it has memorized the text, drawn "
        "from its distribution, not greedily.",
    )
    for epoch, written in chapter[0].verses:
        section.sample(f"epoch {epoch}, seed {lab.seeds[0]}", written)


def relu(lab: Lab, beginning: str, chapter: list[Verses]) -> None:
    section = lab.section(
        "ReLU instead of tanh", "Everything else as in the chapter; perplexity by epoch."
    )
    settings = CONSECUTIVE | {"activation": "relu"} | lab.choose({}, QUICK)
    _, watches = lab.trainings("ReLU", beginning, Watch, **settings)
    count = len(watches[0].perplexities)
    rows: list[list[Cell]] = [
        [n, *(mean([w.perplexities[n - 1] for w in each]) for each in (chapter, watches))]
        for n in range(count // 5, count + 1, count // 5)
    ]
    rows.append(["seconds", seconds(chapter), seconds(watches)])
    section.table({"epoch": ".0f", "tanh": ".3f", "ReLU": ".3f"}, rows)
    section.use("ReLU", settings)


RECIPE = Recipe(
    title="Dive into Deep Learning: what the chapter leaves to its reader",
    source="The exercises of section 8.5, and what its figures do not say",
    about="The chapter's perplexities are those of a memorized text. This is how the same model "
    "does on other text, and what happens when one part of it is changed. The text is that of the "
    "chapter: letters and spaces.",
    run=run,
)
