"""`elman.train` in Python: texts in memory are those of a file, and an interrupt loses nothing."""

from __future__ import annotations

import copy
import io
import os
import signal
import subprocess
import sys
import types
import warnings

import numpy as np
import pytest

import elman
from elman.errors import CorpusError, UsageError
from elman.tasks.events import EVENTS
from elman.tasks.language.temperature import divide

pytestmark = pytest.mark.arguments

RNN = {"hidden_size": 8, "steps": 6, "threads": 1, "seq_len": 8, "batch_size": 4, "eval_every": 3}
CLASSIFIER = {"task": "classify", "hidden_size": 6, "steps": 4, "threads": 1}
WORDS = [f"{stem}{end}" for stem in ("ka", "lö", "mi", "tu", "se") for end in ("ov", "ini", "a b")]
LABELS = ["Ov" if word.endswith("ov") else "other" for word in WORDS]


def same(one, other):
    """The same model to the bit, and the same figures of the same text."""
    assert one.vocabulary.symbols == other.vocabulary.symbols
    assert one.config == other.config
    np.testing.assert_array_equal(one.network.parameters.flat, other.network.parameters.flat)
    assert one.summary["sha256"] == other.summary["sha256"]
    figures = {name for name in one.summary if name.startswith(("validation", "test", "best"))}
    assert figures
    assert all(one.summary[name] == other.summary[name] for name in figures)


# -- language models -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["string", "bytes", "text file", "binary file", "StringIO"])
@pytest.mark.parametrize("settings", [{}, {"lines": True}, {"tokens": "word"}], ids=str)
def test_running_text_in_memory_is_that_of_a_file(poem, poem_file, kind, settings):
    text = {
        "string": lambda: poem,
        "bytes": lambda: poem.encode(),
        "text file": lambda: poem_file.open(encoding="utf-8"),
        "binary file": lambda: poem_file.open("rb"),
        "StringIO": lambda: io.StringIO(poem),
    }[kind]()
    same(elman.train(text=text, **RNN, **settings), elman.train(poem_file, **RNN, **settings))
    if hasattr(text, "close"):
        assert not text.closed  # it belongs to the caller
        text.close()


