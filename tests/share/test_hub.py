"""Hub folders: what the card says, what the hub's library reads of it, the way there and back."""

from __future__ import annotations

import ast
import hashlib
import json
import logging
import os
import re
import shlex
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import log
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import elman
from elman.cli import cli
from elman.errors import ElmanError, ModelFileError, UsageError
from elman.share import front, hub
from elman.share.curve import curve
from elman.store.places import hub_errors, model_file
from elman.tasks.reports import report
from elman.tasks.tag.report import tag_report
from elman.text.vocabulary import BEGIN, END, UNKNOWN, Vocabulary

from .conftest import SUMMARY, chain, classifier, lm, tagger

LM_FIGURES = {
    "validation_bits_per_character": 2.5, "validation_perplexity": 5.6569,
    "baselines": {
        "uniform": {"bits_per_character": 3.17, "perplexity": 9.0},
        "chain of order 4": {"bits_per_character": 2.25, "perplexity": 4.75},
    },
}  # fmt: skip


def judged():
    """A report of three classes, the last of which is never recognised."""
    true, found = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    return report(["Ov", "Ini", "San"], true, found).to_dict()


def model_with_figures():
    return lm(summary=SUMMARY | LM_FIGURES, characters_per_symbol=1.0)


def classifier_with_figures():
    baselines = {"majority class": {"accuracy": 0.5, "macro_f1": 0.2222}}
    return classifier(summary=SUMMARY | {"test": judged(), "baselines": baselines})


def with_history(model):
    rows = [(s, s / 10, 3.0 - s / 50, np.nan if s % 20 else 3.2 - s / 60, 1.0, 0.01)
            for s in range(10, 101, 10)]  # fmt: skip
    columns = ["step", "seconds", "train", "validation", "gradient_norm", "learning_rate"]
    model.training = ({"training.history": np.array(rows)},
                      {"settings": {}, "corpus": {"paths": ["/home/ada/x"], "sha256": ""},
                       "state": {"history_columns": columns}})  # fmt: skip
    return model


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], prog_name="elman")


# -- the folder ---------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lm, classifier, tagger, chain])
def test_a_folder_is_a_model(tmp_path, make):
    model = make()
    model.export(tmp_path / "poems", "hub")
    names = sorted(path.name for path in (tmp_path / "poems").iterdir())
    assert names == ["README.md", "config.json", "model.safetensors"]
    again = elman.load(tmp_path / "poems")
    assert again.training is None
    assert again.vocabulary == model.vocabulary
    config = json.loads((tmp_path / "poems" / "config.json").read_text())
    assert config["model_type"] == "elman"
    assert config["cell"] == model.config["cell"]
    for path in (tmp_path / "poems").iterdir():
        assert b"/home" not in path.read_bytes()


def test_every_verb_takes_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lm().export("poems", "hub")
    assert run("sample", "poems", "--prime", "abc", "--length", 5).stdout.startswith("abc")
    assert run("info", "poems/").exit_code == 0
    (tmp_path / "empty").mkdir()
    result = run("info", "empty")
    assert result.exit_code == 1
    assert "the folder empty has no model.safetensors" in result.stderr


def test_a_folder_can_be_written_again_but_no_other_one(tmp_path):
    with_history(lm()).export(tmp_path / "poems", "hub")
    assert (tmp_path / "poems" / "curve.svg").exists()
    (tmp_path / "poems" / ".gitattributes").write_text("mine")
    classifier().export(tmp_path / "poems", "hub")
    assert elman.load(tmp_path / "poems").classes
    assert (tmp_path / "poems" / ".gitattributes").read_text() == "mine"
    assert not (tmp_path / "poems" / "curve.svg").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="holds other files; name one that is new or empty"):
        lm().export(tmp_path / "other", "hub")
    assert (tmp_path / "other" / "README.md").read_text() == "mine"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def full(monkeypatch):
    """A disk that has no room for the card."""
    stage = hub.OutputFile.stage

    def full(self, data):
        if self.path.name == "README.md":
            raise ElmanError("the disk is full")
        stage(self, data)

    return lambda: monkeypatch.setattr(hub.OutputFile, "stage", full)


