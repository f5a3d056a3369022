"""Many whole samples from one seed: records, running texts, only new ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from elman.errors import ElmanError, UsageError
from elman.tasks.language.model import Model
from elman.tasks.language.samples import DRAWS, Request, Sample, Writing
from elman.tasks.language.sampling import SamplingOptions, Start, generate
from elman.text.vocabulary import BEGIN, END, Vocabulary

from .test_model import LINES, carried, make

BYTES = Vocabulary("byte", list(range(256)))
BYTE_LINES = Vocabulary("byte", [*range(256), BEGIN, END])


def lines(**config) -> Model:
    return make("gru", LINES, **config)


def eager(bias=6.0) -> Model:
    """A model of lines that would like to end every line before it begins."""
    model = lines()
    model.network.parameters["readout.b_y"][LINES.end] += bias
    return model


def samples(model: Model, known=None, **request) -> list[Sample]:
    return list(Writing(model, Request(**request)).samples(known))


# --------------------------------------------------------------------------- how many


@pytest.mark.parametrize("make_model", [lines, make, lambda: carried(make())])
@pytest.mark.parametrize("prime", ["", "ab"])
def test_a_seed_gives_the_same_samples_and_more_of_them_begin_alike(make_model, prime):
    model = make_model()
    five = model.sample(12, prime, n=5, seed=3)
    assert five == model.sample(12, prime, n=5, seed=3)
    assert len(five) == 5 and len(set(five)) > 1
    assert model.sample(12, prime, n=1, seed=3) == five[:1]
    assert model.sample(12, prime, n=5, seed=4) != five


def test_of_a_model_of_lines_each_is_one_line_of_what_it_writes():
    model = lines()
    whole = model.sample(400, seed=5).split("\n")[:-1]
    assert len(whole) > 10
    assert model.sample(400, n=len(whole), seed=5) == whole


def test_of_running_text_each_is_a_text_that_starts_anew():
    model = carried(make("lstm"))
    texts = model.sample(30, n=4, seed=2)
    assert texts[0] == model.sample(30, seed=2)
    assert [len(text) for text in texts] == [30] * 4
    surely = model.sample(30, n=4, temperature=1e-9)
    assert surely == [model.sample(30, greedy=True)] * 4, "each starts where training ended"


def test_without_a_state_every_text_starts_at_a_symbol_of_its_own():
    """As a text without a prime does: what is drawn for it is drawn again for the next."""
    texts = make().sample(6, n=40, seed=0, top_k=2)
    assert len(set(texts)) > 5


@pytest.mark.parametrize("n", [0, -1, True, "3", 2.0, 1.5, [2]])
def test_a_count_that_is_none_is_one_sentence(n):
    with pytest.raises(UsageError, match="--count must be a whole number from 1, not "):
        lines().sample(n=n)


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"greedy": True}, "--greedy"),
        ({"temperature": 0}, "--temperature 0"),
        ({"top_k": 1}, "--top-k 1"),
        ({"beam": 3}, "--beam"),
    ],
)
def test_what_leaves_nothing_to_chance_is_written_once(options, flag):
    model = lines()
    with pytest.raises(UsageError, match=f"{flag} leaves nothing to chance, so every sample"):
        model.sample(n=2, **options)
    (one,) = model.sample(40, n=1, **options)
    assert model.sample(40, **options) == one
    assert "\n" not in one
    beam = options.pop("beam", 0)
    with pytest.raises(UsageError, match=f"--new draws until.*but {flag} leaves"):
        Request(options=SamplingOptions(**options), beam=beam, new=True)


def test_running_text_goes_on_for_its_length_when_greedy():
    assert len(make().sample(50, greedy=True)) == 50


# --------------------------------------------------------------------------- whole or cut


def test_a_line_is_cut_one_symbol_before_its_end_and_not_at_it():
    model = lines()
    seed = next(s for s in range(99) if len(model.sample(n=1, seed=s)[0]) > 3)
    (whole,) = samples(model, length=300, n=1, seed=seed)
    assert not whole.cut
    length = len(whole.text)
    assert samples(model, length=length, n=1, seed=seed) == [whole]
    cut = Sample(whole.text[:-1], whole.text[:-1], True)
    assert samples(model, length=length - 1, n=1, seed=seed) == [cut]


def test_only_the_last_of_the_lines_within_a_length_is_cut():
    model = lines()
    found = list(Writing(model, Request(120, seed=2)).records())
    assert len(found) > 3
    assert not any(record.cut for record in found[:-1])
    assert found[-1].cut
    assert "\n".join(record.text for record in found) == model.sample(120, seed=2)


def test_a_line_that_ends_with_the_length_is_whole():
    model = lines()
    text = model.sample(300, seed=2)
    end = text.index("\n", 30)
    found = list(Writing(model, Request(end, seed=2)).records())
    assert not found[-1].cut
    assert "\n".join(record.text for record in found) == text[:end]


@pytest.mark.parametrize("stop", [None, "d", "cé"])
def test_running_text_is_cut_if_it_should_have_stopped(stop):
    found = samples(make(), length=4, n=30, stop=stop, prime="a")
    for sample in found:
        stopped = stop is not None and sample.written.endswith(stop)
        assert sample.cut == (stop is not None and not stopped)
        assert stopped or len(sample.written) == 4
    assert any(sample.cut for sample in found) == (stop is not None)


@pytest.mark.parametrize("make_model", [lines, make])
def test_a_stop_text_ends_each_sample(make_model):
    found = samples(make_model(), length=200, n=20, stop="d", seed=1)
    assert all("d" not in sample.text[:-1] for sample in found)
    assert sum(sample.text.endswith("d") for sample in found) > 3
    assert not any(sample.cut for sample in found)


def test_a_prime_with_the_stop_text_in_it_stops_nothing():
    """It is read before every line, and not written."""
    model = lines()
    for include_prime in (True, False):
        request = Request(400, "dd", stop="dd", seed=3, include_prime=include_prime)
        *before, last = [record.written for record in Writing(model, request).records()]
        assert before and not any("dd" in written for written in before)
        assert last.count("dd") == 1 and last.endswith("dd")


@pytest.mark.parametrize("separator", ["\n", "%%"])
def test_a_separator_is_no_part_of_a_sample(separator):
    model = lines(separator=separator)
    assert not any(separator in text for text in model.sample(n=20))
    assert model.sample(100, seed=1).count(separator) > 3


@pytest.mark.parametrize("vocabulary", [BYTES, BYTE_LINES])
def test_bytes_that_are_no_whole_character_are_left_out_at_the_end(vocabulary):
    model = make("gru", vocabulary)
    euro = "€".encode()
    model.network.parameters["readout.b_y"][list(euro)] += 30.0  # nothing else is written
    kept = {"prime": "€", "length": 400, "seed": 4}
    texts = [model.sample(**kept | {"length": n}) for n in range(12)]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(texts))
    assert any(shorter == longer for shorter, longer in pairwise(texts))


# --------------------------------------------------------------------------- no empty lines


def test_a_line_without_a_prime_is_never_empty():
    model = eager()
    assert "\n\n" not in model.sample(300, seed=1)
    assert not model.sample(300, seed=1).startswith("\n")
    assert all(model.sample(n=200, seed=1))


@pytest.mark.parametrize("options", [{"greedy": True}, {"top_p": 0.2}, {"beam": 1}, {"beam": 5}])
def test_nor_where_nothing_else_would_be_chosen(options):
    model = eager(12.0)
    (text,) = model.sample(n=1, **options)
    assert len(text) >= 1


@pytest.mark.parametrize("options", [{}, {"greedy": True}, {"beam": 3}])
def test_a_prime_may_be_all_of_a_line(options):
    assert eager(12.0).sample(n=1, prime="ab", **options) == ["ab"]


def test_a_line_that_is_drawn_again_begins_as_if_it_had_never_been_empty():
    """In the proportions of the model, the end left out."""
    model, counts = eager(1.5), np.zeros(len(LINES))
    logits, _ = model.network.predict(np.array([[LINES.begin]]), model.network.zero_state(1))
    p = np.exp(logits[0, 0].astype(float))
    assert p[LINES.end] / p.sum() > 0.2
    p[[LINES.begin, LINES.end]] = 0
    for text in model.sample(1, n=3000, seed=2):
        counts[LINES.ids[text]] += 1
    np.testing.assert_allclose(counts / 3000, p / p.sum(), atol=4 * np.sqrt(0.25 / 3000))


def test_what_is_not_empty_is_not_changed():
    """Until the first empty line all are as if empty ones were written."""
    model, v = lines(), LINES
    start, before = Start(model.network.zero_state(1), np.array([v.begin])), 0
    for seed in range(20):
        rng, old = np.random.default_rng(seed), []
        while "" not in old:
            ids = generate(model.network, start, SamplingOptions(), rng, [v.begin], v.end, 500)
            old.append(v.decode(ids))
        before += len(old) - 1
        assert model.sample(500, n=len(old), seed=seed)[:-1] == old[:-1]
    assert before > 20


# --------------------------------------------------------------------------- the prime


@pytest.mark.parametrize("make_model", [lines, make])
def test_a_prime_can_be_left_out(make_model):
    model = make_model()
    text = model.sample(60, "ab", seed=1)
    assert model.sample(60, "ab", seed=1, include_prime=False) == text.replace("\nab", "\n")[2:]
    whole = model.sample(60, "ab", n=4, seed=1)
    assert model.sample(60, "ab", n=4, seed=1, include_prime=False) == [t[2:] for t in whole]


# --------------------------------------------------------------------------- new ones


def test_new_samples_are_none_of_the_known_and_all_different():
    model = lines()
    drawn = model.sample(40, n=300, seed=1)
    known = frozenset(drawn[:20])
    found = samples(model, known, length=40, n=30, seed=1, new=True)
    texts = [sample.text for sample in found]
    assert all(sample.new for sample in found)
    assert texts == list(dict.fromkeys(t for t in drawn if t not in known and len(t) <= 40))[:30]


def test_without_new_it_is_only_said():
    model = lines()
    drawn = model.sample(40, n=10, seed=1)
    found = samples(model, frozenset(drawn[:3]), length=40, n=10, seed=1)
    assert [sample.text for sample in found] == drawn
    assert [sample.new for sample in found] == [text not in drawn[:3] for text in drawn]
    assert {sample.new for sample in samples(model, length=40, n=10)} == {None}


def test_of_a_line_the_prime_is_compared_too():
    model = lines()
    (text,) = model.sample(40, "ab", n=1, seed=1)
    for include_prime in (True, False):
        (sample,) = samples(model, frozenset([text]), length=40, prime="ab", n=1, seed=1,
                            include_prime=include_prime)  # fmt: skip
        assert sample.new is False


def test_of_running_text_what_follows_the_prime_stands_nowhere_in_it():
    model = make()
    drawn = model.sample(8, "ab", n=20, seed=1, include_prime=False)
    known = "é" + drawn[0] + "é" + drawn[5] + "é"
    found = samples(model, known, length=8, prime="ab", n=5, seed=1, new=True)
    assert all(sample.written not in known for sample in found)
    assert found[0].written == drawn[1]


def test_lines_that_are_cut_are_drawn_again():
    model = lines()
    found = samples(model, frozenset(), length=5, n=20, seed=1, new=True)
    assert not any(sample.cut for sample in found)
    assert max(len(sample.text) for sample in found) <= 5
    assert any(sample.cut for sample in samples(model, length=5, n=20, seed=1))


def test_it_gives_up_after_100_draws_a_sample_with_what_it_has():
    model = lines()
    known = set(model.sample(40, n=400, seed=1))
    kept = [text for text in model.sample(40, n=400, seed=1) if len(text) < 40]
    known -= set(kept[:2])
    writing = Writing(model, Request(40, n=3, seed=1, new=True)).samples(known)
    assert [next(writing).text, next(writing).text] == kept[:2]
    with pytest.raises(ElmanError, match=r"^found 2 new of 3 samples in 300 draws \(") as error:
        next(writing)
    assert "of the training text" in str(error.value) and "drawn before" in str(error.value)
    counts = [int(word) for word in str(error.value).split() if word.isdigit()]
    assert sum(counts[3:]) == 3 * DRAWS - 2


@pytest.mark.parametrize(("length", "known", "flag"), [(1, (), "--length"), (60, None, "--temp")])
def test_when_it_gives_up_it_says_what_finds_more(length, known, flag):
    model = lines()
    if known is None:
        known = set(model.sample(length, n=DRAWS, seed=1))
    else:
        model.network.parameters["readout.b_y"][LINES.end] -= 50.0
    with pytest.raises(ElmanError, match=f"a higher {flag}"):
        samples(model, known, length=length, n=1, seed=1, new=True)
