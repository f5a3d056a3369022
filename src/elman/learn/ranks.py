"""The processes that train one model together: ranks, connected by MPI.

A rank takes the shards of a batch that are its own (`shards`), and does all the rest as every
other one does: parameters, optimizer and plan are the same everywhere, so they need not be sent.
What a clock or a person decides is decided by rank 0 (`agree`). Nothing is reduced by MPI, which
adds in an order of its own: ranks exchange what they have, and `shards` adds it.

Every rank calls the same methods in the same order. `Alone` is one process without MPI.
"""

import atexit
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..errors import ElmanError, UsageError, install, lacks
from ..nn.engine import available_cores, choose_level, levels, own_cores
from . import mapped

Array = np.ndarray
T = TypeVar("T")

SPIN = 0.01  # seconds that a rank looks for the others without sleeping
NAP = 0.0005  # seconds between two looks from then on
MOVING = 10.0  # seconds without sleeping once all are there: MPI moves numbers only at a look
MOST_CORES = 4096  # of a host
# What launchers say of how many processes they started.
SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")


class Word(NamedTuple):
    """What is agreed before and after a step.

    Attributes
    ----------
    seconds : on the clock of rank 0
    reserve : seconds that a run limited by minutes keeps for its last evaluation
    factor : what somebody multiplied the learning rate by
    stop : whether somebody asked any of the ranks to stop
    """

    seconds: float
    reserve: float
    factor: float
    stop: bool


class Alone:
    """One process: what several do together, it does by itself."""

    PATIENCE = 3.0  # seconds for the others to end the same way, before they are ended
    rank, size = 0, 1

    def agree(self, word: Word) -> Word:
        """The word of rank 0, and whether any rank was asked to stop."""
        return word

    def figure(self, value: float) -> list[float]:
        """The value of every rank."""
        return [value]

    def exchange(self, parts: Sequence[Array], counts: Sequence[int], borders: list[int]
                 ) -> list[Array]:  # fmt: skip
        """The columns of this rank of all parts of all ranks.

        Parameters
        ----------
        parts : arrays (n,) of this rank; they may be overwritten
        counts : how many parts every rank has
        borders : where the columns of every rank begin, and n

        Returns
        -------
        pieces : the columns of all parts, in the order of the ranks; to be overwritten
        """
        return list(parts)

    def gather(self, whole: Array, borders: Sequence[int]) -> None:
        """Fill rows of other ranks in, in place; C-contiguous.

        Rank i has the rows from `borders[i]` to `borders[i + 1]`.
        """

    def once_a_host(self, make: Callable[[], T]) -> T:
        """What `make` returns; of the ranks of a host one calls it, the others read its arrays.

        An ElmanError is raised by all ranks of the host.
        """
        return make()

    def by_the_first(self, make: Callable[[], T]) -> T | None:
        """What `make` returns, at rank 0; others do not call it. All raise its ElmanError."""
        return make()

    def refuse_unlike(self, what: str, value: str, way_out: str) -> None:
        """Raise UsageError unless all ranks have the same value of something."""

    def cores(self) -> int:
        """How many cores each rank of this host may use, if it does not crowd the others out."""
        return available_cores()

    def leave(self, patience: float | None = None) -> bool:
        """Wait for the others at the end, at most this many seconds; whether all have come.

        A rank that ends otherwise ends all of them.
        """
        return True


