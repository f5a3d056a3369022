"""The calls of docs/http.md, against a real server."""

import numpy as np
import pytest

import elman
from elman.tasks.language.sampling import SamplingOptions
from elman.web.writing import Task, write

from .conftest import events


def sample(server, **arguments) -> list[dict]:
    with (
        server.client() as client,
        client.stream("POST", "/api/sample", json=arguments) as response,
    ):
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        return list(events(response))


def written(stream: list[dict]) -> str:
    return "".join(e["data"]["text"] for e in stream if e["event"] in ("symbol", "prime"))


def test_model_lists_the_folder_and_describes_one(server, models):
    answer = server.get("/api/model", model="lstm.safetensors").json()
    assert answer["models"] == sorted(path.name for path in models.glob("*.safetensors"))
    model = answer["model"]
    assert (model["kind"], model["cell"], model["num_layers"]) == ("lm", "lstm", 2)
    assert model["parts"] == ["hidden", "cell", "i", "f", "g", "o"]
    assert model["vocabulary"] == elman.load(models / "lstm.safetensors").vocabulary.symbols
    assert model["summary"]["steps"] == 30
    steps = [row[0] for row in model["history"]["rows"]]
    assert steps == sorted(steps) and steps[-1] == 30
    assert len(model["history"]["columns"]) == len(model["history"]["rows"][0])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("classifier", "classifier"), ("ngram", "ngram"), ("words", "lm"), ("tagger", "tagger")],
)
def test_model_says_its_kind(server, name, kind):
    model = server.get("/api/model", model=f"{name}.safetensors").json()["model"]
    assert model["kind"] == kind
    classes = {"classifier": ["hard", "soft"], "tagger": ["B-<b>x</b>", "O"]}
    assert model["classes"] == classes.get(kind)


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn", "lines", "words", "bytes", "ngram"])
@pytest.mark.parametrize("prime", ["", "the "])
def test_sample_writes_what_the_command_line_writes(server, models, name, prime):
    options = {"temperature": 0.9, "top_k": 12, "top_p": 0.95, "seed": 3, "length": 90}
    stream = sample(server, model=f"{name}.safetensors", prime=prime, **options)
    expected = elman.load(models / f"{name}.safetensors").sample(prime=prime, **options)
    assert prime + written(stream) == expected
    assert stream[0]["event"] == "start"
    assert stream[-1] == {"event": "done", "data": stream[-1]["data"]}
    assert stream[-1]["data"]["reason"] == "length"
    assert stream[-1]["data"]["symbols"] == 90


@pytest.mark.parametrize("greedy", [False, True])
def test_sample_writes_no_empty_lines(models, greedy):
    model = elman.load(models / "lines.safetensors")
    model.network.parameters["readout.b_y"][model.vocabulary.end] += 9  # it would like to
    task = Task(length=60, options=SamplingOptions(greedy=greedy), seed=3)
    events = [event for chunk in write(model, task) for event in chunk]
    text = "".join(data["text"] for name, data in events if name == "symbol")
    assert len(text) == 60 and text.count("\n") > 10
    assert "\n\n" not in text and not text.startswith("\n")
    if not greedy:
        assert text == model.sample(60, seed=3)


def test_sample_sends_the_probabilities_of_the_model(server, models):
    model = elman.load(models / "gru.safetensors")
    stream = sample(server, model="gru.safetensors", prime="the ", length=40, seed=5)
    symbols = [e["data"] for e in stream if e["event"] == "symbol"]
    ids = [*model.vocabulary.encode("the "), *(s["id"] for s in symbols)]
    logits, _ = model.network.predict(
        np.array(ids[:-1], np.int32)[:, None], model.network.zero_state(1)
    )
    p = np.exp(logits[3:, 0].astype(float))
    p /= p.sum(axis=1, keepdims=True)
    for row, symbol in zip(p, symbols, strict=True):
        assert symbol["probability"] == pytest.approx(row[symbol["id"]], rel=1e-4)
        likely = np.argsort(-row)[:8]
        assert [a[0] for a in symbol["alternatives"]] == likely.tolist()
        assert [a[2] for a in symbol["alternatives"]] == pytest.approx(row[likely], rel=1e-4)
        assert [a[1] for a in symbol["alternatives"]] == [
            model.vocabulary.symbols[i] for i in likely
        ]


@pytest.mark.parametrize("name", ["gru", "lines", "words", "bytes"])
@pytest.mark.parametrize("prime", ["", "the "])
def test_written_ids_continue_exactly(server, name, prime):
    common = {"model": f"{name}.safetensors", "prime": prime, "greedy": True}
    whole = [e["data"] for e in sample(server, length=60, **common) if e["event"] == "symbol"]
    before = [symbol["id"] for symbol in whole[:25]]
    rest = sample(server, length=35, written=before, **common)
    again = [e["data"] for e in rest if e["event"] == "symbol"]
    assert [s["id"] for s in again] == [s["id"] for s in whole[25:]]
    assert [s["probability"] for s in again] == pytest.approx(
        [s["probability"] for s in whole[25:]], rel=1e-4
    )


