"""The native engine: the functions of the NumPy reference, in C++. Optional; docs/engine.md."""

from hashlib import sha256
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def digest(folder: Path = FOLDER) -> str:
    """One SHA-256 for the C++ sources in a folder, as CMakeLists.txt takes it; "" without any."""
    sources = sorted(folder.glob("[a-z]*.[ch]pp"))
    each = "".join(sha256(path.read_bytes()).hexdigest() for path in sources)
    return sha256(each.encode()).hexdigest() if sources else ""


def is_stale(core: ModuleType, sources: Path = FOLDER) -> bool:
    """Whether the extension was compiled from different C++ sources than those in the folder.

    Python and C++ change together, so an old extension with new Python computes nonsense or
    fails with a puzzle. A version number in both would have to be raised by hand, and no test can
    tell that it was not; a digest changes by itself. It is compared where the sources are: in a
    checkout, which is where they can change after the build. An installed wheel has none, and its
    Python and its extension come from one build.
    """
    compiled, present = getattr(core, "SOURCES", ""), digest(sources)
    return not compiled or present not in (compiled, "")
