"""Writes the drawings of the documents into its own folder: python docs/images/draw.py

In those of docs/mathematics.md blue boxes multiply by weights, green ones are functions, circles
act element by element, dots are branches; in that of docs/architecture.md boxes are packages. Text
uses the generic font families, with room to spare, and every drawing brings its own background,
light or dark as the reader prefers.
"""

import re
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent

CSS = """
.bg{fill:#ffffff}.frame{fill:#f6f8fa;stroke:#d0d7de;stroke-width:1.5}
.line{fill:none;stroke:#1f2328;stroke-width:2}.head{fill:#1f2328}
.faint{fill:none;stroke:#b6c0ca;stroke-width:2}.faint-head{fill:#b6c0ca}
.grad{fill:none;stroke:#c44e00;stroke-width:2.5;stroke-dasharray:7 4}.grad-head{fill:#c44e00}
.wall{fill:none;stroke:#c44e00;stroke-width:5}
.halo{fill:none;stroke:#f6f8fa;stroke-width:8}
.map{fill:#e3effb;stroke:#0072b2;stroke-width:2}
.function{fill:#e6f4ea;stroke:#2a7f4f;stroke-width:2}
.op{fill:#fff3dc;stroke:#a66300;stroke-width:2}
.sign{fill:none;stroke:#a66300;stroke-width:2.5;stroke-linecap:round}
.node{fill:#ffffff;stroke:#1f2328;stroke-width:2}
text{font-family:serif;font-size:20px;fill:#1f2328;text-anchor:middle}
.left{text-anchor:start}.right{text-anchor:end}
.note{font-family:sans-serif;font-size:14.5px;fill:#59636e}.hot{fill:#b34700}
@media (prefers-color-scheme:dark){
.bg{fill:#0d1117}.frame{fill:#151b23;stroke:#3d444d}
.line{stroke:#e6edf3}.head{fill:#e6edf3}.faint{stroke:#4b545e}.faint-head{fill:#4b545e}
.grad{stroke:#ff9a52}.grad-head{fill:#ff9a52}.wall{stroke:#ff9a52}.halo{stroke:#151b23}
.map{fill:#10273d;stroke:#58a6ff}.function{fill:#12291c;stroke:#4fb57d}
.op{fill:#33260f;stroke:#e3a53a}.sign{stroke:#e3a53a}
.node{fill:#0d1117;stroke:#e6edf3}text{fill:#e6edf3}.note{fill:#a5adb6}.hot{fill:#ff9a52}
}
"""


