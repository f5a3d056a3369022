"""The HTML file of a model: what it holds and what it does not; tests/web opens it in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner

from elman.cli import cli
from elman.errors import UsageError
from elman.share import html
from elman.share.bundle import bundle
from elman.share.exporting import possible

from .conftest import chain, classifier, lm, tagger

NASTY = "</script><script>alert(1)</script><!-- '\" \\ \u2028"


class Elements(HTMLParser):
    """The elements of a page: tags with their attributes, and the texts of scripts and styles."""

    def __init__(self, page: bytes):
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.inside = ""
        self.texts: dict[str, list[str]] = {}
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside:
            self.texts.setdefault(self.inside, []).append(data)


def told_and_weights(page: bytes) -> tuple[dict, bytes]:
    """What the script of a page is started with, as a browser would read it."""
    script = Elements(page).texts["script"][0]
    literal, numbers = re.search(r"start\(JSON\.parse\('(.*)'\), \"(.*)\"\);", script).groups()
    return json.loads(re.sub(r"\\(.)", r"\1", literal)), base64.b64decode(numbers)


# -- the bundle ---------------------------------------------------------------------


def write(folder, **modules):
    for name, code in modules.items():
        (folder / f"{name}.js").write_text(code)
    return folder / "main.js"


def test_modules_become_constants_in_the_order_of_their_needs(tmp_path):
    main = write(
        tmp_path,
        main='import { b, one as two } from "./other.js";\nexport function start() {}\n',
        other='import {\n  c,\n} from "./third.js";\n\nexport const b = c;\nexport class one {}\n',
        third="const hidden = 1;\nexport async function* c() {}\n",
    )
    main.write_text(main.read_text() + 'import { c } from "./third.js";\n')
    found = bundle(main)
    assert re.findall(r"^const (module_\w+)", found, re.M) == [
        "module_third", "module_other", "module_main",
    ]  # fmt: skip
    assert "const { b, one: two } = module_other;" in found
    assert "\nasync function* c() {}\n" in found
    assert "return { b, one };" in found and "return { start };" in found
    assert not re.search(r"^(import|export)\b", found, re.M)


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ({"main": 'import * as x from "./other.js";\n', "other": ""}, "cannot be bundled: import"),
        ({"main": "export default 1;\n"}, "cannot be bundled: export default"),
        ({"main": "export { a };\n"}, "cannot be bundled"),
        ({"main": 'import { a } from "./other.js";\n',
          "other": 'import { b } from "./main.js";\n'}, "main.js needs itself"),
    ],
)  # fmt: skip
def test_what_cannot_be_bundled_is_refused(tmp_path, modules, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        bundle(write(tmp_path, **modules))


def test_two_modules_of_one_name_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "main.js").write_text("export const x = 1;\n")
    main = write(tmp_path, main='import { x } from "./a/main.js";\n')
    with pytest.raises(ValueError, match="two modules of one name"):
        bundle(main)


def test_the_drawing_code_is_that_of_elman_serve():
    script = Elements(html.pack(lm(), "x")).texts["script"][0]
    for name in ("transcript.js", "dom.js"):
        code = (html.STATIC / name).read_text(encoding="utf-8")
        longest = max(code.split("\n\n"), key=len)
        assert longest.replace("export ", "") in script


# -- the page -----------------------------------------------------------------------


def test_the_policy_allows_its_script_and_its_style_and_nothing_else():
    elements = Elements(html.pack(lm(), "poem"))
    policy = next(a["content"] for _, a in elements.found
                  if a.get("http-equiv") == "Content-Security-Policy")  # fmt: skip
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == "'none'"
    assert set(allowed) == {"default-src", "script-src", "style-src", "img-src", "base-uri",
                            "form-action"}  # fmt: skip
    for kind in ("script", "style"):
        (text,) = elements.texts[kind]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert allowed[f"{kind}-src"] == f"'sha256-{digest}'"


@pytest.mark.parametrize("make", [lm, chain, classifier, tagger])
def test_it_is_one_classic_script_that_loads_sends_and_stores_nothing(make):
    page = html.pack(make(), "poem")
    elements = Elements(page)
    assert [a for tag, a in elements.found if tag == "script"] == [{}]
    links = [a["href"] for tag, a in elements.found if tag == "link"]
    assert len(links) == 1 and links[0].startswith("data:image/svg+xml,")
    (script,) = elements.texts["script"]
    code = script[: script.index("start(JSON")]
    for word in ("fetch", "XMLHttpRequest", "import(", "Worker", "localStorage", "sessionStorage",
                 "indexedDB", "WebSocket", "EventSource", "eval", "innerHTML", "http:", "https:",
                 "cookie"):  # fmt: skip
        assert word not in code.replace("http://www.w3.org/2000/svg", ""), word


def test_texts_of_the_model_end_no_script_and_are_no_markup():
    model = classifier(summary={"command": "elman train '<!--'"})
    model.classes[0] = NASTY
    page = html.pack(model, NASTY)
    elements = Elements(page)
    assert [tag for tag, _ in elements.found].count("script") == 1
    assert page.count(b"</script") == 1 and b"<!--" not in page
    told, _ = told_and_weights(page)
    assert told["classes"][0] == told["name"] == NASTY
    assert told["command"] == "elman train '<!--'"
    assert b"<title>&lt;/script&gt;" in page


def test_halves_of_characters_survive():
    """A path can hold bytes that are no UTF-8; a page is UTF-8 all the same."""
    told, _ = told_and_weights(html.pack(lm(), "po\udce9sie"))
    assert told["name"] == "po\udce9sie"


def test_paths_are_cut_to_their_last_part(tmp_path):
    lm().export(tmp_path / "poem.html")
    page = (tmp_path / "poem.html").read_bytes()
    told, _ = told_and_weights(page)
    assert b"/home" not in page
    assert told["command"] == "elman train poems.txt -o poems.safetensors --minutes 1"
    assert told["name"] == "poem"
    assert ["learned from", "poems.txt"] in told["facts"]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_weights_are_those_of_the_model(dtype):
    model = lm("lstm", layers=2, embedding=4)
    told, data = told_and_weights(html.pack(model, "x", dtype))
    p, at = model.network.parameters, 0
    for name, kind, size in told["layout"]:
        found = np.frombuffer(data, kind, size, at)
        at += found.nbytes
        # What is multiplied by vectors is turned; the rows of the embedding are looked up.
        expected = p[name].T if name.endswith((".W_x", ".W_h", ".W_y")) else p[name]
        np.testing.assert_array_equal(found, expected.astype(dtype).ravel())
    assert at == len(data) and [name for name, *_ in told["layout"]] == list(p)
    assert html.pack(model, "x", dtype) == html.pack(model, "x", dtype)


def test_rows_that_symbols_look_up_are_not_turned():
    for make, first in ((lm, "layer0."), (classifier, "layer0.reverse.")):
        model = make()
        told, data = told_and_weights(html.pack(model, "x", "float32"))
        at = 0
        for name, kind, size in told["layout"]:
            found = np.frombuffer(data, kind, size, at)
            at += found.nbytes
            if name == f"{first}W_x":
                np.testing.assert_array_equal(found, model.network.parameters[name].ravel())


def test_the_page_is_its_weights_and_little_else():
    model = lm()
    page = html.pack(model, "x", "float32")
    weights = 4 * model.network.config.num_parameters()
    assert len(page) <= 1.34 * weights + 120_000
    assert len(html.pack(classifier(), "x")) < 120_000
    assert len(html.pack(tagger(), "x")) < 120_000


def test_what_float16_cannot_hold_is_refused(tmp_path):
    model = lm()
    model.network.parameters["readout.b_y"][0] = 70_000
    with pytest.raises(UsageError, match=r"readout\.b_y has numbers .* --dtype float32"):
        model.export(tmp_path / "m.html")
    assert list(tmp_path.iterdir()) == []
    model.export(tmp_path / "m.html", dtype="float32")


def test_a_chain_has_no_dtype_and_a_dtype_is_one_of_two(tmp_path):
    with pytest.raises(UsageError, match="a Markov chain has counts, not weights"):
        chain().export(tmp_path / "m.html", dtype="float32")
    with pytest.raises(UsageError, match="--dtype must be one of float16, float32, not 'int8'"):
        lm().export(tmp_path / "m.html", dtype="int8")
    assert list(tmp_path.iterdir()) == []
    assert "html" in possible(chain())


def test_the_verb_writes_the_page(tmp_path):
    lm().save(tmp_path / "m.safetensors")
    arguments = ["export", str(tmp_path / "m.safetensors"), "-o", str(tmp_path / "p.html"),
                 "--dtype", "float32"]  # fmt: skip
    result = CliRunner().invoke(cli, arguments, prog_name="elman")
    assert result.exit_code == 0 and result.stdout == ""
    assert result.stderr.startswith(f"wrote {tmp_path / 'p.html'} (")
    assert (tmp_path / "p.html").read_bytes() == html.pack(lm(), "p", "float32")
