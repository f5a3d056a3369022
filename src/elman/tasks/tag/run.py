"""A run that learns a tagger: what it is compared with, and the report at its end."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import numpy as np

from ...learn.run import Run
from ...learn.state import Event
from .baselines import most_frequent, regression
from .model import Tagger
from .report import TagReport, tag_report
from .trainer import TagPart, TagTrainer, judge

FEW = 100  # sequences by which it is found out how long an evaluation takes


class TagRun(Run):
    """A run that learns a tagger."""

    learner: TagTrainer

    DONE = ("sequences", "steps", "seconds", "symbols_per_second", "train_loss", "best_step",
            "baselines")  # fmt: skip

    def model(self) -> Tagger:
        model = self.learner.tagger(self.learner.trained())
        model.summary, model.training = self.summary, self.history()
        return model

    def _learn(self) -> Iterator[Event]:
        yield from super()._learn()
        if len(self.test) and not self._evaluated() and not self.learner.stop_requested:
            also = " and a logistic regression" if find_spec("sklearn") else ""
            text = f"fitting the baselines: the most frequent labels{also}"
            yield {"event": "message", "text": text}

    def _start_figures(self) -> Event:
        data = self.data.source
        return {
            "form": data.form, "encodings": data.encodings, "sequences": len(data.tokens),
            "symbols": len(data.labels), "classes": data.classes, "scheme": data.scheme,
            "train_symbols": self.train.count, "validation_symbols": self.validation.count,
            "test_symbols": self.test.count, "bidirectional": self.settings.bidirectional,
            "wide": self.settings.wide,
            "transitions": self.settings.transitions, "letter_size": self.settings.letter_size,
        }  # fmt: skip

    def _try_evaluation(self) -> tuple[int, int]:
        part = self.validation if len(self.validation) else self.train
        few = TagPart(part.symbols, part.labels, part.ranges[:FEW], part.unseen)
        judge(self.learner.tagger(), few)
        return few.count, self.validation.count + self.test.count

    def _figures(self) -> Event:
        trainer, data = self.learner, self.data.source
        figures: Event = {
            "sequences": len(data.tokens), "symbols": len(data.labels),
            "steps": trainer.step, "epochs": trainer.epoch + trainer.index / len(trainer.plan),
            "seconds": trainer.seconds, "symbols_per_second": trainer.symbols_per_second,
            "train_loss": trainer.smoothed,
            "best_step": trainer.best_step if trainer.best else trainer.step,
        }  # fmt: skip
        model = trainer.tagger(trainer.trained())
        for name, part in (("validation", self.validation), ("test", self.test)):
            if len(part):
                figures[name] = judge(model, part, trainer.scheme).to_dict()
        if len(self.test):
            figures["baselines"] = self._baselines()
        return figures

    def _done_figures(self) -> Event:
        done: Event = {"report": self.summary.get("test") or self.summary.get("validation")}
        for part in ("validation", "test"):
            found = self.summary.get(part) or {}
            done[f"{part}_loss"] = found.get("nats")
            for name in ("accuracy", "macro_f1", "sequence_accuracy"):
                done[f"{part}_{name}"] = found.get(name)
        return done

    def _disappointments(self) -> list[str]:
        figures = self.summary.get("test") or {}
        trivial = (self.summary.get("baselines") or {}).get("most frequent label")
        if trivial is None or figures.get("accuracy", 1.0) >= trivial["accuracy"]:
            return []
        return ["this network is right less often than always giving a symbol its most frequent "
                "label: train longer (--minutes, --epochs), or look at the labels"]  # fmt: skip

    def _baselines(self) -> dict[str, dict[str, float]]:
        """Figures on the test part of what a network has to beat."""
        # The network chose its best parameters by the validation part, so the others read it too.
        seen = np.concatenate([self.train.ranges, self.validation.ranges])
        data = self.data.source
        labels = [data.labels[start:stop].tolist() for start, stop in seen.tolist()]
        train = list(zip(data.pieces(seen), labels, strict=True))
        tested = data.pieces(self.test.ranges)
        found = {"most frequent label": most_frequent(train, tested)}
        fitted = regression(train, tested, len(data.classes))
        if fitted is not None:
            found["logistic regression"] = fitted
        reports = {name: self._report(predicted) for name, predicted in found.items()}
        return {name: _few(figures) for name, figures in reports.items()}

    def _report(self, predicted: Sequence[Sequence[int]]) -> TagReport:
        part, data = self.test, self.data.source
        labels = [part.labels[slice(*row)] for row in part.ranges]
        unseen = np.concatenate([part.unseen[slice(*row)] for row in part.ranges])
        found = [np.array(row) for row in predicted]
        return tag_report(data.classes, labels, found, unseen, None, data.scheme)


def _few(found: TagReport) -> dict[str, float]:
    """The figures of a report that are compared."""
    figures = {"accuracy": found.accuracy, "macro_f1": found.macro_f1,
               "sequence_accuracy": found.sequence_accuracy}  # fmt: skip
    return figures | ({"span_f1": found.spans["all spans"]["f1"]} if found.spans else {})
