"""The wide part as nodes of an ONNX graph: the hash of `nn.wide`, step by step."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..nn import wide

if TYPE_CHECKING:
    from .onnx_graph import Graph

LAST = np.iinfo(np.int64).max


def of_texts(g: "Graph", num_rows: int, longest: int) -> str:
    """What all n-grams of `ids` (T, B) and `lengths` (B,) say, (B, C); its name."""
    sums = _Sums(g)
    for n, mixed in _hashes(g, longest):
        name = f"wide.{n}."
        until = g.node("Add", ["place", g.number(f"size {n}", n)], name + "until")
        there = g.node("LessOrEqual", [until, "after"], name + "there")
        # After the last n-gram there are fewer hashes than places.
        shape = g.node("Shape", [mixed], name + "shape", end=1)
        there = g.node("Slice", [there, g.constant(0), shape], name + "seen")
        row = g.node("Mod", [mixed, g.number("rows of wide.W", num_rows)], name + "row")
        kept, seen = sums.look_up(row, there, name)
        sums.add(
            g.node("ReduceSum", [kept, g.constant(0)], name + "total", keepdims=0),
            g.node("ReduceSum", [seen, g.constant(0)], name + "count", keepdims=0),
        )
    return sums.over_root(1)


def of_symbols(g: "Graph", num_rows: int, longest: int) -> str:
    """What the n-grams around every symbol say, (T, B, C); its name."""
    sums = _Sums(g)
    hashes = list(_hashes(g, longest))
    size = g.node("Squeeze", [g.node("Shape", ["ids"], "ids shape", end=1)], "ids size")
    steps = g.node("Range", [g.number("zero", 0), size, g.number("one", 1)], "steps of ids")
    step = g.node("Unsqueeze", [steps, g.constant(1)], "step")
    inside = g.node("Less", [step, "lengths"], "inside")
    for n, mixed in hashes:
        for place in range(n + 2):
            name = f"wide.{n}.{place}."
            moved = g.number(f"move {place + 1 - n}", place + 1 - n)
            start = g.node("Add", [step, moved], name + "start")
            until = g.node("Add", [start, g.number(f"size {n}", n)], name + "until")
            behind = g.node("GreaterOrEqual", [start, g.number("zero", 0)], name + "behind")
            before = g.node("LessOrEqual", [until, "after"], name + "before")
            both = g.node("And", [behind, before], name + "both")
            index = g.node("Add", [steps, moved], name + "index")
            index = g.node("Max", [index, g.number("zero", 0)], name + "clipped")
            found = g.node("Gather", [mixed, index], name + "found")
            placed = g.number(f"place {place}", (place + 1) * wide.PLACE)
            found = g.node("Add", [found, placed], name + "placed")
            row = g.node("Mod", [found, g.number("rows of wide.W", num_rows)], name + "row")
            sums.add(*sums.look_up(row, g.node("And", [both, inside], name + "there"), name))
    return sums.over_root(2)


class _Sums:
    """Rows of the table that are added up, and how many there are."""

    def __init__(self, g: "Graph"):
        self.g, self.table = g, g.tensor("wide.W", g.p["wide.W"])
        self.totals: list[str] = []
        self.counts: list[str] = []

    def look_up(self, row: str, there: str, name: str) -> tuple[str, str]:
        """The rows (…, C), zeros where none is there, and 1 or 0 for each."""
        from onnx import TensorProto

        seen = self.g.node("Cast", [there], name + "one", to=TensorProto.FLOAT)
        column = self.g.node("Unsqueeze", [seen, self.g.constant(2)], name + "column")
        found = self.g.node("Gather", [self.table, row], name + "W")
        return self.g.node("Mul", [found, column], name + "kept"), seen

    def add(self, total: str, count: str) -> None:
        self.totals.append(total)
        self.counts.append(count)

    def over_root(self, axis: int) -> str:
        """All rows, over the root of their number."""
        g = self.g
        total = g.node("Sum", self.totals, "wide.total")
        count = g.node("Sum", self.counts, "wide.count")
        least = g.node("Max", [count, g.once("least", np.array(1.0))], "wide.least")
        root = g.node("Unsqueeze", [g.node("Sqrt", [least], "wide.root"), g.constant(axis)],
                      "wide.roots")  # fmt: skip
        return g.node("Div", [total, root], "wide")


def _hashes(g: "Graph", longest: int) -> Iterator[tuple[int, str]]:
    """For every n the mixed hashes of the n-grams that begin at each place."""
    prime, h = g.number("prime", wide.PRIME), ""
    codes = _codes(g, longest)
    for n in range(1, longest + 1):
        name = f"wide.{n}."
        if n == 1:
            h = g.node("Mod", [codes, prime], name + "hash")
        else:
            last = g.node("Slice", [codes, g.constant(n - 1), g.constant(LAST)], name + "last")
            first = g.node("Slice", [h, g.constant(0), g.constant(-1)], name + "first")
            moved = g.node("Mul", [first, g.number("factor", wide.FACTOR)], name + "moved")
            h = g.node("Mod", [g.node("Add", [moved, last], name + "sum"), prime], name + "hash")
        mixed = g.node("Mul", [h, g.number("mix", wide.MIX)], name + "mul")
        yield n, g.node("Mod", [mixed, prime], name + "mixed")


def _codes(g: "Graph", longest: int) -> str:
    """Codes of the symbols between their borders, and enough zeros that no n-gram is too long.

    "place" is then the place of each, and "after" (B,) that behind the end.
    """
    one, zero = g.number("one", 1), g.number("zero", 0)
    g.node("Add", ["lengths", g.number("two", 2)], "after")
    end = g.node("Add", ["lengths", one], "end place")
    first = g.node("Slice", ["ids", g.constant(0), g.constant(1)], "first ids")
    row = g.node("Mul", [first, zero], "zeros")
    moved = g.node("Add", ["ids", g.number("first code", wide.FIRST)], "moved ids")
    wider = g.node("Concat", [row, moved, *[row] * (1 + longest)], "wider", axis=0)
    size = g.node("Squeeze", [g.node("Shape", [wider], "wider shape", end=1)], "wider size")
    places = g.node("Range", [zero, size, one], "places of codes")
    place = g.node("Unsqueeze", [places, g.constant(1)], "place")
    begin = g.node("Equal", [place, zero], "is begin")
    begun = g.node("Where", [begin, g.number("begin", wide.BEGIN), wider], "begun")
    ended = g.node("Equal", [place, end], "is end")
    return g.node("Where", [ended, g.number("end code", wide.END), begun], "codes")
