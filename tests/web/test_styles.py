"""The style sheets: what they use is defined, by them or by a script."""

from __future__ import annotations

import re
from pathlib import Path

import elman

STATIC = Path(elman.__file__).parent / "web" / "static"


def test_every_variable_that_is_used_is_defined():
    sheets = "".join(path.read_text() for path in STATIC.glob("*.css"))
    scripts = "".join(path.read_text() for path in STATIC.glob("*.js"))
    defined = set(re.findall(r"(--[\w-]+):", sheets)) | set(re.findall(r'"(--[\w-]+)"', scripts))
    used = re.findall(r"var\((--[\w-]+)\)", sheets) + re.findall(r'colour\("(--[\w-]+)"\)', scripts)
    assert used and not set(used) - defined