@pytest.mark.parametrize("kind", ["list", "tuple", "generator", "array", "Series"])
def test_strings_are_the_lines_of_a_file(tmp_path, kind):
    (tmp_path / "words.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    if kind == "Series":
        made = pytest.importorskip("pandas").Series(WORDS)
    else:
        made = {"list": list, "tuple": tuple, "generator": iter, "array": np.array}[kind](WORDS)
    expected = elman.train(tmp_path / "words.txt", lines=True, **RNN)
    same(elman.train(text=made, **RNN), expected)
    assert expected.lines


def test_strings_with_line_ends_need_a_separator(tmp_path):
    poems = [f"{word}\n{word}!" for word in WORDS]
    with pytest.raises(UsageError, match=r"text 1 holds '\\n'.*give a separator"):
        elman.train(text=poems, **RNN)
    with pytest.raises(UsageError, match="text 2 holds"):
        elman.train(text=["ab", "c\r\nd"], **RNN)
    (tmp_path / "poems.txt").write_text("%%".join(poems) + "%%", encoding="utf-8")
    in_file = elman.train(tmp_path / "poems.txt", separator="%%", **RNN)
    same(elman.train(text=poems, separator="%%", **RNN), in_file)


def test_bytes_are_bytes(tmp_path):
    data = bytes(range(256)) * 4
    (tmp_path / "data.bin").write_bytes(data)
    expected = elman.train(tmp_path / "data.bin", tokens="byte", **RNN)
    same(elman.train(text=data, tokens="byte", **RNN), expected)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_column_of_a_frame_is_that_of_a_table(tmp_path, library):
    frame = pytest.importorskip(library).DataFrame({"id": range(15), "body": WORDS})
    rows = ["id,body", *(f"{i},{word}" for i, word in enumerate(WORDS))]
    (tmp_path / "t.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    expected = elman.train(tmp_path / "t.csv", text_column="body", **RNN)
    same(elman.train(frame, text_column="body", **RNN), expected)
    with pytest.raises(UsageError, match=r"needs text_column.* it has 'id', 'body'"):
        elman.train(frame, **RNN)
    with pytest.raises(UsageError, match="no column 'text'; give text_column"):
        elman.train(frame, text_column="text", **RNN)


def test_what_was_learned_from_memory_is_not_resumed_but_fine_tuned(tmp_path, poem, poem_file):
    path = tmp_path / "m.safetensors"
    model = elman.train(text=poem, output=path, **RNN)
    assert model.summary["corpus"] == ["text in memory"]
    with pytest.raises(UsageError, match=r"trained on texts in memory, .* cannot be resumed"):
        elman.tasks.resume(path, {"steps": 9}, [str(poem_file)])
    assert elman.train(text=poem, start_from=path, **RNN).summary["steps"] == 6


def closed_file():
    file = io.StringIO("abc")
    file.close()
    return file


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"corpus": "a.txt", "text": "b"}, "a corpus or text=..., not both"),
        ({"text": "abc", "task": "classify"}, "for a language model"),
        ({"corpus": ["Ada", "Grace"]}, "no file or folder 'Ada'.*; text=... is for text itself"),
        ({"corpus": ["Ada" * 500]}, "is not the name of a file; text=... is for text itself"),
        ({"text": closed_file()}, r"the open file cannot be read \(.*closed.*open it for reading"),
        ({"text": open(os.devnull, "w")}, "the open file cannot be read"),  # noqa: SIM115
        ({"text": io.TextIOWrapper(io.BytesIO(b"\xff"), "utf-8")}, "is not utf-8: .*'rb'"),
        ({"text": ["ab", "a\rb"]}, r"text 2 holds '\\r'"),
        ({"text": "abc", "progress": "yes"}, "progress must be True, False or None, not 'yes'"),
        ({"text": 3}, "a text must be a string, an open file or a list of strings, not 3"),
        ({"text": ["ab", 3]}, "text 2 is not a string but 3"),
        ({"text": ""}, "text in memory holds no text"),
        ({"text": []}, "texts in memory holds no text"),
        ({"text": "ab\ud800"}, "an unpaired surrogate"),
        ({"corpus": "one line\nand another"}, "is not the name of a file; text=... is for text"),
        ({"corpus": "letters " * 1000}, "is not the name of a file; text=... is for text"),
        ({"corpus": b"abc"}, "text=... is for text itself"),
        ({"corpus": io.StringIO("abc")}, "text=... is for text itself"),
    ],
)
def test_what_is_no_text_is_refused(options, says):
    with pytest.raises((UsageError, CorpusError), match=says):
        elman.train(**options, steps=1)


def test_messages_quote_little():
    for options in (
        {"corpus": {"x" * 1000: 1}},
        {"text": ["a", {"x" * 1000: 1}]},
        {"corpus": "x" * 5000},
        {"corpus": [{"x" * 1000: 1}], "task": "classify"},
    ):
        with pytest.raises((UsageError, CorpusError)) as caught:
            elman.train(**options)
        assert "xxx" in str(caught.value)
        assert len(str(caught.value)) < 220


# -- classifiers ---------------------------------------------------------------