class Drawing:
    def __init__(self, width, height, title):
        self.width, self.height, self.title = width, height, title
        self.parts = [f'<rect class="bg" width="{width}" height="{height}" rx="10"/>']

    def add(self, part):
        self.parts.append(part)

    def frame(self, left, top, right, bottom):
        self.add(
            f'<rect class="frame" x="{left}" y="{top}" width="{right - left}" '
            f'height="{bottom - top}" rx="16"/>'
        )

    def line(self, *points, kind="line", head=True, radius=12):
        """A polyline with round corners and an arrow head at its end."""
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        tip = (x1, y1)
        if head:  # the line ends inside the head, not at its point
            points = (*points[:-1], (x1 - 9 * ux, y1 - 9 * uy))
        path = f"M{points[0][0]:g} {points[0][1]:g}"
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            a, b = toward(corner, before, radius), toward(corner, after, radius)
            path += f"L{a[0]:g} {a[1]:g}Q{corner[0]:g} {corner[1]:g} {b[0]:g} {b[1]:g}"
        path += f"L{points[-1][0]:g} {points[-1][1]:g}"
        self.add(f'<path class="{kind}" d="{path}"/>')
        if head:
            back, side = (tip[0] - 12 * ux, tip[1] - 12 * uy), (-5.5 * uy, 5.5 * ux)
            corners = [tip, (back[0] + side[0], back[1] + side[1]),
                       (back[0] - side[0], back[1] - side[1])]  # fmt: skip
            name = "head" if kind == "line" else f"{kind}-head"
            shape = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
            self.add(f'<polygon class="{name}" points="{shape}"/>')

    def box(self, x, y, width, text, height=42):
        kind = "map" if "W" in text else "function"
        self.add(
            f'<rect class="{kind}" x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width}" '
            f'height="{height}" rx="8"/>'
        )
        self.text(x, y + 6, text)

    def op(self, x, y, sign):
        """A circle of radius 15 with a plus, a times or a short text."""
        self.add(f'<circle class="op" cx="{x}" cy="{y}" r="15"/>')
        if sign == "+":
            self.add(f'<path class="sign" d="M{x - 7} {y}h14M{x} {y - 7}v14"/>')
        elif sign == "x":
            self.add(f'<path class="sign" d="M{x - 5.5} {y - 5.5}l11 11m0 -11l-11 11"/>')
        else:
            self.text(x, y + 6, sign)

    def node(self, x, y, text, radius=27):
        self.add(f'<circle class="node" cx="{x}" cy="{y}" r="{radius}"/>')
        self.text(x, y + 6, text)

    def dot(self, x, y):
        self.add(f'<circle class="head" cx="{x}" cy="{y}" r="4"/>')

    def text(self, x, y, text, kind=""):
        """Single letters, also after a d, are in italics; _{...} lowers, ^{...} raises."""
        spans, shift = "", 0
        for piece in re.split(r"([_^]\{[^}]*\})", text):
            mark, words = (piece[0], piece[2:-1]) if piece[:2] in ("_{", "^{") else ("", piece)
            words = escape(words)
            if "note" not in kind:
                alone = r"(?<![A-Za-z])(d?)([A-Za-z])(?![A-Za-z])"
                words = re.sub(alone, r'\1<tspan font-style="italic">\2</tspan>', words)
            level = {"_": 5, "^": -8, "": 0}[mark]
            size = ' font-size="14"' if mark else ""  # not every renderer knows 70%
            if words:
                spans += f'<tspan dy="{level - shift}"{size}>{words}</tspan>'
                shift = level
        name = f' class="{kind}"' if kind else ""
        self.add(f'<text x="{x:g}" y="{y:g}"{name}>{spans}</text>')

    def __str__(self):
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" '
            f'height="{self.height}" viewBox="0 0 {self.width} {self.height}" role="img">\n'
            f"<title>{escape(self.title)}</title>\n<style>{CSS}</style>\n{body}\n</svg>\n"
        )


