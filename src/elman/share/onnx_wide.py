"""The wide part of a classifier as nodes of an ONNX graph: the hash of `nn.wide`, step by step."""

from typing import TYPE_CHECKING

import numpy as np

from ..nn import wide

if TYPE_CHECKING:
    from .onnx_graph import Graph

LAST = np.iinfo(np.int64).max


def add(g: "Graph", num_rows: int, longest: int) -> str:
    """What the n-grams of `ids` (T, B) and `lengths` (B,) say, (B, C); its name."""
    from onnx import TensorProto

    codes, after = _codes(g)
    prime, factor = g.number("prime", wide.PRIME), g.number("factor", wide.FACTOR)
    mix, rows = g.number("mix", wide.MIX), g.number("rows", num_rows)
    table = g.tensor("wide.W", g.p["wide.W"])
    h, there, totals, counts = "", "", [], []
    for n in range(1, longest + 1):
        name = f"wide.{n}."
        if n == 1:
            h = g.node("Mod", [codes, prime], name + "hash")
            # A border that is none has code 0, and stands behind the end.
            there = g.node("Less", ["place", after], name + "there")
        else:
            last = g.node("Slice", [codes, g.constant(n - 1), g.constant(LAST)], name + "last")
            first = g.node("Slice", [h, g.constant(0), g.constant(-1)], name + "first")
            moved = g.node("Mul", [first, factor], name + "moved")
            h = g.node("Mod", [g.node("Add", [moved, last], name + "sum"), prime], name + "hash")
            there = g.node("Slice", [there, g.constant(1), g.constant(LAST)], name + "there")
        mixed = g.node("Mod", [g.node("Mul", [h, mix], name + "mul"), prime], name + "mixed")
        found = g.node("Gather", [table, g.node("Mod", [mixed, rows], name + "row")], name + "W")
        seen = g.node("Cast", [there], name + "seen", to=TensorProto.FLOAT)
        column = g.node("Unsqueeze", [seen, g.constant(2)], name + "column")
        kept = g.node("Mul", [found, column], name + "kept")
        totals.append(g.node("ReduceSum", [kept, g.constant(0)], name + "total", keepdims=0))
        counts.append(g.node("ReduceSum", [seen, g.constant(0)], name + "count", keepdims=0))
    total, count = g.node("Sum", totals, "wide.total"), g.node("Sum", counts, "wide.count")
    root = g.node("Unsqueeze", [g.node("Sqrt", [count], "wide.root"), g.constant(1)], "wide.roots")
    return g.node("Div", [total, root], "wide")


def _codes(g: "Graph") -> tuple[str, str]:
    """Codes (T + 2, B) of the symbols between their borders, and the place behind the end (B,)."""
    one = g.number("one", 1)
    after = g.node("Add", ["lengths", g.number("two", 2)], "after")
    end = g.node("Add", ["lengths", one], "end place")
    row = g.node("Mul", [g.node("Slice", ["ids", g.constant(0), g.constant(1)], "first ids"),
                         g.number("zero", 0)], "zeros")  # fmt: skip
    moved = g.node("Add", ["ids", g.number("first code", wide.FIRST)], "moved ids")
    wider = g.node("Concat", [row, moved, row], "wider", axis=0)
    shape = g.node("Shape", ["wider"], "wider shape", end=1)
    size = g.node("Squeeze", [shape], "wider size")
    steps = g.node("Range", [g.number("zero", 0), size, one], "places")
    place = g.node("Unsqueeze", [steps, g.constant(1)], "place")
    begin = g.node("Equal", [place, g.number("zero", 0)], "is begin")
    begun = g.node("Where", [begin, g.number("begin", wide.BEGIN), wider], "begun")
    ended = g.node("Equal", [place, end], "is end")
    return g.node("Where", [ended, g.number("end code", wide.END), begun], "codes"), after