@pytest.fixture(scope="module")
def from_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "words.tsv"
    rows = ["text\tlabel", *map("\t".join, zip(WORDS, LABELS, strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return elman.train(path, **CLASSIFIER)


@pytest.mark.parametrize("kind", ["(X, y)", "tuples", "lists", "array", "arrays", "Series",
                                  "pandas", "polars"])  # fmt: skip
def test_labelled_texts_in_memory_are_those_of_a_file(from_file, kind):
    options = dict(CLASSIFIER)
    if kind in ("Series", "pandas", "polars"):
        library = pytest.importorskip("pandas" if kind == "Series" else kind)
    if kind == "Series":
        data = library.Series(WORDS, index=range(5, 20)), library.Series(LABELS)
    elif kind in ("pandas", "polars"):
        data = library.DataFrame({"n": range(15), "word": WORDS, "of": LABELS})
        options |= {"text_column": "word", "label_column": "of"}
    else:
        pairs = list(zip(WORDS, LABELS, strict=True))
        data = {"(X, y)": (WORDS, LABELS), "tuples": pairs, "lists": [list(p) for p in pairs],
                "array": np.array(pairs), "arrays": (np.array(WORDS), np.array(LABELS)),
                }[kind]  # fmt: skip
    same(elman.train(data, **options), from_file)


def test_labels_of_other_types_are_their_text():
    y = np.array([int(label == "Ov") for label in LABELS])
    assert elman.train((WORDS, y), **CLASSIFIER).classes == ["0", "1"]
    assert elman.train((WORDS, y > 0), **CLASSIFIER).classes == ["False", "True"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((["a", "b"], ["x"]), "2 texts and 1 labels"),
        ((["a", "b"], "xy"), "two lists, not 'xy'"),
        ((["a", "b"], ["x", None]), "row 2 has no label"),
        ((["a", "b"], ["x", float("nan")]), "row 2 has no label"),
        ((["a", 3], ["x", "y"]), "row 2 is not"),
        ((["a", ""], ["x", "y"]), "row 2 has no text: leave it out"),
        ((["a", "b"], [b"x", b"y"]), "row 1 has no label but bytes, b'x'; decode them"),
        ((("a", "x"), ("b", "y")), "two rows .*, or two texts and their labels; give lists"),
        (np.zeros((2, 3)), "row 1 is not"),
    ],
)
def test_labelled_texts_that_are_none_are_refused(data, says):
    with pytest.raises((UsageError, CorpusError), match=says):
        elman.train(data, **CLASSIFIER)


def test_a_path_may_be_too_long(tmp_path, from_file):
    for path in ("x" * 5000, tmp_path / "x/y" / ("x" * 300)):
        for refused in (
            lambda path=path: elman.train(text="ab" * 40, output=path, **RNN),
            lambda path=path: from_file.save(path),
            lambda path=path: elman.load(path),
        ):
            with pytest.raises(elman.ElmanError, match="is too long") as caught:
                refused()
            assert len(str(caught.value)) < 200


def test_a_classifier_answers_about_one_text(from_file):
    assert from_file.predict("kaov") == from_file.predict(["kaov"])[0]
    with pytest.raises(UsageError, match="a text is a string, not bytes; decode it"):
        from_file.predict(b"kaov")


def test_reports_compare(from_file):
    report = from_file.report
    assert report == copy.deepcopy(report)
    assert report != elman.train((WORDS * 2, LABELS * 2), **CLASSIFIER).report


# -- interrupts ----------------------------------------------------------------


def interrupt(at, times=1, by=lambda: signal.raise_signal(signal.SIGINT)):
    """An `on_event` that is Ctrl-C at a step."""

    def watch(event):
        if event.get("step") == at and event["event"] == "step":
            for _ in range(times):
                by()

    return watch


def ctrl_c():
    raise KeyboardInterrupt


@pytest.mark.parametrize("by", [lambda: signal.raise_signal(signal.SIGINT), ctrl_c])
@pytest.mark.parametrize("kind", ["model", "classifier"])
def test_an_interrupted_training_returns_the_best_model_so_far(tmp_path, poem, kind, by):
    path = tmp_path / "m.safetensors"
    data = {"text": poem} if kind == "model" else {"corpus": (WORDS, LABELS), "task": "classify"}
    options = RNN | data | {"steps": 40, "log_every": 1}
    with pytest.warns(UserWarning, match=r"interrupted at step 9; this .* saved in .*m\.safet"):
        model = elman.train(on_event=interrupt(9, by=by), output=path, **options)
    state = model.training[1]["state"]
    assert state["step"] == 9
    stopped = elman.load(path)
    np.testing.assert_array_equal(stopped.network.parameters.flat, model.network.parameters.flat)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    # The best of the evaluations at 3, 6 and 9, which are those of a run that nobody interrupts.
    best = []

    def keep(event):
        if event["event"] == "evaluation" and event["step"] == 9:
            best.append(event["snapshot"]().network.parameters.flat.copy())

    elman.train(**options, on_event=keep)
    np.testing.assert_array_equal(best[0], model.network.parameters.flat)


@pytest.mark.parametrize("kind", ["model", "classifier"])
def test_an_interrupted_training_keeps_its_figures_until_it_goes_on(tmp_path, poem, kind):
    files = {"model": "poem.txt", "classifier": "words.tsv"}
    rows = ["text\tlabel", *map("\t".join, zip(WORDS * 3, LABELS * 3, strict=True))]
    (tmp_path / "poem.txt").write_text(poem, encoding="utf-8")
    (tmp_path / "words.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    options = RNN | {"steps": 24, "log_every": 1}
    options |= {"task": "classify"} if kind == "classifier" else {}
    whole = elman.train(tmp_path / files[kind], **options)
    path, seen = tmp_path / "m.safetensors", {}

    def watch(event):
        interrupt(11)(event)
        if event["event"] == "evaluation" and event["best"]:
            seen.update(event)

    with pytest.warns(UserWarning, match="at step 11"):
        model = elman.train(tmp_path / files[kind], on_event=watch, output=path, **options)
    named = {"model": "validation_bits_per_character", "classifier": "validation_accuracy"}[kind]
    for found in (model, elman.load(path)):
        assert found.summary["steps"] == found.summary["interrupted"] == 11
        assert found.summary["seconds"] > 0
        assert found.summary["best_step"] == seen["step"]
        assert found.summary[named] == seen[named]
        assert f"{seen[named]:.2f}" in repr(found)
        assert "11" in found._repr_html_()

    resumed = elman.tasks.resume(path, {})
    events = resumed.events()  # one that is killed has no figures: those from before are old
    assert next(event for event in events if event["event"] == "evaluation")["step"] == 12
    assert named not in resumed.model().summary
    events.close()
    resumed = elman.tasks.resume(path, {})
    for _ in resumed.events():
        pass
    same(resumed.model(), whole)
    assert resumed.model().summary.keys() == whole.summary.keys()
    assert elman.load(path).summary == resumed.summary


def test_an_interrupt_at_the_last_step_has_its_final_figures_once_resumed(tmp_path, poem_file):
    path = tmp_path / "m.safetensors"
    with pytest.warns(UserWarning, match="at step 6"):
        elman.train(poem_file, on_event=interrupt(6), output=path, log_every=1, **RNN)
    resumed = elman.tasks.resume(path, {})
    assert [event["event"] for event in resumed.events()][-1] == "done"
    same(resumed.model(), elman.train(poem_file, **RNN))


def test_without_a_file_it_is_returned_too(poem):
    with pytest.warns(UserWarning, match=r"best model so far$") as caught:
        model = elman.train(text=poem, on_event=interrupt(2), log_every=1, **RNN)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert isinstance(model.sample(5), str)
    assert "held out" not in repr(model)


def test_a_second_interrupt_ends_it_at_once(poem):
    with pytest.raises(KeyboardInterrupt):
        elman.train(text=poem, on_event=interrupt(2, times=2), log_every=1, **RNN)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_the_first_step_raises(poem):
    def start(event):
        if event["event"] == "start":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        elman.train(text=poem, on_event=start, **RNN)


def test_an_interrupt_of_the_final_figures_returns_the_trained_model(poem, monkeypatch):
    from elman.tasks.language.run import LanguageRun

    expected = elman.train(text=poem, **RNN)
    monkeypatch.setattr(LanguageRun, "_figures", lambda run: signal.raise_signal(signal.SIGINT))
    with pytest.warns(UserWarning, match="before its final figures"):
        model = elman.train(text=poem, **RNN)
    divide(model.network, expected.summary["temperature"])  # one of these figures
    np.testing.assert_array_equal(model.network.parameters.flat, expected.network.parameters.flat)


def test_a_handler_of_somebody_else_stays(poem):
    caught = []
    before = signal.signal(signal.SIGINT, lambda *_: caught.append(1))
    try:
        model = elman.train(text=poem, on_event=interrupt(2), log_every=1, **RNN)
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught == [1]
    assert model.summary["steps"] == 6


def test_threads_train_without_handlers(poem):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(elman.train, text=poem, **RNN).result().summary["steps"] == 6


# -- progress ------------------------------------------------------------------


def test_a_script_is_silent():
    program = "import elman; elman.train(text='abcab' * 40, steps=3, hidden_size=4, threads=1)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_progress_shows_what_the_command_line_shows(poem, capfd):
    elman.train(text=poem, progress=True, **RNN)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "text in memory: running text" in shown.err
    assert "gru 1 × 8" in shown.err and "held out" in shown.err
    elman.train(text=poem, **RNN)
    assert capfd.readouterr().err == ""


def test_progress_of_an_interrupted_training_names_no_file(poem, capfd):
    with pytest.warns(UserWarning, match="best model so far"):
        elman.train(text=poem, progress=True, on_event=interrupt(2), log_every=1, **RNN)
    err = capfd.readouterr().err
    assert "stopped at step 2\n" in err and "None" not in err


@pytest.mark.parametrize("progress", [None, True, False])
@pytest.mark.parametrize("kind", ["model", "classifier"])
def test_a_notebook_has_a_line_and_a_curve(monkeypatch, capfd, poem, kind, progress):
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html)

    def display(html, display_id):
        shown.append(html)
        return Handle()

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.HTML, ipython.display.display = str, display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    data = {"text": poem} if kind == "model" else {"corpus": (WORDS, LABELS), "task": "classify"}
    model = elman.train(**data, progress=progress, **RNN)
    assert capfd.readouterr().err == ""
    if progress is False:
        assert not shown
        return
    last = shown[-1]
    assert ("text in memory: running text" if kind == "model" else "15 texts") in last
    assert "6 steps in 0:0" in last and "held out" in last
    if kind == "model":  # the figure of the model, not the last estimate
        assert f"held out {model.summary['validation_bits_per_character']:.3f} bits" in last
    assert last.count("<polyline") == 1
    points = last.split("points='")[1].split("'")[0].split()
    assert len(points) == 2
    assert points[0].startswith("0.0,") and points[1].startswith("480.0,")


# -- events --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["model", "chain", "classifier", "interrupted"])
def test_events_are_what_their_types_say(poem, kind):
    seen, stop = [], interrupt(5)

    def watch(event):
        seen.append(event)
        if kind == "interrupted":
            stop(event)

    options = {"steps": 12, "log_every": 1, "eval_every": 4, "hidden_size": 4, "threads": 1}
    if kind == "classifier":
        elman.train((WORDS * 3, LABELS * 3), task="classify", on_event=watch, **options)
    elif kind == "chain":
        elman.train(text=poem, cell="ngram", on_event=watch, test=0.1)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            elman.train(text=poem, test=0.1, on_event=watch, **options)
    expected = {"model": {"start", "step", "evaluation", "sample", "done"},
                "chain": {"start", "done"}, "classifier": {"start", "step", "evaluation", "done"},
                "interrupted": {"start", "step", "evaluation", "interrupted"}}[kind]  # fmt: skip
    assert expected <= {event["event"] for event in seen}
    for event in seen:
        types = EVENTS[event["event"]]
        assert set(event) <= set(types.__annotations__) | types.__required_keys__
        assert types.__required_keys__ <= set(event)
        for name, value in event.items():
            if value is None:
                assert "None" in str(types.__annotations__[name]), name
