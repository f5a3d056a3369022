"""The picture of a study."""

from __future__ import annotations

import pytest

import elman

from ..cli.test_cli import run

pytest.importorskip("optuna")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "t.txt").write_text("the quick brown fox jumps over it\n" * 40)
    place = folder / "s.journal"
    search = "hidden-size=4,6 learning-rate=1e-4..1:log dropout=0..0.3 cell=gru,rnn"
    elman.sweep(folder / "t.txt", trials=7, steps=10, eval_every=1, search=search, study=place)
    return place


def test_a_panel_for_trials_and_for_each_setting(study):
    from elman import plots

    figure = plots.trials(str(study))
    first, *panels = figure.axes
    assert first.get_ylabel() == "bits per character"
    assert [p.get_xlabel() for p in panels] == ["cell", "dropout", "hidden-size", "learning-rate"]
    assert [p.get_xscale() for p in panels] == ["linear", "linear", "linear", "log"]
    assert [t.get_text() for t in panels[2].get_xticklabels()] == ["4", "6"]
    for panel in figure.axes:
        whole, cut = panel.get_lines()[:2]
        assert len(whole.get_xdata()) + len(cut.get_xdata()) == 7
    best = first.get_lines()[2].get_ydata()
    assert list(best) == sorted(best, reverse=True)


def test_the_verb_knows_a_study(study, tmp_path):
    assert run("plot", study, "-o", tmp_path / "s.png").exit_code == 0
    assert (tmp_path / "s.png").stat().st_size > 10_000
    result = run("plot", study, "--kind", "training", "-o", tmp_path / "s.png")
    assert result.exit_code == 2 and "leave --kind out" in result.stderr
    (tmp_path / "no.journal").write_text("{}\n")
    for place in (tmp_path / "no.journal", f"sqlite:///{tmp_path}/no.db"):
        result = run("plot", place, "-o", tmp_path / "n.png")
        assert result.exit_code == 1 and "holds no study" in result.stderr