class Ranks(Alone):
    """Several processes, connected by MPI.

    Whoever waits for the others looks for them again and again, and soon sleeps in between: a
    signal is heard, and no core is kept busy by waiting.
    """

    def __init__(self, MPI: Any):
        self._MPI, self._world = MPI, MPI.COMM_WORLD
        self.rank, self.size = self._world.rank, self._world.size
        self._host = self._world.Split_type(MPI.COMM_TYPE_SHARED)
        self._end = self._world.Dup()  # what is said here is never taken for anything else
        self._leaving: Any = None
        self._received = np.empty(0)
        atexit.register(self._end_all)  # whatever has happened, after it has been said

    def agree(self, word: Word) -> Word:
        words = self._all(np.array(word, np.float64))
        seconds, reserve, factor, _ = words[0].tolist()
        return Word(seconds, reserve, factor, bool(words[:, 3].any()))

    def figure(self, value: float) -> list[float]:
        return self._all(np.array([value], np.float64))[:, 0].tolist()

    def exchange(self, parts: Sequence[Array], counts: Sequence[int], borders: list[int]
                 ) -> list[Array]:  # fmt: skip
        slices = list(pairwise(borders))
        sent = parts[0]
        if len(parts) > 1:
            sent = np.concatenate([part[begin:end] for begin, end in slices for part in parts])
        mine = borders[self.rank + 1] - borders[self.rank]
        if self._received.shape != (sum(counts) * mine,) or self._received.dtype != sent.dtype:
            self._received = np.empty(sum(counts) * mine, sent.dtype)
        to = [len(parts) * (end - begin) for begin, end in slices]
        of = [count * mine for count in counts]
        self._moved(self._world.Ialltoallv, [sent, to], [self._received, of])
        return [self._received[i * mine : (i + 1) * mine] for i in range(sum(counts))]

    def gather(self, whole: Array, borders: Sequence[int]) -> None:
        flat = whole.reshape(-1)
        each = len(flat) // max(1, borders[-1])
        counts = [(end - begin) * each for begin, end in pairwise(borders)]
        self._moved(self._world.Iallgatherv, self._MPI.IN_PLACE, [flat, counts])

    def once_a_host(self, make: Callable[[], T]) -> T:
        if self._host.size == 1:
            return make()
        folder, outcome = b"", None
        if self._host.rank == 0:
            outcome, folder = _tried(make), os.fsencode(tempfile.mkdtemp(prefix="elman-"))
            mapped.write(Path(os.fsdecode(folder)), outcome)
        path = Path(os.fsdecode(self._told(self._host, folder)))
        if self._host.rank:
            outcome = mapped.read(path)
        _finished(self._host.Ibarrier())
        if self._host.rank == 0:
            shutil.rmtree(path, ignore_errors=True)
        return _result(outcome)

    def by_the_first(self, make: Callable[[], T]) -> T | None:
        outcome = _tried(make) if self.rank == 0 else (None, None)
        error = pickle.loads(self._told(self._world, pickle.dumps(outcome[1])))
        return _result((outcome[0], error))

    def refuse_unlike(self, what: str, value: str, way_out: str) -> None:
        digests = self._all(np.frombuffer(sha256(value.encode()).digest(), np.uint8))
        unlike = (digests != digests[0]).any(axis=1)
        if unlike.any():
            raise UsageError(f"rank {unlike.argmax()} has {what} than rank 0: {way_out}")

    def cores(self) -> int:
        # A launcher may have given every rank cores of its own, or all of them the same.
        own = np.zeros(MOST_CORES, np.uint8)
        own[sorted(own_cores())] = 1
        users = self._all(own, self._host).sum(axis=0)
        share = float((1 / users[own > 0]).sum())
        return max(1, int(share * available_cores() / own.sum() + 1e-6))

    def leave(self, patience: float | None = None) -> bool:
        if not self._MPI.Is_finalized():
            if self._leaving is not None:  # they had their time
                patience = 0
            self._leaving = self._leaving or self._end.Ibarrier()
            if not _finished(self._leaving, patience):
                return False
            self._MPI.Finalize()
        return True

    def _moved(self, exchange: Callable[..., Any], *arrays: Any) -> None:
        """Exchange many numbers, which begins when all ranks are there."""
        _finished(self._world.Ibarrier())
        _finished(exchange(*arrays), spin=MOVING)

    def _end_all(self) -> None:
        """The end of this process: that of all, if the others still train."""
        if not self.leave(self.PATIENCE):
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            self._world.Abort(1)

    def _all(self, row: Array, among: Any = None) -> Array:
        """What every rank has, (R, n)."""
        among = among or self._world
        rows = np.empty((among.size, len(row)), row.dtype)
        _finished(among.Iallgather(row, rows))
        return rows

    def _told(self, among: Any, data: bytes) -> bytes:
        """What the first of some ranks has to say."""
        size = np.array([len(data)], np.int64)
        _finished(among.Ibcast(size))
        told = np.empty(int(size[0]), np.uint8)
        if among.rank == 0:
            told[:] = np.frombuffer(data, np.uint8)
        _finished(among.Ibcast(told))
        return told.tobytes()


def started(environment: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """How many processes a launcher has started, and the variable that says so; ("", 0): none."""
    sizes = {name: environment.get(name, "") for name in SIZES}
    found = [(int(size), name) for name, size in sizes.items() if size.isdecimal()]
    size, name = max(found, default=(0, ""))
    return name, size


def connect(environment: Mapping[str, str] = os.environ) -> Alone:
    """The ranks that a launcher has started, or one alone; all use the lowest instruction level.

    MPI is not looked for where no launcher says that there are several.

    Raises
    ------
    UsageError : several were started, and MPI does not connect them
    """
    name, size = started(environment)
    if size < 2:
        return Alone()
    several = f"{size} processes were started to train together"
    try:
        from mpi4py import MPI
    except ImportError:
        raise ElmanError(lacks(f"training on {size} ranks", "mpi4py", install("mpi"))) from None
    except RuntimeError as error:
        raise UsageError(f"{several}, but mpi4py finds no MPI ({_first_line(error)}); install one, "
                         "or pip install mpich") from None  # fmt: skip
    if MPI.COMM_WORLD.size == 1:
        library = _first_line(MPI.Get_library_version())
        raise UsageError(
            f"{several}, but each is alone: their launcher does not belong to the MPI of mpi4py "
            f"({library}); start them with its mpiexec, or, to train separately, without the "
            f"variable {name}"
        )
    ranks = Ranks(MPI)
    known = levels()
    lowest = int(min(ranks.figure(len(known))))
    if 0 < lowest < len(known):
        choose_level(known[lowest - 1])
    return ranks


def fewest_cores(ranks: Alone) -> int:
    """Threads of every rank by default: the numbers must not depend on who has more cores."""
    return int(min(ranks.figure(ranks.cores())))


def mpi_library() -> str:
    """Which MPI there is, for people."""
    try:
        import mpi4py

        mpi4py.rc.initialize = False  # nobody is to be connected
        from mpi4py import MPI
    except ImportError:
        return f"none ({install('mpi')})"
    except RuntimeError as error:
        return f"none that mpi4py finds ({_first_line(error)})"
    return f"{_first_line(MPI.Get_library_version())}, mpi4py {mpi4py.__version__}"


def _first_line(text: object) -> str:
    return " ".join(str(text).splitlines()[0].replace("Version:", "").split())[:80]


def _tried(make: Callable[[], T]) -> tuple[T | None, ElmanError | None]:
    """What a function returns, or what it finds wrong."""
    try:
        return make(), None
    except ElmanError as error:
        return None, error


def _result(outcome: Any) -> Any:
    value, error = outcome
    if error is not None:
        raise error
    return value


def _finished(request: Any, patience: float | None = None, spin: float = SPIN) -> bool:
    """Whether an exchange has ended within this many seconds."""
    began = time.monotonic()
    while not request.Test():
        waited = time.monotonic() - began
        if patience is not None and waited > patience:
            return False
        time.sleep(0 if waited < spin else NAP)
    return True
