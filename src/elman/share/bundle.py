"""ES modules of ours as one classic script: each becomes a function, in the order of their needs.

A page that is opened from a file may load no modules. What we write of JavaScript is simple
enough that two kinds of lines have to be rewritten: `import { a, b as c } from "./x.js";`, and
`export` before a declaration.
"""

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.M)
EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const) (\w+))", re.M)
OTHER = re.compile(r"^(?:import|export)\b.*", re.M)
RENAMED = re.compile(r"\b(\w+) as (\w+)\b")


def bundle(entry: Path) -> str:
    """Modules from `entry` on as declarations; that of `language.js` is `module_language`.

    Raises
    ------
    ValueError : a form of import or export that is not known here, modules that need each
        other, or two of one name
    """
    parts: dict[Path, str] = {}
    _add(entry.resolve(), parts, [])
    names = [_name(path) for path in parts]
    if len(set(names)) < len(names):
        raise ValueError(f"two modules of one name are among {', '.join(sorted(names))}")
    return "\n".join(parts.values())


def _add(path: Path, parts: dict[Path, str], waiting: list[Path]) -> None:
    """Add a module behind those that it needs; `waiting` are those that need it."""
    if path in waiting:
        raise ValueError(f"{path.name} needs itself")
    if path in parts:
        return
    code = path.read_text(encoding="utf-8")
    for _, other in IMPORT.findall(code):
        _add((path.parent / other).resolve(), parts, [*waiting, path])
    parts[path] = _wrapped(path, code)


def _wrapped(path: Path, code: str) -> str:
    """A module as a constant that holds what it exports."""
    body = IMPORT.sub(lambda found: _import(*found.groups()), code)
    exported = [name for _, name in EXPORT.findall(body)]
    body = EXPORT.sub(r"\1", body)
    if unknown := OTHER.search(body):
        raise ValueError(f"{path.name} has a line that cannot be bundled: {unknown[0]}")
    return f"const {_name(path)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _import(names: str, path: str) -> str:
    names = RENAMED.sub(r"\1: \2", names)
    return f"const {{{names}}} = {_name(Path(path))};\n"


def _name(path: Path) -> str:
    """What the constant of a module is called; no name that is declared in one begins so."""
    return f"module_{path.stem}"
