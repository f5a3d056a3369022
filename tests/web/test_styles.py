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


def light(colour: str) -> float:
    """Relative luminance, WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_ink_can_be_read_on_every_colour_of_a_value():
    sheet = (STATIC / "style.css").read_text()
    for theme in (0, 1):
        found = {
            name: re.search(rf"--{name}: light-dark\((#\w+), (#\w+)\)", sheet).groups()[theme]
            for name in ("ink", "negative", "zero", "positive")
        }
        ink = light(found["ink"])
        for end in ("negative", "positive"):
            for share in range(11):
                mixed = "#" + "".join(
                    f"{round(z + share / 10 * (e - z)):02x}"
                    for z, e in (
                        (int(found["zero"][i : i + 2], 16), int(found[end][i : i + 2], 16))
                        for i in (1, 3, 5)
                    )
                )
                low, high = sorted([ink, light(mixed)])
                assert (high + 0.05) / (low + 0.05) >= 4.5, (theme, end, share)
