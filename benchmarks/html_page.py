"""The HTML file of a model in a browser: its size, how soon it has written, how fast it writes.

    python benchmarks/html_page.py            needs the extra browser, and `chromium`

Makes a GRU of 512 units and an LSTM of 2 × 128 on 96 symbols, of two steps of training, exports
each with weights of 16 and of 32 bits, and opens the file from the disk in Chromium without a
screen. `ready` is the time from the navigation until the script runs and the first text has begun;
characters a second are those of `elman.write` (a text of 2,000 characters at temperature 0.8),
which draws nothing, and of a click on Write, which draws every one of 600: the best of some. The
text that a page opens with, `first`, is slower: the browser has not compiled the script yet.
"""

import json
import os
import shutil
import string
import tempfile
import time
from pathlib import Path
from statistics import median

import click
from playwright.sync_api import Page, sync_playwright

import elman

MODELS = {"GRU 512": {"cell": "gru", "hidden_size": 512},
          "LSTM 2 × 128": {"cell": "lstm", "hidden_size": 128, "num_layers": 2}}  # fmt: skip
SYMBOLS = "".join(sorted(set(string.printable) - set("\t\r\v\f")))[:96]
WRITE = """
async (length) => {
  const begun = performance.now();
  const text = await elman.write({ length, temperature: 0.8, seed: 1 });
  return Array.from(text).length / (performance.now() - begun) * 1000;
}
"""
DONE = "window.__elman?.view?.status === 'done'"


def rate(page: Page) -> float:
    """Characters a second of the text that is being written, once it is."""
    while not page.evaluate(DONE):
        time.sleep(0.2)
    return page.evaluate("window.__elman.view.rate")


def measure(browser, path: Path, repeats: int) -> dict[str, float]:
    """Figures of one page."""
    ready, first, drawn, written = [], [], [], []
    for _ in range(repeats):
        page = browser.new_page()
        begun = time.perf_counter()
        page.goto(path.as_uri())
        assert page.evaluate("window.__elman.ready")
        ready.append(1000 * (time.perf_counter() - begun))
        first.append(rate(page))
        for _ in range(2):
            page.get_by_role("button", name="Write", exact=True).click()
            drawn.append(rate(page))
        written.append(page.evaluate(WRITE, 2000))
        page.close()
    return {"bytes": path.stat().st_size, "ready_ms": median(ready),
            "first_per_second": max(first), "written_per_second": max(written),
            "drawn_per_second": max(drawn)}  # fmt: skip


@click.command(help=__doc__)
@click.option("--repeats", default=5, show_default=True, help="Loads of each page.")
@click.option("--json", "as_json", is_flag=True)
def main(repeats: int, as_json: bool) -> None:
    found = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        corpus = Path(folder, "text.txt")
        corpus.write_text(SYMBOLS * 100)
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        for name, settings in MODELS.items():
            model = elman.train(corpus, steps=2, progress=False, **settings)
            for dtype in ("float16", "float32"):
                path = Path(folder, f"{dtype}.html")
                model.export(path, dtype=dtype)
                found[f"{name}, {dtype}"] = measure(browser, path, repeats)
        browser.close()
    if as_json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name}: {figures['bytes'] / 1e6:.2f} MB, ready after {figures['ready_ms']:.0f} ms,"
              f" {figures['written_per_second']:,.0f} characters a second,"
              f" drawn {figures['drawn_per_second']:,.0f},"
              f" the first text {figures['first_per_second']:,.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
