"""The house is built as docs/architecture.md says: who imports whom, and how large a module is."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "elman"

# From the ground up: a room imports from those above it in this list, and from its own.
ORDER = (
    ("elman", "errors", "files", "settings", "version"),
    ("text", "cells"),
    ("nn", "_native"),
    ("store",),
    ("learn",),
    ("tasks",),
    ("inside", "share", "estimators", "bulk", "sweeps"),
    ("plots", "web", "recipes", "cli", "__main__"),
)
FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}

LONGEST_MODULE = 400  # lines: what fits in one reading
MOST_AT_THE_TOP = 12  # modules that stand in no room
LONGEST_CHAIN = 16  # modules that import each other one after the other

# Where an import of ours inside a function is meant so.
QUICK_START = ("elman.cli", "elman.tasks", "elman")  # what a verb does not need is not imported
# What may be missing: the native engine, matplotlib.
OPTIONAL = {"elman.nn.engine", "elman.plots.learned", "elman.plots.runs", "elman.plots.trials"}


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its dotted name; of a package that of `__init__`."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ["elman", *path.relative_to(SOURCE).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), path.name)
    return found


def packages() -> set[str]:
    return {".".join(name.split(".")[:-1]) for name in modules()} - {""}


def imported(name: str, node: ast.Import | ast.ImportFrom) -> set[str]:
    """Our modules that a statement in the module `name` imports."""
    if isinstance(node, ast.Import):
        targets = {alias.name for alias in node.names}
    else:
        base = name.split(".")
        if node.level:
            base = base[: len(base) - node.level + (name in packages())]
        start = ".".join(base) if node.level else ""
        package = ".".join(filter(None, (start, node.module or "")))
        inner = {f"{package}.{alias.name}" for alias in node.names}
        # `from .nn import layers` imports the module, `from .nn.layers import softmax` a name
        targets = {target if target in modules() else package for target in inner}
    return {target for target in targets if target in modules()}


def statements(tree: ast.Module, kind: str) -> list[ast.Import | ast.ImportFrom]:
    """Imports of a module: at its "top", inside a "function", or for "types" alone."""
    found = []

    def visit(node: ast.AST, where: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom) and where == kind:
                found.append(child)
            inner = where
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                inner = "function"
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                inner = "types"
            visit(child, inner)

    visit(tree, "top")
    return found


@cache
def graph(*kinds: str) -> dict[str, set[str]]:
    """Which of our modules each of them imports."""
    return {
        name: {
            target
            for kind in kinds
            for node in statements(tree, kind)
            for target in imported(name, node)
        } - {name}
        for name, tree in modules().items()
    }  # fmt: skip


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else name


def longest_chains() -> dict[str, list[str]]:
    """The longest chain of imports at module level that begins at each module."""

    @cache
    def chain(name: str) -> tuple[str, ...]:
        below = (chain(target) for target in graph("top")[name])
        return (name, *max(below, key=len, default=()))

    return {name: list(chain(name)) for name in modules()}


def circle_from(start: str, links: dict[str, set[str]]) -> list[str] | None:
    """A way back to the module along its imports, None if there is none."""
    way: dict[str, str] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        for target in links[name]:
            if target == start:
                back = [name]
                while back[-1] != start:
                    back.append(way[back[-1]])
                return [*back[::-1], start]
            if target not in way:
                way[target] = name
                waiting.append(target)
    return None


def test_every_module_stands_in_a_room():
    assert {room(name) for name in modules()} == set(FLOOR)


@pytest.mark.parametrize("kind", ["top", "function", "types"])
def test_imports_go_one_way(kind):
    """Types, too: who needs the name of a room further down to be understood depends on it."""
    wrong = [
        f"{name} imports {target}"
        for name, targets in graph(kind).items()
        for target in targets
        if FLOOR[room(target)] > FLOOR[room(name)] and name != "elman"  # the public face
    ]
    assert not wrong


def test_there_is_no_circle_not_even_one_hidden_in_functions():
    links = graph("top", "function")
    circles = {name: circle_from(name, links) for name in links}
    assert not [circle for circle in circles.values() if circle]


def test_imports_inside_functions_are_for_a_quick_start_or_what_may_be_missing():
    wrong = [
        f"{name} imports {target}"
        for name, targets in graph("function").items()
        for target in targets
        if name not in OPTIONAL and not name.startswith("elman.cli") and name not in QUICK_START
    ]
    assert not wrong


def test_chains_of_imports_are_short():
    longest = max(longest_chains().values(), key=len)
    assert len(longest) <= LONGEST_CHAIN, " <- ".join(longest)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.stem)
def test_a_module_fits_in_one_reading(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_few_modules_stand_outside_the_rooms():
    assert len(list(SOURCE.glob("*.py"))) <= MOST_AT_THE_TOP


def test_sister_tasks_have_the_same_files():
    """A task may have more, but what all of them have is called the same."""
    tasks = [p for p in (SOURCE / "tasks").iterdir() if (p / "__init__.py").exists()]
    assert len(tasks) >= 2
    for task in tasks:
        for name in ("settings", "task", "trainer", "run", "model"):
            assert (task / f"{name}.py").is_file(), f"{task.name} has no {name}.py"


def test_what_learns_and_stores_names_no_task():
    """`learn` and `store` serve a third task as they are."""
    for name in modules():
        if room(name) in ("learn", "store"):
            words = {w for node in ast.walk(modules()[name]) for w in names_in(node)}
            for word in ("classify", "classifier", "Classifier", "language", "LanguageModel", "lm",
                         "labelled", "Labelled", "Corpus", "NGram", "ngram"):  # fmt: skip
                assert word not in words, f"{name} says {word}"


def names_in(node: ast.AST) -> set[str]:
    """The names that a node uses, the modules that it imports, a string that it holds."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Attribute):
        return {node.attr}
    if isinstance(node, ast.ImportFrom):
        return {*(node.module or "").split("."), *(alias.name for alias in node.names)}
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    return set()


@pytest.mark.parametrize("module", ["elman", "elman.bulk", "elman.estimators"])
def test_every_public_name_is_documented(module):
    public = pytest.importorskip(module)  # the estimators need an extra
    for name in public.__all__:
        thing = getattr(public, name)
        methods = [m for m in vars(thing) if m[0] != "_"] if isinstance(thing, type) else []
        for part in (thing, *(getattr(thing, method) for method in methods)):
            if callable(part):
                assert (part.__doc__ or "").strip(), f"{name}: {part} is not documented"


if __name__ == "__main__":
    for chain in sorted(longest_chains().values(), key=len)[-1:]:
        print(len(chain), " <- ".join(chain))
    for name, tree in modules().items():
        inside = {t for node in statements(tree, "function") for t in imported(name, node)}
        if inside and not name.startswith("elman.cli"):
            print(name, sorted(inside))
