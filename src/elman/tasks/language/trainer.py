"""Learning a language: the batches of text that the training loop runs over."""

from functools import partial
from math import log
from typing import Any

import numpy as np

from ...learn.batches import columns
from ...learn.loop import Loop
from ...learn.shards import TOGETHER
from ...learn.state import Event
from ...nn.network import Network
from ...store.checkpoint import Tensors
from ...text.parts import Part
from ...text.vocabulary import Vocabulary
from . import batches, scoring, temperature
from .model import Model
from .settings import LanguageSettings

Array = np.ndarray

PARALLEL = 256  # most streams of an evaluation while training: texts are uneven
STREAM_SYMBOLS = 128  # fewest symbols of each of them


class Trainer(Loop[Network]):
    """One training run of a language model: also its place in the corpus and its state."""

    settings: LanguageSettings
    samples = True

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        settings: LanguageSettings,
        train: Part,
        validation: Part,
    ):
        self.vocabulary = vocabulary
        self.train, self.validation = train, validation
        self.seq_len, self.batch_size = batches.fit(
            train, settings.batching, settings.seq_len, settings.batch_size
        )
        super().__init__(network, settings)
        self.sample_every = settings.sample_every
        self.records = settings.records
        self.state = network.zero_state(1)  # before the context, if there is one
        self.end_state, self.last_symbol = self.state, np.zeros(1, np.int32)
        self.context = np.zeros((0, 1), np.int32)  # inputs through which gradients still flow
        self.evaluation_limit = 0

    @property
    def held_out(self) -> bool:
        return bool(self.validation.predictions)

    def _plan(self) -> batches.Plan:
        return batches.plan(
            self.train, self.vocabulary, self.settings.batching,
            self.seq_len, self.batch_size, self.settings.seed, self.epoch,
            self.settings.reset_state or 0.0,
        )  # fmt: skip

    def _enter(self, batch: batches.Batch) -> None:
        """The state and the context before a batch, those behind it to be filled by its shards."""
        width = batch.width
        if batch.fresh:
            self.state = self.network.zero_state(width)
            self.context = np.zeros((0, width), np.int32)
        elif batch.anew is not None and batch.anew.any():  # no gradient flows into what was before
            self.state = scoring.anew(self.network, self.end_state, batch.anew)
            self.context = np.zeros((0, width), np.int32)
        self.before = self.state, self.context
        self.state, self.end_state = self.state.copy(), self.state.copy()
        beyond = (self.settings.bptt or 0) - len(batch.inputs)
        if beyond > 0:
            self.context = np.concatenate([self.context, batch.inputs])[-beyond:]

    def _loss(self, batch: batches.Batch) -> float:
        """Several shards in one pass, which is faster, where they have the same bits in one.

        That they have where each has more than one row: a row alone is computed in another order.
        """
        settings = self.settings
        rows = batch.width // self.shards.count
        through = (settings.bptt or 0) > len(batch.inputs)  # the gradient flows out of the window
        alone = self.shards.count == 1 or rows < 2
        if alone or through or self.network.engine.whole is None:
            return super()._loss(batch)
        self._enter(batch)
        flat, compute = self.network.gradient.flat, partial(self._gradients, batch)
        return self.shards.gradient(flat, batch.width, compute, TOGETHER)

    def _gradients(
        self, batch: batches.Batch, shards: range, borders: list[int], gradients: Array
    ) -> Array:
        """`_gradient` of several shards."""
        rows = slice(borders[0], borders[-1])
        part, bptt = batch.part(rows), self.settings.bptt or len(batch.inputs)
        losses, states = self.network.losses_and_gradients(
            part.inputs, part.targets,
            columns(batch.weights(self.settings.loss, self.network.dtype), rows),
            np.ascontiguousarray(self.before[0][:, :, rows]), part.mask,
            [self.rng(shard) if self.settings.dropout else None for shard in shards],
            [border - rows.start for border in borders], gradients,
            cuts=range(bptt, len(batch.inputs), bptt),
        )  # fmt: skip
        self.state[:, :, rows] = self.end_state[:, :, rows] = states[-1]
        return losses

    def _gradient(self, batch: batches.Batch, shard: int, rows: slice) -> float:
        """Back-propagation through time, truncated after `bptt` steps.

        The state that enters a window is data: the gradient ends there, though
        the state itself carries what was read before. With `bptt` below the
        window it ends more often. Above it, the window is read together with the
        inputs before it (the context, whose own losses were counted earlier and
        weigh 0), from a state that lies `bptt` steps back.
        """
        s, T, part = self.settings, len(batch.inputs), batch.part(rows)
        weights = columns(batch.weights(s.loss, self.network.dtype), rows)
        state, context = np.ascontiguousarray(self.before[0][:, :, rows]), self.before[1][:, rows]
        rng = self.rng(shard) if s.dropout else None
        bptt = s.bptt or T
        if bptt <= T:
            loss, states = self.network.loss_and_gradient(
                part.inputs, part.targets, weights, state, part.mask, rng,
                cuts=range(bptt, T, bptt),
            )  # fmt: skip
            self.state[:, :, rows] = self.end_state[:, :, rows] = states[-1]
            return loss
        inputs = np.concatenate([context, part.inputs])
        targets = np.concatenate([np.zeros_like(context), part.targets])
        weights = np.concatenate([np.zeros(context.shape, weights.dtype), weights])
        cut = len(inputs) - len(self.context)
        loss, states = self.network.loss_and_gradient(
            inputs, targets, weights, state, None, rng, cuts=(cut,) if cut else (), detach=False
        )
        if cut:
            self.state[:, :, rows] = states[0]
        self.end_state[:, :, rows] = states[-1]
        return loss

    def _collect(self) -> None:
        """The states of all streams: a rank has carried those of its own shards."""
        rows = self.shards.rows(self.state.shape[2])
        for state in (self.state, self.end_state):
            by_stream = np.ascontiguousarray(np.moveaxis(state, 2, 0))
            self.shards.gather(by_stream, rows)
            state[...] = np.moveaxis(by_stream, 0, 2)

    def _step_event(self, batch: batches.Batch, loss: float) -> Event:
        width = batch.inputs.shape[1]
        steps = len(batch.targets) if batch.mask is None else int(batch.mask[:, 0].sum())
        self.last_symbol = batch.targets[steps - 1, :1] if steps else self.last_symbol
        self.predictions += batch.predictions
        self._smooth(loss if self.settings.loss == "mean" else loss * width / batch.predictions)
        return {
            "characters_per_second": self.characters_per_second,
            "train_bits_per_character": self.bits(self.smoothed or 0.0),
        }

    @property
    def characters_per_second(self) -> float:
        return self.predictions * self.train.characters_per_symbol / max(1e-9, self.seconds)

    def bits(self, nats: float) -> float:
        """Bits per character of the training part from nats per symbol."""
        return nats / log(2) / self.train.characters_per_symbol

    def _look(self) -> tuple[float, float, Event]:
        if not self.evaluation_limit:  # a seventh of what was trained: about 5 % of the time
            self.evaluation_limit = min(65536, max(32768, self.predictions // 7))
        # Streams that are too short would count their cold starts more than the model,
        # and a model that has carried its state all along may take a zero state badly.
        seen = min(self.evaluation_limit, self.validation.predictions)
        parallel = max(1, min(PARALLEL, seen // STREAM_SYMBOLS))
        score = scoring.evaluate(
            self.network, self.validation, self.vocabulary,
            parallel=parallel, limit=self.evaluation_limit,
            start=self._warm(), shards=self.shards,
        )  # fmt: skip
        nats = score.nats / score.symbols
        return nats, nats, {
            "train_bits_per_character": self.bits(self.smoothed or 0.0),
            "validation_bits_per_character": nats / log(2) / self.validation.characters_per_symbol,
            "validation_perplexity": score.perplexity,
        }  # fmt: skip

    def _warm(self) -> Array | None:
        """A state that has read text before, if there is one."""
        return self.end_state if self._start_tensors() else None

    def calibrate(self) -> float:
        """Divide the logits of the network to use by its temperature on the held-out part.

        Returns the temperature.
        """
        trained = self.trained()
        T = temperature.fitted(trained, self.validation, self.vocabulary, self._warm())
        temperature.divide(trained, T)
        if trained is not self.network and self.best_step == self.step:  # they are one in the file
            temperature.divide(self.network, T)
        return T

    def sample(self, length: int = 200) -> str:
        """A short sample of the model as it is now."""
        model = Model(self.network, self.vocabulary, {}, training=(self._start_tensors(), {}))
        return model.sample(length, temperature=0.8, seed=self.step)

    # -- checkpoints ------------------------------------------------------------

    def tensors(self) -> Tensors:
        tensors = self._start_tensors() | super().tensors()
        if self.records and self.index:
            tensors["training.carried"] = self.state  # a long line may continue
        if self.context.size:
            tensors["training.context"] = self.context
            tensors["training.context_state"] = self.state
        if not all(np.isfinite(a).all() for n, a in tensors.items() if n != "training.history"):
            self._diverged(float("nan"), float("nan"))
        return tensors

    def _start_tensors(self) -> Tensors:
        """Where sampling continues: only running text has such a place."""
        if self.step == 0 or self.settings.batching == "random" or self.records:
            return {}
        return {"training.state": self.end_state, "training.last_symbol": self.last_symbol}

    def scalars(self) -> dict[str, Any]:
        return super().scalars() | {"evaluation_limit": self.evaluation_limit}

    def restore(self, tensors: Tensors, state: dict[str, Any]) -> None:
        super().restore(tensors, state)
        self._check(tensors)
        self.evaluation_limit = state["evaluation_limit"]
        if "training.state" in tensors:
            self.state = self.end_state = tensors["training.state"]
            self.last_symbol = tensors["training.last_symbol"]
            self.context = np.zeros((0, self.state.shape[2]), np.int32)
        elif self.records and self.index:
            self.state = tensors["training.carried"]
            self.context = np.zeros((0, self.state.shape[2]), np.int32)
        if "training.context" in tensors:
            self.context = tensors["training.context"]
            self.state = tensors["training.context_state"]
        if self.index:  # the next batch continues with this state
            width = self.plan[self.index].inputs.shape[1]
            if not self.plan[self.index].fresh and self.state.shape[2] != width:
                raise ValueError(f"a state of {self.state.shape[2]} streams, not of {width}")

    def _check(self, tensors: Tensors) -> None:
        """Raise ValueError for states and contexts that are none of this network."""
        layers, states, _, units = self.network.zero_state(1).shape
        for name in ("training.state", "training.carried", "training.context_state"):
            if name in tensors:
                array = tensors[name]
                shape, dtype = array.shape, self.network.dtype
                fits = len(shape) == 4 and (*shape[:2], shape[3]) == (layers, states, units)
                if not fits or array.dtype != dtype or not np.isfinite(array).all():
                    raise ValueError(f"{name} is not a state of the network")
        context = tensors.get("training.context")
        if context is None:
            return
        width = tensors["training.context_state"].shape[2]
        inside = context.dtype.kind == "i" and ((context >= 0) & (context < len(self.vocabulary)))
        if context.ndim != 2 or context.shape[1] != width or not np.all(inside):
            raise ValueError("training.context holds no symbols of such streams")