def toward(a, b, distance):
    """The point at a distance from a on the way to b, at most half-way."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = (dx * dx + dy * dy) ** 0.5
    share = min(distance / length, 0.5)
    return a[0] + share * dx, a[1] + share * dy


def rnn():
    d = Drawing(800, 370, "The vanilla cell: h_t = tanh(x_t·W_x + b + h_{t-1}·W_h)")
    d.frame(130, 110, 630, 310)
    d.text(55, 176, "h_{t−1}")
    d.line((90, 170), (180, 170))
    d.box(225, 170, 90, "·W_{h}")
    d.line((270, 170), (345, 170))
    d.op(360, 170, "+")
    d.line((375, 170), (455, 170))
    d.text(413, 158, "a_{t}")
    d.box(500, 170, 90, "tanh")
    d.line((545, 170), (710, 170))
    d.text(740, 176, "h_{t}")
    d.text(360, 352, "x_{t}")
    d.line((360, 332), (360, 281))
    d.box(360, 260, 120, "·W_{x} + b")
    d.line((360, 239), (360, 185))
    d.text(372, 220, "z_{t}", "left")
    d.dot(590, 170)
    d.line((590, 170), (590, 81))
    d.box(590, 60, 120, "·W_{y} + b_{y}")
    d.line((650, 60), (710, 60))
    d.text(740, 66, "y_{t}")
    d.text(150, 295, "one step", "note left")
    return d


def lstm():
    d = Drawing(900, 500, "The LSTM cell: c_t = f⊙c_{t-1} + i⊙g, h_t = o⊙tanh(c_t)")
    d.frame(110, 45, 800, 450)
    d.text(55, 96, "c_{t−1}")
    d.line((90, 90), (321, 90))
    d.op(336, 90, "x")
    d.line((351, 90), (487, 90))
    d.op(502, 90, "+")
    d.line((517, 90), (830, 90))
    d.text(858, 96, "c_{t}")
    for x, gate in ((336, "f"), (442, "i"), (562, "g")):
        d.dot(x, 345)
        d.line((x, 345), (x, 286))
        tanh = gate == "g"
        d.box(x, 265, 116 if tanh else 88, f"{'tanh' if tanh else 'σ'}(a_{{{gate}}})")
    d.box(682, 265, 88, "σ(a_{o})")
    d.line((336, 244), (336, 105))
    d.text(324, 228, "f", "right")
    d.line((442, 244), (442, 165), (487, 165))
    d.text(430, 228, "i", "right")
    d.line((562, 244), (562, 165), (517, 165))
    d.text(574, 228, "g", "left")
    d.op(502, 165, "x")
    d.line((502, 150), (502, 105))
    d.dot(752, 90)
    d.line((752, 90), (752, 127))
    d.box(752, 147, 70, "tanh", 40)
    d.line((752, 167), (752, 190))
    d.op(752, 205, "x")
    d.line((682, 244), (682, 205), (737, 205))
    d.text(670, 228, "o", "right")
    d.line((752, 220), (752, 345), (830, 345))
    d.text(858, 351, "h_{t}")
    d.text(55, 351, "h_{t−1}")
    d.line((90, 345), (134, 345))
    d.box(174, 345, 80, "·W_{h}")
    d.line((214, 345), (248, 345))
    d.op(263, 345, "+")
    d.line((278, 345), (682, 345), (682, 286))
    d.text(305, 334, "a_{t}")
    d.text(263, 488, "x_{t}")
    d.line((263, 468), (263, 436))
    d.box(263, 415, 120, "·W_{x} + b")
    d.line((263, 394), (263, 360))
    d.text(275, 384, "z_{t}", "left")
    d.text(785, 435, "one step", "note right")
    return d


def gru():
    d = Drawing(900, 435, "The GRU cell: h_t = (1 - z)⊙n + z⊙h_{t-1}")
    d.frame(110, 45, 800, 405)
    d.text(55, 96, "h_{t−1}")
    d.line((90, 90), (305, 90))
    d.op(320, 90, "x")
    d.line((335, 90), (660, 90))
    d.op(675, 90, "+")
    d.line((690, 90), (830, 90))
    d.text(858, 96, "h_{t}")
    d.dot(165, 90)
    d.line((165, 90), (165, 189))
    d.box(165, 210, 80, "·W_{h}")
    d.line((165, 231), (165, 315), (645, 315), (645, 261))
    d.text(178, 285, "u_{t}", "left")
    d.text(55, 371, "x_{t}")
    d.line((90, 365), (135, 365))
    d.box(195, 365, 120, "·W_{x} + b")
    d.line((255, 365), (705, 365), (705, 261))
    d.text(278, 354, "z_{t}")
    for x in (320, 480):
        d.dot(x - 25, 315)
        d.line((x - 25, 315), (x - 25, 261))
        d.line((x + 25, 327), (x + 25, 303), kind="halo", head=False)  # a bridge
        d.line((x + 25, 365), (x + 25, 261))
        d.dot(x + 25, 365)
    d.box(320, 240, 130, "σ(z_{z} + u_{z})")
    d.box(480, 240, 130, "σ(z_{r} + u_{r})")
    d.box(675, 240, 200, "tanh(z_{n} + r⊙(u_{n} + c_{n}))")
    d.line((545, 240), (575, 240))
    d.text(560, 226, "r")
    d.line((320, 219), (320, 105))
    d.text(308, 200, "z", "right")
    d.dot(320, 155)
    d.line((320, 155), (450, 155))
    d.box(485, 155, 70, "1 − z", 36)
    d.line((520, 155), (660, 155))
    d.op(675, 155, "x")
    d.line((675, 219), (675, 170))
    d.text(687, 204, "n", "left")
    d.line((675, 140), (675, 105))
    d.text(785, 390, "one step", "note right")
    return d


STEPS = ("t−2", "t−1", "t", "t+1")
X = (175, 345, 515, 685)
TOP, OUT, MID, LOW = 45, 130, 235, 345  # loss, logits, hidden state, input


def graph(d, kind, reach=85):
    """The unrolled network: nodes and forward edges."""
    for step, x in zip(STEPS, X, strict=True):
        d.line((x, LOW - 18), (x, MID + 27), kind=kind)
        d.line((x, MID - 27), (x, OUT + 22), kind=kind)
        d.line((x, OUT - 22), (x, TOP + 14), kind=kind)
        d.text(x, LOW + 6, f"x_{{{step}}}")
        d.node(x, MID, f"h_{{{step}}}")
        d.node(x, OUT, f"y_{{{step}}}", 22)
        d.text(x, TOP + 6, f"loss_{{{step}}}")
    for left, right in pairwise(X):
        d.line((left + 27, MID), (right - 27, MID), kind=kind)
    d.line((X[0] - reach, MID), (X[0] - 27, MID), kind=kind)
    d.line((X[-1] + 27, MID), (X[-1] + reach, MID), kind=kind)


def unrolled():
    d = Drawing(860, 375, "The network unrolled over four steps; every step uses the same weights")
    graph(d, "line")
    for x in X:
        d.text(x + 9, (LOW + MID) / 2 + 14, "W_{x}", "left")
        d.text(x + 9, (OUT + MID) / 2 + 8, "W_{y}", "left")
    for x in (*(X[0] - 58,), *((a + b) / 2 for a, b in pairwise(X))):
        d.text(x - 3, MID - 11, "W_{h}")
    d.text(X[-1] + 54, MID - 11, "W_{h}")
    d.text(X[0] - 104, MID + 5, "…")
    d.text(X[-1] + 104, MID + 5, "…")
    return d


def gradient():
    d = Drawing(860, 430, "The same graph with its gradient: two edges lead into every h")
    left, right, side = 105, 775, 12
    d.frame(left, 12, right, 372)
    graph(d, "faint", 118)
    for x in X:
        d.line((x + side, TOP + 16), (x + side, OUT - 19), kind="grad")
        d.line((x + side, OUT + 19), (x + side, MID - 25), kind="grad")
        d.line((x + side, MID + 25), (x + side, LOW - 16), kind="grad")
    for before, after in pairwise(X):
        d.line((after - 25, MID + side), (before + 25, MID + side), kind="grad")
    d.line((X[0] - 25, MID + side), (left + 8, MID + side), kind="grad")
    d.add(f'<path class="wall" d="M{left} {MID - 4}v32"/>')
    x = X[2]
    d.text(x + side + 12, (OUT + MID) / 2 + 7, "dy_{t} ·W_{y}^{T}", "hot left")
    d.text((x + X[3]) / 2, MID + side + 26, "da_{t+1} ·W_{h}^{T}", "hot")
    d.text(left, 402, "the window begins: a state enters, no gradient leaves", "note left")
    d.text(right, 402, "nothing after the window is known: 0", "note right")
    return d


# The packages, from the top down: a line of the drawing is a layer.
FLOORS = (
    ("plots", "web", "recipes", "cli", "__main__"),
    ("inside", "share", "estimators", "bulk", "sweeps"),
    ("tasks",),
    ("learn",),
    ("store",),
    ("nn", "_native"),
    ("text", "cells"),
    ("elman", "errors", "files", "settings", "version"),
)
# The path of a text: the package that it comes to, and what it meets there.
WAY = (
    ("cli", "elman train"), ("tasks", "begin"), ("learn", "prepare.begin"), ("tasks", "read"),
    ("text", "load, divide"), ("tasks", "resolved"), ("nn", "Network"), ("tasks", "trainer"),
    ("learn", "Run.events"), ("store", "pack"), ("files", "write"),
)  # fmt: skip


def house():
    d = Drawing(900, 694, "The packages of Elman, and the path of a text from file to model file")
    height, gap = 72, 8
    middle = {}
    for row, rooms in enumerate(FLOORS):
        top = 14 + row * (height + gap)
        d.frame(44, top, 886, top + height)
        split = len(rooms) if len(rooms) < 4 else (len(rooms) + 1) // 2
        lines = [line for line in (rooms[:split], rooms[split:]) if line]
        for y, line in zip(((36,), (20, 52))[len(lines) - 1], lines, strict=True):
            left = 56
            for room in line:
                width = 10 * len(room) + 22
                d.box(left + width / 2, top + y, width, room, 28)
                left += width + 8
                middle[room] = top + height / 2
    d.line((24, 24), (24, 644))
    d.text(14, 676, "imports go down, never up", "note left")
    d.text(886, 676, "the path of a text, in the order of the numbers", "note right")
    points = [(345 + 50 * i, middle[room]) for i, (room, _) in enumerate(WAY)]
    for (x0, y0), (x1, y1) in pairwise(points):
        side = 15 if y1 > y0 else -15
        d.line((x0 + 15, y0), (x1, y0), (x1, y1 - side), kind="grad")
    for number, ((x, y), (_, name)) in enumerate(zip(points, WAY, strict=True), 1):
        d.op(x, y, str(number))
        above = number == 1 or y < points[number - 2][1]
        d.text(x, y - 21 if above else y + 30, name, "note")
    return d


DRAWINGS = {
    "rnn": rnn, "lstm": lstm, "gru": gru, "unrolled": unrolled, "gradient": gradient,
    "house": house,
}  # fmt: skip

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (HERE / f"{name}.svg").write_text(str(draw()), encoding="utf-8")