def test_branching_at_an_alternative_reads_it(server, models):
    first = sample(server, model="gru.safetensors", prime="the ", length=5, seed=1)
    symbols = [e["data"] for e in first if e["event"] == "symbol"]
    other = next(a for a in symbols[2]["alternatives"] if a[0] != symbols[2]["id"])
    branch = [*(s["id"] for s in symbols[:2]), other[0]]
    stream = sample(server, model="gru.safetensors", prime="the ", written=branch, length=20,
                    greedy=True)  # fmt: skip
    model = elman.load(models / "gru.safetensors")
    text = "the " + model.vocabulary.decode(branch)
    assert text + written(stream) == model.sample(20, prime=text, greedy=True)


@pytest.mark.parametrize("name", ["gru", "lines", "ngram", "bytes"])
def test_a_beam_finds_what_elman_sample_finds(server, models, name):
    model = elman.load(models / f"{name}.safetensors")
    stream = sample(server, model=f"{name}.safetensors", prime="the ", length=30, beam=3)
    wanted = model.sample(30, prime="the ", beam=3)
    assert ("the " + written(stream)).removesuffix("\n" if model.lines else "") == wanted


@pytest.mark.parametrize(
    ("given", "says"),
    [({"beam": 17}, "from 0 to 16"), ({"beam": 2, "temperature": 0.8}, "leave out temperature"),
     ({"beam": 2, "length": 2001}, "2,000 at most")],
)  # fmt: skip
def test_what_a_beam_refuses(server, given, says):
    answer = server.post("sample", model="gru.safetensors", **given)
    assert answer.status_code == 400 and says in answer.json()["error"]["message"]


def test_sample_stops_at_a_text(server):
    stream = sample(server, model="gru.safetensors", prime="the ", length=500, stop=" ", seed=1)
    assert stream[-1]["data"]["reason"] == "stop"
    assert written(stream).endswith(" ") and written(stream).count(" ") == 1


def test_sample_of_nothing(server):
    stream = sample(server, model="gru.safetensors", length=0)
    assert [e["event"] for e in stream] == ["start", "done"]


@pytest.mark.parametrize("name", ["gru", "lines", "words", "bytes", "ngram"])
def test_score_is_that_of_the_package(server, models, name):
    text = "the dog sees\nthe bird."
    answer = server.post("score", model=f"{name}.safetensors", text=text).json()
    expected = elman.load(models / f"{name}.safetensors").score(text)
    for key in ("nats", "bits_per_character", "perplexity", "symbols", "characters", "unknown"):
        assert answer[key] == pytest.approx(getattr(expected, key), rel=1e-6), key
    assert len(answer["each"]) == expected.symbols
    assert -sum(np.log(p) for _, _, p in answer["each"]) == pytest.approx(expected.nats, rel=1e-5)
    ends = "\n" if name == "lines" else ""
    assert "".join(s for _, s, _ in answer["each"]) == text + ends


@pytest.mark.parametrize("name", ["classifier", "forward"])
def test_classify_every_prefix(server, models, name):
    text = "karton"
    answer = server.post("classify", model=f"{name}.safetensors", text=text).json()
    expected = elman.load(models / f"{name}.safetensors").predict_proba(
        [text[: n + 1] for n in range(len(text))]
    )
    assert answer["classes"] == ["hard", "soft"]
    assert answer["symbols"] == list(text)
    assert np.array(answer["probabilities"]) == pytest.approx(expected, abs=1e-5)
    assert answer["prediction"] == answer["classes"][expected[-1].argmax()]
    assert not answer["cut"]


def test_classify_says_what_it_does_not_know_and_what_it_cut(server, models):
    longest = elman.load(models / "forward.safetensors").config["seq_len"]
    answer = server.post("classify", model="forward.safetensors", text="q" * (longest + 5)).json()
    assert answer["cut"]
    assert len(answer["symbols"]) == len(answer["probabilities"]) == longest
    assert answer["unknown"] == longest


def test_tag_says_what_elman_tag_says(server, models):
    answer = server.post("tag", model="tagger.safetensors", text="Aeiou sees  a cat\n\nthe Uoiea")
    lines = answer.json()["lines"]
    assert [len(line) for line in lines] == [4, 0, 2]
    model = elman.load(models / "tagger.safetensors")
    texts = ["Aeiou sees a cat", "the Uoiea"]
    for line, found, p in zip([lines[0], lines[2]], model.tag(texts), model.predict_proba(texts),
                              strict=True):  # fmt: skip
        assert [s["text"] for s in line] == found.tokens
        assert [s["label"] for s in line] == found.labels
        assert [s["probability"] for s in line] == pytest.approx(found.probabilities, abs=1e-5)
        for symbol, row in zip(line, p, strict=True):
            assert dict(symbol["likely"]) == pytest.approx(
                dict(zip(model.classes, row, strict=True)), abs=1e-5)  # fmt: skip
    assert [s["unknown"] for s in lines[0]] == [True, False, True, False]
    assert lines[0][0]["label"] == "B-<b>x</b>"
    refused = server.post("tag", model="tagger.safetensors", text=" \n")
    assert refused.status_code == 400 and "no symbol" in refused.json()["error"]["message"]
    given = {"model": "tagger.safetensors", "text": "a b"}
    assert "is a tagger, which" in server.post("classify", **given).text
    assert server.post("states", **given).json()["values"]["shape"] == [2, 12]