def test_nothing_is_left_of_a_folder_that_failed(tmp_path, full):
    full()
    with pytest.raises(ElmanError, match="full"):
        lm().export(tmp_path / "poems", "hub")
    assert list(tmp_path.iterdir()) == []


def test_an_old_folder_stands_whole_when_a_new_one_fails(tmp_path, full):
    with_history(lm()).export(tmp_path / "poems", "hub")
    before = contents(tmp_path / "poems")
    full()
    with pytest.raises(ElmanError, match="full"):
        classifier().export(tmp_path / "poems", "hub")
    assert contents(tmp_path / "poems") == before


def test_a_folder_is_not_written_over_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with_history(lm()).export("poems", "hub")
    before = contents(tmp_path / "poems")
    for source in ("poems", "poems/model.safetensors"):
        for output in (["poems/", "--format", "hub"], ["poems/model.safetensors"]):
            result = run("export", source, "-o", *output)
            assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
            assert "is the file that is read; name another" in result.stderr
    with pytest.raises(UsageError, match=r"very model, and a curve.svg .* name another folder"):
        elman.load("poems").export("poems", "hub")
    assert contents(tmp_path / "poems") == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "poems", "--format", "hub", "--license", "MIT License"], 2, "such as mit"),
        (["-o", "poems", "--format", "hub", "--language", "English"], 2, "such as en or de"),
        (["-o", "poems", "--format", "hub", "--datasets", "a/b/c"], 2, "names of the hub"),
        (["-o", "p.safetensors", "--license", "mit"], 2, "need --format hub"),
        (["-o", "poems.onnx", "--format", "hub"], 2, "name it poems"),
        (["-o", "p.safetensors", "--format", "hub"], 2, "would be a folder"),
        (["-o", "no/poems", "--format", "hub"], 1, "cannot create the folder no/poems"),
        (["-o", "file", "--format", "hub"], 2, "file is a file"),
        (["-o", "poems/"], 2, "add --format"),
    ],
)
def test_wrong_usage_is_a_sentence_and_leaves_nothing(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    lm().save("m.safetensors")
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.iterdir())
    result = run("export", "m.safetensors", *arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert sorted(tmp_path.iterdir()) == before


# -- the card -----------------------------------------------------------------------------


def card_of(tmp_path, model, **told):
    model.export(tmp_path / "poems", "hub", **told)
    return (tmp_path / "poems" / "README.md").read_text(encoding="utf-8")


def test_the_card_of_a_language_model(tmp_path):
    text = card_of(tmp_path, model_with_figures())
    for said in (
        "A character-level GRU language model (1 × 6 units,",
        "| this model | 2.500 | 5.657 |",
        "| chain of order 4 | 2.250 | 4.750 |",
        "- Command: `elman train poems.txt -o poems.safetensors --minutes 1`",
        f"- SHA-256 of the text: `{'ab' * 32}`",
        "- Steps: 7",
        "model = elman.load('poems')",
        "- Its vocabulary has 9 characters; others are refused.",
        "- By bits per character it is worse than the baseline: chain of order 4.",
    ):
        assert said in text
    sample = re.search(r"```text\n(.*?)\n```\n", text, re.S)[1]
    assert sample == elman.load(tmp_path / "poems").sample(300, temperature=0.8, seed=1)


def test_the_lines_of_the_card_are_quoted(tmp_path):
    lm().export(tmp_path / """my "poems's\"""", "hub")
    text = (tmp_path / """my "poems's\"""" / "README.md").read_text(encoding="utf-8")
    call = re.search(r"^model = elman\.load\((.*)\)$", text, re.M)[1]
    line = re.search(r"`elman sample (.*)`\.$", text, re.M)[1]
    assert ast.literal_eval(call) == shlex.split(line)[0] == """my "poems's\""""


def test_the_card_of_a_classifier(tmp_path):
    text = card_of(tmp_path, classifier_with_figures())
    for said in (
        "bidirectional GRU classifier of short texts",
        "| on the test part | accuracy | macro-F1 |",
        "| this model | 0.667 |",
        "|  | Ov | Ini | San |\n| --- | ---: | ---: | ---: |\n| **Ov** | 2 | 1 | 0 |",
        "- It is unreliable for San: an F1 below 0.5.",
        "- Of a text it reads the first 20 symbols.",
    ):
        assert said in text
    assert "Its accuracy has not been measured" in card_of(tmp_path, classifier())


def test_the_card_of_a_tagger(tmp_path):
    labels = [np.array([1, 2, 0]), np.array([2, 2])]
    predicted = [np.array([1, 2, 2]), np.array([2, 2])]
    found = tag_report(["I-LOC", "I-PER", "O"], labels, predicted, scheme="IO").to_dict()
    text = card_of(tmp_path, tagger(embedding=4, letters_of=3, summary=SUMMARY | {"test": found}))
    for said in (
        "A word-level bidirectional GRU tagger (1 × 6 units,",
        "| on the test part | accuracy | macro-F1 | spans F1 |",
        "| this model | 0.800 | 0.619 | 0.667 |",
        "**I-PER** | 0 | 1 | 0 |",
        'print(model.predict("a text"))',
        "`elman tag poems`",
        'pipeline_tag: "token-classification"',
        "- It gives every symbol one of its labels",
    ):
        assert said in text


def test_the_card_of_lines_and_of_a_chain(tmp_path):
    lines = lm(vocabulary=Vocabulary("char", [*"abc`", UNKNOWN, BEGIN, END]), lines=True)
    text = card_of(tmp_path, lines)
    assert "- Its vocabulary has 4 characters; others are read as one unknown symbol." in text
    fence, sample = re.search(r"^(`{3,})text\n(.*?)\n\1\n", text, re.S | re.M).groups()
    assert fence not in sample
    assert "A character-level Markov chain of order 2" in card_of(tmp_path, chain())


def test_what_is_odd_breaks_no_table(tmp_path):
    model = classifier_with_figures()
    model.classes = ["a|b", "new\nline", "🙂 'é\""]
    figures = model.summary["test"]
    figures["classes"] = dict(zip(model.classes, figures["classes"].values(), strict=True))
    text = card_of(tmp_path, model)
    assert "|  | a\\|b | new line | 🙂 'é\" |" in text


# -- what the hub reads -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a network", "a classifier", "a chain"])
def test_the_library_of_the_hub_reads_the_front_matter(tmp_path, kind):
    library = pytest.importorskip("huggingface_hub")
    model = {"a network": model_with_figures, "a classifier": classifier_with_figures,
             "a chain": chain}[kind]()  # fmt: skip
    text = card_of(tmp_path, model, license="cc-by-4.0", language=["en", "no"], datasets="me/p")
    data = library.ModelCard(text).data
    assert data.library_name == "elman"
    assert data.license == "cc-by-4.0"
    assert data.language == ["en", "no"]
    assert data.datasets == ["me/p"]
    assert "elman" in data.tags
    classes = kind == "a classifier"
    assert data.pipeline_tag == ("text-classification" if classes else "text-generation")
    if kind == "a chain":
        assert data.eval_results is None
        return
    assert data.model_name == "poems"
    found = [(r.metric_type, r.metric_value, r.metric_name) for r in data.eval_results]
    first = ("accuracy", 0.6667, "accuracy") if classes else (
        "bits_per_character", 2.5, "bits per character")  # fmt: skip
    assert found[0] == first
    baseline = ("f1", 0.2222, "macro-F1 of majority class") if classes else (
        "perplexity", 4.75, "perplexity of chain of order 4")  # fmt: skip
    assert found[-1] == baseline
    assert {(r.dataset_name, r.dataset_type) for r in data.eval_results} == {("poems.txt", "me/p")}


@pytest.mark.parametrize(
    "value",
    [{"a": "no", "b": [1, 2.5, "x: y"], "c": {"d": [{"e": "f", "g": ["h"]}, {"e": 'é "\\'}]}}],
)
def test_yaml_is_yaml(value):
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(front.yaml(value)) == value


# -- the curve ----------------------------------------------------------------------------


def test_the_curve_has_the_losses_at_their_places():
    model = with_history(model_with_figures())
    root = ElementTree.fromstring(curve(model))
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    training, _, held_out, _ = (e.get("points").split() for e in lines)
    assert (len(training), len(held_out)) == (10, 5)
    assert training[0].startswith("64.0,")
    assert training[-1] == "624.0,254.0"  # the lowest loss, at the last step
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert texts[0] == f"{1.0 / log(2):.3g}"
    assert "bits per character" in texts
    assert curve(model) == curve(model)


def test_without_a_history_there_is_no_curve():
    assert curve(lm()) == ""
    assert curve(chain()) == ""


# -- there and back -----------------------------------------------------------------------


class Hub(BaseHTTPRequestHandler):
    """The few calls of the Hugging Face hub that a push and a load make."""

    files: dict[str, bytes]
    seen: list[str]
    COMMIT = "c" * 40

    def log_message(self, *arguments):
        pass

    def answer(self, value, status=200, headers=()):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_POST(self):
        body, path = self.body(), self.path.partition("?")[0]
        self.seen.append(path)
        if self.headers.get("Authorization") != "Bearer hf_test":
            return self.answer({"error": "Invalid username or password."}, 401)
        if path == "/api/repos/create":
            return self.answer({"url": f"http://{self.headers['Host']}/me/poems"})
        if path == "/api/validate-yaml":
            content = json.loads(body)["content"]
            wrong = [] if content.startswith("---\nlibrary_name") else [{"message": "no"}]
            return self.answer({"errors": wrong, "warnings": []})
        if path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            return self.answer({"files": [
                {"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names
            ]})  # fmt: skip
        if path.endswith("/commit/main"):
            import base64

            for line in body.decode().splitlines():
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            url = f"http://{self.headers['Host']}/me/poems/commit/{self.COMMIT}"
            return self.answer({"success": True, "commitOid": self.COMMIT, "commitUrl": url})
        return self.answer({"error": "no such call"}, 404)

    def do_GET(self):
        self.seen.append(self.path)
        found = re.fullmatch(r"/me/poems/resolve/(main|v1)/(.+)", self.path)
        if found is None:
            code = "RevisionNotFound" if self.path.startswith("/me/poems/") else "RepoNotFound"
            return self.answer(b"", 404, [("X-Error-Code", code)])
        if found[2] not in self.files:
            return self.answer(b"", 404, [("X-Error-Code", "EntryNotFound")])
        data = self.files[found[2]]
        tag = f'"{hashlib.sha1(data).hexdigest()}"'
        self.answer(data, 200, [("ETag", tag), ("X-Repo-Commit", self.COMMIT)])

    do_HEAD = do_GET


@pytest.fixture
def server(tmp_path):
    pytest.importorskip("huggingface_hub")
    handler = type("Handler", (Hub,), {"files": {}, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    handler.address = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    server.server_close()


def elman_there(server, tmp_path, *arguments, token="hf_test"):
    """The command in a process of its own, whose hub is the local server."""
    keep = {n: v for n, v in os.environ.items() if not n.lower().startswith(("hf_", "http"))}
    settings = {"HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "cache"),
                "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                "NO_PROXY": "127.0.0.1"}  # fmt: skip
    token = {"HF_TOKEN": token} if token else {}
    command = [sys.executable, "-m", "elman", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120,
                          env=keep | settings | token, cwd=tmp_path)  # fmt: skip


def test_a_model_goes_to_the_hub_and_comes_back(server, tmp_path):
    model = with_history(model_with_figures())
    model.export(tmp_path / "poems", "hub")
    (tmp_path / "poems" / "private.txt").write_text("mine")
    done = elman_there(server, tmp_path, "push", "poems/", "me/poems")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "hf://me/poems\n"
    written = {path.name: path.read_bytes() for path in (tmp_path / "poems").iterdir()}
    del written["private.txt"]
    assert server.files == written
    assert "/api/validate-yaml" in server.seen

    for address in ("hf://me/poems", "hf://me/poems@v1"):
        done = elman_there(server, tmp_path, "sample", address, "--prime", "abc", "--length", 9)
        assert done.returncode == 0, done.stderr
        assert done.stdout.rstrip("\n") == model.sample(9, prime="abc")


def test_what_the_hub_refuses_is_a_sentence(server, tmp_path):
    lm().export(tmp_path / "poems", "hub")
    for arguments, said in (
        (("push", "poems", "me/poems"), "log in with: hf auth login"),
        (("info", "hf://me/other"), "the hub has no me/other that you may see"),
        (("info", "hf://me/poems@v9"), "me/poems has no such revision"),
        (("info", "hf://me/poems"), "has no model.safetensors"),
    ):
        done = elman_there(server, tmp_path, *arguments, token=None)
        assert done.returncode == 1, done.stderr
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("push", "poems", "poems"), 2, "it has the form user/name"),
        (("push", "m.safetensors", "me/poems"), 1, "is not a folder that elman export"),
        (("push", "empty", "me/poems"), 1, "is not a folder that elman export"),
        (("push", "trained", "me/poems"), 1, "holds a training state"),
        (("info", "hf://poems"), 2, "has the form hf://user/name"),
        (("info", "hf://me/poems@"), 2, "has the form hf://user/name"),
        (("info", "hf://me/../x"), 2, "has the form hf://user/name"),
    ],
)
def test_wrong_usage_never_reaches_the_hub(tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    lm().export("poems", "hub")
    lm().export("trained", "hub")
    lm().save("m.safetensors")
    trained = with_history(lm())
    del trained.training[1]["state"]
    trained.training[0].clear()
    trained.save("trained/model.safetensors")
    (tmp_path / "empty").mkdir()
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr


def test_without_the_library_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ElmanError, match=r"pip install '\.\[hub\]'"):
        model_file("hf://me/poems")


def test_a_damaged_model_in_a_folder_is_a_sentence(tmp_path):
    lm().export(tmp_path / "poems", "hub")
    (tmp_path / "poems" / "model.safetensors").write_bytes(b"version https://git-lfs")
    with pytest.raises(ModelFileError, match="Git LFS"):
        elman.load(tmp_path / "poems")


@pytest.mark.parametrize(
    ("status", "said", "unsaid"),
    [(403, "wrong it is, for a reason; your token does not have permission", "log in"),
     (401, "wrong it is, for a reason; log in with: hf auth login", "right"),
     (500, "wrong it is, for a reason", "log in")],
)  # fmt: skip
def test_the_reason_of_the_hub_is_kept_in_one_sentence(status, said, unsaid):
    pytest.importorskip("huggingface_hub")
    error = RuntimeError("wrong it is,\n\n for a reason")
    error.response = type("Response", (), {"status_code": status})()
    with pytest.raises(ElmanError) as caught, hub_errors("me/poems"):
        raise error
    assert str(caught.value) == f"the hub refused me/poems: {said}"
    assert unsaid not in str(caught.value)


def test_no_connection_and_a_token_that_is_none_are_sentences():
    pytest.importorskip("huggingface_hub")
    for error, said in (
        (ConnectionRefusedError(111, "Connection refused"), "check the connection"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "ordinal"), "token has a character that is not"),
    ):
        with pytest.raises(ElmanError, match=said), hub_errors("me/poems"):
            raise error
    with hub_errors("me/poems"):
        assert logging.getLogger("huggingface_hub").level == logging.ERROR
