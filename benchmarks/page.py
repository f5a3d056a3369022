"""The page in a browser: how soon it shows something, and how smoothly the heat map scrolls.

    python benchmarks/page.py            needs the extras web and browser, and `chromium`

Starts `elman serve` on a model that it makes (a GRU of 512 units, of two steps of training) and
opens the page in Chromium without a screen. First paint is the browser's own figure, from the
start of the navigation, in a fresh browser context every time; ready is when the view can be
used. Then the heat map of 2,000 characters by 512 units is scrolled on both axes with every
frame, and the time from frame to frame is taken: 16.7 ms is one refresh of the screen.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles

import click
from playwright.sync_api import Page, sync_playwright

import elman

CHARACTERS, UNITS = 2_000, 512
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
READY = (
    "new Promise(done => { const look = () => window.__elman?.ready ?"
    " done(performance.now()) : setTimeout(look, 5); look(); })"
)
SCROLL = """
frames => new Promise(done => {
  const heat = document.querySelector(".heat"), times = [];
  let before = null;
  requestAnimationFrame(function step(now) {
    if (before !== null) times.push(now - before);
    before = now;
    heat.scrollLeft += 40;
    heat.scrollTop += 8;
    if (times.length < frames) requestAnimationFrame(step); else done(times);
  });
})
"""


def first_paints(browser, url: str, repeats: int) -> list[tuple[float, float]]:
    """Milliseconds to the first paint, and until the page is ready."""
    found = []
    for _ in range(repeats):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(url)
        ready = page.evaluate(READY)
        found.append((page.evaluate(PAINT), ready))
        context.close()
    return found


def frames(page: Page, url: str, text: str, count: int) -> list[float]:
    """Milliseconds from frame to frame while the heat map scrolls."""
    page.goto(f"{url}#inside")
    page.evaluate(READY)
    page.get_by_label("Text", exact=True).fill(text)
    states = f"(window.__elman.views.inside?.values?.length === {len(text) * UNITS})"
    page.evaluate(
        "new Promise(done => { const look = () => "
        f"{states} ? done() : setTimeout(look, 20); look(); }})"
    )
    return page.evaluate(SCROLL, count)


@click.command(help=__doc__)
@click.option("--repeats", default=9, show_default=True, help="Loads of the page.")
@click.option("--frames", "count", default=300, show_default=True, help="Frames of scrolling.")
@click.option("--json", "as_json", is_flag=True)
def main(repeats: int, count: int, as_json: bool) -> None:
    text = ("The cell reads, and the state is what it keeps of it.\n" * 40)[:CHARACTERS]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        corpus = Path(folder, "text.txt")
        corpus.write_text(text * 4)
        elman.train(
            corpus, output=Path(folder, "m.safetensors"), hidden_size=UNITS, steps=2, progress=False
        )
        server = subprocess.Popen(
            [sys.executable, "-m", "elman", "serve", folder, "--port", "0", "--no-browser",
             "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        try:
            loads = first_paints(browser, url, repeats)
            took = frames(browser.new_page(), url, text, count)
        finally:
            browser.close()
            server.terminate()
    result = {
        "first_paint_ms": median(paint for paint, _ in loads),
        "first_paint_worst_ms": max(paint for paint, _ in loads),
        "ready_ms": median(ready for _, ready in loads),
        "frame_ms": median(took),
        "frame_p95_ms": quantiles(took, n=20)[-1],
        "frame_worst_ms": max(took),
    }
    if as_json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:22}{value:8.1f}")


if __name__ == "__main__":
    main()
