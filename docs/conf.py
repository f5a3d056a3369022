"""How the pages of this folder become a site: `sphinx-build -W -n docs FOLDER`.

The Markdown is written for where the repository is browsed. What only the site needs is added
here: the order of the pages, links that leave the folder, and formulas as MathML, which a
browser shows without a script and without a network.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

project = "Elman"
author = "The Elman developers"
project_copyright = author
release = re.search(r'__version__ = "(.+)"', (ROOT / "src/elman/version.py").read_text())[1]

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
nitpicky = True
smartquotes = False  # it would make one dash of the two in a flag
highlight_language = "none"

html_theme = "furo"
html_title = f"Elman {release}"
html_favicon = "../src/elman/web/static/icon.svg"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "mathml"

# The order of the pages, in the sections of the home page.
SECTIONS = {
    "Start": ["start"],
    "Learn": ["ladder", "mathematics", "proof"],
    "Do": ["do/own-text", "do/names", "do/classify", "do/tag", "do/inside", "do/resume", "do/logs",
           "do/machines", "do/share", "symptoms"],
    "Look up": ["verbs", "settings", "terminal", "reference", "python", "text", "answers",
                "classification", "tagging", "plots", "sweeps", "machines", "share", "http",
                "model-file", "glossary"],
    "Why": ["quality", "engine", "reproductions", "architecture", "contributing", "security",
            "changes"],
}  # fmt: skip
# Pages of the site that are files of the root folder.
FROM_ROOT = {"changes": "CHANGELOG.md", "contributing": "CONTRIBUTING.md",
             "security": "SECURITY.md"}  # fmt: skip
PAGE_OF = {"README.md": "index.md", **{name: f"{page}.md" for page, name in FROM_ROOT.items()}}
LINK = re.compile(r"\[([^\[\]]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def for_the_site(app, page, content):
    """What Sphinx reads of a page: its links lead to pages of the site, the home has an order."""
    text, folder = content[0], (DOCS / page).parent
    if page in FROM_ROOT:
        text, folder = (ROOT / FROM_ROOT[page]).read_text(encoding="utf-8"), ROOT
        app.env.note_dependency(ROOT / FROM_ROOT[page])
    text = LINK.sub(lambda link: led_from(link, folder, (DOCS / page).parent), text)
    if page == "index":
        text += "".join(
            f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
            for caption, pages in SECTIONS.items()
        )
    content[0] = text


def led_from(link, folder, page_folder):
    """A link of a text that lies in one folder, for a page of the site in another."""
    target = Path(os.path.normpath(folder / link[2]))
    if not target.exists():  # no link, as in a line of code
        return link[0]
    if target.is_dir():  # the site has no page of a folder
        return link[1]
    inside = target.relative_to(ROOT).as_posix()
    target = DOCS / PAGE_OF[inside] if inside in PAGE_OF else target
    return f"[{link[1]}]({os.path.relpath(target, page_folder)}{link[3] or ''})"


def mathml(node, as_block):
    """A formula, also with the names for < and > that Markdown needs and docutils lacks."""
    written = node.astext().replace(r"\lt ", "< ").replace(r"\gt ", "> ")
    return tex2mathml(written, as_block=as_block)


def formula(self, node):
    """A formula in a line."""
    self.body.append(mathml(node, as_block=False))
    raise nodes.SkipNode


def displayed_formula(self, node):
    """A formula in lines of its own."""
    self.body.append(f'<div class="math">{mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.connect("source-read", for_the_site)
    app.add_html_math_renderer("mathml", (formula, None), (displayed_formula, None))
