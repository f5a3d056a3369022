"""The curve of a training as a small SVG of its own, for a card: the same model, the same bytes."""

from math import isfinite
from typing import Any
from xml.sax.saxutils import escape

from ..store.modelfile import SavedModel

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 34, 46  # margins
SERIES = (("train", "training", "#0072B2", ""), ("validation", "held out", "#D55E00", "6 4"))
Points = list[tuple[float, float]]


def curve(model: SavedModel) -> str:
    """An SVG of the loss over the steps; "" where the model has no history of two steps."""
    unit, nats = model.loss_unit()
    series = _history(model, nats)
    every = [point for points in series.values() for point in points]
    steps = [step for step, _ in every]
    if len(set(steps)) < 2:
        return ""
    low, high = min(v for _, v in every), max(v for _, v in every)
    frame = _Frame(min(steps), max(steps), low, high if high > low else low + 1)
    parts = [frame.axes(unit)]
    for number, (name, label, colour, dashes) in enumerate(SERIES):
        if len(series[name]) > 1:
            parts.append(frame.line(series[name], colour, dashes))
            parts.append(_label(number, label, colour, dashes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'font-family="sans-serif" font-size="13" fill="#1f2328"><title>Loss over the steps</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def _history(model: SavedModel, nats: float) -> dict[str, Points]:
    """Steps and losses of each series, in units of `nats`, as far as the model holds them."""
    arrays, training = model.training or ({}, {})
    columns = training.get("state", {}).get("history_columns", [])
    rows = arrays["training.history"].tolist() if "training.history" in arrays else []
    found: dict[str, Points] = {name: [] for name, *_ in SERIES}
    for name, points in found.items():
        if name in columns and "step" in columns:
            pairs = ((row[columns.index("step")], row[columns.index(name)]) for row in rows)
            points += [(step, value / nats) for step, value in pairs if isfinite(value)]
    return found


class _Frame:
    """From steps and losses to places in the picture."""

    def __init__(self, first: float, last: float, low: float, high: float):
        self.first, self.last, self.low, self.high = first, last, low, high

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - self.first) / (self.last - self.first)

    def y(self, value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)

    def line(self, points: Points, colour: str, dashes: str) -> str:
        places = " ".join(f"{self.x(step):.1f},{self.y(value):.1f}" for step, value in points)
        return _polyline(places, colour, dashes)

    def axes(self, unit: str) -> str:
        """Lines with figures at four heights, the first and the last step."""
        parts = []
        for quarter in range(4):
            value = self.low + (self.high - self.low) * quarter / 3
            y = self.y(value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#d0d7de"/>')
            parts.append(_text(LEFT - 8, y + 4, f"{value:.3g}", "end"))
        parts.append(_text(LEFT, HEIGHT - 22, f"{self.first:,.0f}", "start"))
        parts.append(_text(WIDTH - RIGHT, HEIGHT - 22, f"{self.last:,.0f}", "end"))
        parts.append(_text(WIDTH / 2, HEIGHT - 8, "step", "middle"))
        return "".join([*parts, _text(8, 20, unit, "start")])


def _label(number: int, label: str, colour: str, dashes: str) -> str:
    x = WIDTH - RIGHT - 200 + 105 * number
    return _polyline(f"{x},16 {x + 24},16", colour, dashes) + _text(x + 30, 20, label, "start")


def _polyline(places: str, colour: str, dashes: str) -> str:
    pattern: Any = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"'
            f"{pattern}/>")  # fmt: skip


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
