"""A run that learns a classifier: what it is compared with, and the report at its end."""

from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

from ...learn.run import Run
from ...learn.state import Event
from ...text.labelled import LabelledPart
from ..calibration import fit_temperature
from .baselines import baselines
from .model import Classifier
from .trainer import ClassifierTrainer, judge

BASELINE_TEXTS = 100_000  # a logistic regression on more takes longer than the network


class ClassifierRun(Run):
    """A run that learns a classifier."""

    learner: ClassifierTrainer

    DONE = ("texts", "rows", "repeated", "conflicting", "steps", "seconds", "texts_per_second",
            "train_loss", "best_step", "baselines")  # fmt: skip

    def model(self) -> Classifier:
        model = self.learner.classifier(self.learner.trained())
        model.summary, model.training = self.summary, self.history()
        return model

    def _learn(self) -> Iterator[Event]:
        yield from super()._learn()
        wanted = len(self.test) and not self._evaluated() and not self.learner.stop_requested
        if wanted and self._few and find_spec("sklearn"):
            text = "fitting the baseline: a logistic regression on n-grams"
            yield {"event": "message", "text": text}

    def _start_figures(self) -> Event:
        data = self.data.source
        return {
            "form": data.form, "encodings": data.encodings,
            "texts": len(data.texts), "classes": data.classes, "train_texts": len(self.train),
            "validation_texts": len(self.validation), "test_texts": len(self.test),
            "bidirectional": self.settings.bidirectional, "pooling": self.settings.pooling,
            "wide": self.settings.wide,
        }  # fmt: skip

    def _try_evaluation(self) -> tuple[int, int]:
        texts = self.validation if len(self.validation) else self.train
        few = LabelledPart(texts.texts, texts.labels, texts.rows[:256])
        judge(self.learner.classifier(), few)
        return len(few), len(self.validation) + len(self.test)

    def _figures(self) -> Event:
        trainer, data = self.learner, self.data.source
        figures: Event = {
            "texts": len(data.texts), "rows": data.rows,
            "repeated": data.repeated, "conflicting": data.conflicting,
            "steps": trainer.step, "epochs": trainer.epoch + trainer.index / len(trainer.plan),
            "seconds": trainer.seconds,
            "texts_per_second": trainer.texts_per_second, "train_loss": trainer.smoothed,
            "best_step": trainer.best_step if trainer.best else trainer.step,
        }  # fmt: skip
        model = trainer.classifier(trainer.trained())
        if len(part := self.validation):
            labels = part.labels[part.rows]
            trainer.temperature = fit_temperature(model.logits(part.chosen()), labels)
            model = trainer.classifier(model.network)
        for name, part in (("validation", self.validation), ("test", self.test)):
            if len(part):
                figures[name] = judge(model, part).to_dict()
        if len(self.test):
            figures["baselines"] = self._baselines()
        return figures

    def _done_figures(self) -> Event:
        done: Event = {"report": self.summary.get("test") or self.summary.get("validation")}
        for part in ("validation", "test"):
            found = self.summary.get(part) or {}
            done[f"{part}_loss"] = found.get("nats")
            done[f"{part}_accuracy"] = found.get("accuracy")
            done[f"{part}_macro_f1"] = found.get("macro_f1")
        return done

    def _disappointments(self) -> list[str]:
        figures = self.summary.get("test") or {}
        majority = (self.summary.get("baselines") or {}).get("majority class")
        if majority is None or figures.get("accuracy", 1.0) >= majority["accuracy"]:
            return []
        return ["this network is right less often than always guessing the most common class: "
                "train longer (--minutes, --epochs), or look at the labels"]  # fmt: skip

    @property
    def _few(self) -> bool:
        """Whether the texts are few enough for a regression that takes less time than the run."""
        return len(self.train) + len(self.validation) <= BASELINE_TEXTS

    def _baselines(self) -> dict[str, dict[str, float]]:
        """Accuracy and macro-F1 on the test part of what a network has to beat."""
        texts, labels = self.data.source.texts, self.data.source.labels
        # The network chose its best parameters by the validation part, so the others read it too.
        seen = np.sort(np.concatenate([self.train.rows, self.validation.rows]))
        train, test = (([texts[i] for i in rows], labels[rows]) for rows in (seen, self.test.rows))
        found = baselines(self.data.source.classes, train, test, regression=self._few)
        return {name: {"accuracy": r.accuracy, "macro_f1": r.macro_f1} for name, r in found.items()}
