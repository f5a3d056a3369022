"""The view "Watch it learn", in a real browser, on a training that runs."""

from __future__ import annotations

import shutil
import signal

import pytest

import elman

from .conftest import TEXT, serving

FEED = "window.__elman.views.learn"
RUN = f"{FEED}.run"


@pytest.fixture
def training(tmp_path, browser):
    """A training that goes on until it is stopped, with frequent evaluations and samples."""
    (tmp_path / "text.txt").write_text(TEXT)
    with serving(
        "train", "text.txt", "--live", "--steps", 200_000, "--hidden-size", 32, "--seq-len", 32,
        "--batch-size", 8, "--eval-every", 200, "--sample-every", 400, "--log-every", 10,
        "--threads", 1, cwd=tmp_path,
    ) as served:  # fmt: skip
        yield served


@pytest.fixture
def live(training, new_look):
    look = new_look(training)
    look.open("learn")
    look.until(f"{RUN}.steps.length > 30 && {RUN}.evaluations.length > 1")
    return look


def press(look, name):
    look.page.get_by_role("button", name=name, exact=True).click()


def all_once(look) -> list[int]:
    """The steps that the page holds, having asserted that each is there once, in order."""
    steps = look.page.evaluate(f"{RUN}.steps.map(e => e.step)")
    assert steps == sorted(set(steps))
    return steps


def test_curves_and_samples_grow(live):
    live.until(f"{RUN}.samples.length > 1")
    assert "Learning" in live.page.get_by_role("heading", level=2).inner_text()
    points = live.page.locator("polyline.first").get_attribute("points")
    assert len(points.split()) > 1
    # What stands beside the curve is the latest figure of the engine, in bits.
    live.until(
        f"Math.abs({RUN}.evaluations.at(-1).validation_bits_per_character"
        " - Number(document.querySelectorAll('.chart .value')[1].textContent)) < 0.006"
    )
    charts = live.page.locator(".chart:visible h3").all_inner_texts()
    assert charts == [
        "Loss, bits per character", "Gradient norm", "Learning rate", "Characters a second",
    ]  # fmt: skip
    shown = live.page.locator(".sample").inner_text()
    texts = live.page.evaluate(f"{RUN}.samples.map(s => s.text.trim())")
    assert shown.strip() in texts
    live.page.locator(".sample-steps button").first.click()
    assert (
        live.page.locator(".sample").text_content()
        == live.state("views.learn.run.samples[0]")["text"]
    )


def test_pause_resume_and_stop(live, tmp_path):
    press(live, "Pause")
    live.until(f"{RUN}.state === 'paused'")
    live.until("document.querySelector('.learn-state').textContent === 'Paused'")
    step = live.state("views.learn.run.steps.at(-1).step")
    live.page.wait_for_timeout(400)
    assert live.state("views.learn.run.steps.at(-1).step") == step
    press(live, "Resume")
    live.until(f"{RUN}.steps.at(-1).step > {step}")
    press(live, "Stop and save")
    live.until(f"{RUN}.end?.event === 'interrupted'")
    live.until("document.querySelector('.learn-state').textContent === 'Stopped and saved'")
    assert (tmp_path / "text.safetensors").exists()
    assert not live.page.get_by_role("button", name="Pause").is_enabled()
    assert live.page.evaluate("document.activeElement.textContent") == "Stop and save"


def test_the_learning_rate_changes_while_it_runs(live):
    planned = live.state("views.learn.run.steps.at(-1).learning_rate")
    press(live, "Halve the learning rate")
    live.until(f"Math.abs({RUN}.steps.at(-1).learning_rate / {planned} - 0.5) < 0.05")
    assert live.state("views.learn.run.factor") == 0.5
    live.page.get_by_label("Learning rate", exact=True).fill("0.001")
    live.page.get_by_label("Learning rate", exact=True).press("Enter")
    live.until(f"Math.abs({RUN}.steps.at(-1).learning_rate / 0.001 - 1) < 0.05")
    press(live, "As planned")
    live.until(f"{RUN}.factor === 1")
    live.page.get_by_label("Learning rate", exact=True).fill("fast")
    live.page.get_by_label("Learning rate", exact=True).press("Enter")
    live.page.get_by_role("alert").wait_for(state="visible")
    assert "fast" in live.page.get_by_role("alert").inner_text()
    press(live, "Halve the learning rate")
    live.page.get_by_role("alert").wait_for(state="hidden")


def test_a_reload_shows_everything_again(live):
    before = all_once(live)
    evaluations = live.page.evaluate(f"{RUN}.evaluations.map(e => e.step)")
    live.page.reload()
    live.until(f"window.__elman?.ready && {RUN}?.steps.length >= {len(before)}")
    assert all_once(live)[: len(before)] == before
    again = live.page.evaluate(f"{RUN}.evaluations.map(e => e.step)")
    assert again[: len(evaluations)] == evaluations


def test_a_lost_connection_is_taken_up_where_it_broke(live):
    first = live.state("views.learn.run.steps[0]")
    live.page.context.set_offline(True)
    live.page.evaluate(f"{FEED}.drop()")
    live.until(f"{FEED}.connection === 'lost'")
    live.until("document.querySelector('.learn-state').classList.contains('lost')")
    assert not live.page.get_by_role("button", name="Pause").is_enabled()
    lost = live.state("views.learn.run.steps.length")
    live.page.wait_for_timeout(700)
    assert live.state("views.learn.run.steps.length") == lost
    live.page.context.set_offline(False)
    live.until(f"{FEED}.connection === 'open' && {RUN}.steps.length > {lost + 5}")
    steps = all_once(live)
    assert live.state("views.learn.run.steps[0]") == first
    assert live.state("views.learn.repeated") == 0, "what was there already was sent again"
    assert set(range(10, steps[-1] + 1, 10)) == set(steps), "steps are missing"
    live.complaints.clear()  # the browser notes the failed requests


def test_a_connection_that_says_nothing_is_given_up(training, new_look):
    """As when a laptop changes its network: neither side hears that the other is gone."""
    look = new_look(training)
    look.page.clock.install()
    look.open("learn")
    look.until(f"{RUN}.steps.length > 30")
    training.process.send_signal(signal.SIGSTOP)
    try:
        look.page.clock.fast_forward(20_000)  # comments come more seldom than events
        assert look.state("views.learn.connection") == "open"
        look.page.clock.fast_forward(41_000)
        look.until(f"{FEED}.connection === 'lost'")
        look.until("document.querySelector('.learn-state').textContent.includes('not responding')")
    finally:
        training.process.send_signal(signal.SIGCONT)
    look.page.clock.fast_forward(10_000)
    look.until(f"{FEED}.connection === 'open'")
    count = len(all_once(look))
    look.until(f"{RUN}.steps.length > {count}")
    look.complaints.clear()


def test_a_training_that_is_gone_is_said_to_be(live, training):
    training.end(signal.SIGKILL)
    live.until(f"{FEED}.connection === 'lost'")
    live.until("document.querySelector('.learn-state').textContent.includes('has ended')")
    live.page.route("**/api/train/events", lambda route: route.fulfill(status=404))
    live.until(f"{FEED}.connection === 'closed'")
    live.until("document.querySelector('.learn-state').textContent.endsWith('has ended')")
    live.complaints.clear()  # the browser notes the failed requests


def test_the_model_that_learns_writes(live):
    live.page.get_by_role("tab", name="Write").click()
    live.page.get_by_label("Prompt").fill("the ")
    live.page.get_by_label("Length").fill("40")
    live.page.get_by_role("button", name="Write", exact=True).click()
    live.until("window.__elman.views.write.status === 'done'")
    assert live.page.locator(".symbol").count() == 40


def test_a_model_that_is_done_has_its_figure_in_the_header(new_look, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    with serving(
        "train", "text.txt", "--live", "--steps", 40, "--hidden-size", 8, "--threads", 1,
        cwd=tmp_path,
    ) as served:  # fmt: skip
        look = new_look(served)
        look.open("learn")
        look.until(f"{RUN}?.end?.event === 'done'", 60)
        bits = look.state("views.learn.run.end.validation_bits_per_character")
        look.until(f"document.getElementById('facts').textContent.includes('{bits:.2f} bits')")
        look.page.goto("about:blank")  # or its console notes the stream that the server ends


def test_a_classifier_is_watched_to_its_end(new_look, models, tmp_path):
    with serving(
        "train", models / "markup.tsv", "--task", "classify", "--live", "--steps", 60,
        "--hidden-size", 12, "--eval-every", 20, "--threads", 1, cwd=tmp_path,
    ) as served:  # fmt: skip
        look = new_look(served)
        look.open("learn")
        look.until(f"{RUN}?.end?.event === 'done' && {RUN}.state === 'ended'", 60)
        look.until("document.querySelector('.learn-state').textContent === 'Done'")
        assert look.page.locator(".chart:visible h3").all_inner_texts() == [
            "Loss, nats per text", "Held out", "Gradient norm", "Learning rate", "Texts a second",
        ]  # fmt: skip
        accuracy = look.state("views.learn.run.evaluations.at(-1).validation_accuracy")
        shown = look.page.locator(".chart").nth(1).locator(".value").first.inner_text()
        assert float(shown) == pytest.approx(accuracy, abs=0.006)
        report = look.state("views.learn.run.end.report")
        told = look.page.locator(".results li").first.inner_text()
        assert f"accuracy {report['accuracy']:.3f}" in told
        # The page stays, and classifies with the model that is done.
        look.page.get_by_role("tab", name="Classify").click()
        look.page.get_by_label("Text", exact=True).fill("aelm")
        look.until("window.__elman.views.classify?.answer")
        look.page.goto("about:blank")  # or its console notes the stream that the server ends


def test_a_model_file_shows_how_it_was_trained(look, models):
    look.open("learn", "gru.safetensors")
    history = look.state("model.history")
    validation = [row for row in history["rows"] if row[3] is not None]
    evaluations = look.state("views.learn.run.evaluations")
    assert [e["step"] for e in evaluations] == [row[0] for row in validation]
    shown = look.page.locator(".chart .value").nth(1).inner_text()
    assert float(shown) == pytest.approx(validation[-1][3] / 0.693147, abs=0.006)
    assert look.page.get_by_role("button", name="Pause").count() == 0
    texts = [sample["text"] for sample in history["samples"]]
    assert len(texts) == 6
    assert look.page.locator(".sample").inner_text().strip() == texts[-1].strip()
    look.page.locator(".sample-steps button").first.click()
    assert look.page.locator(".sample").inner_text().strip() == texts[0].strip()


def test_moving_over_a_curve_shows_its_figures(look):
    look.open("learn", "gru.safetensors")
    look.page.locator(".plot").first.hover(position={"x": 300, "y": 60})
    where = look.page.locator(".chart .where").first.inner_text()
    assert where.startswith("step ")
    assert look.page.locator(".cursor.shown").count() == look.page.locator(".chart:visible").count()


def test_values_of_the_curves_by_keyboard(look):
    look.open("learn", "gru.safetensors")
    plot = look.page.locator(".plot").first
    plot.focus()
    evaluations = look.state("views.learn.run.evaluations")
    look.page.keyboard.press("Home")
    first = plot.get_attribute("aria-valuetext")
    look.page.keyboard.press("ArrowRight")
    assert plot.get_attribute("aria-valuetext") != first
    look.page.keyboard.press("End")
    bits = evaluations[-1]["validation_loss"] / 0.693147
    assert f"held out {bits:.2f}" in plot.get_attribute("aria-valuetext")
    assert look.page.locator(".cursor.shown").count() == look.page.locator(".chart:visible").count()
    look.page.keyboard.press("Escape")
    assert look.page.locator(".cursor.shown").count() == 0


def test_a_dropped_text_becomes_a_model_of_the_folder(new_look, models, tmp_path):
    folder, text = tmp_path / "served", tmp_path / "elsewhere.md"
    folder.mkdir()
    shutil.copy(models / "rnn.safetensors", folder)
    text.write_text(TEXT * 3)
    with serving("serve", folder) as served:
        look = new_look(served)
        look.open("learn")
        look.page.get_by_label("File").set_input_files(text)
        look.until("document.querySelector('.start-form textarea').value.length > 100")
        assert look.page.get_by_label("Name of the model").input_value() == "elsewhere"
        look.page.get_by_label("Minutes").fill("0.1")
        look.page.get_by_role("button", name="Train", exact=True).click()
        look.until("document.activeElement.className === 'learn-state'")
        run = f"{FEED}?.run"  # the view is mounted anew
        look.until(f"{run}?.end?.event === 'done' && {run}.state === 'ended'")
        look.page.get_by_role("button", name="Write with it").click()
        look.until("window.__elman.model.name === 'elsewhere.safetensors'")
        look.until("window.__elman.views.write?.symbols.length > 30")
        look.open("learn", "elsewhere.safetensors")
        assert look.state("views.learn.run.samples.length") > 1
    model = elman.load(folder / "elsewhere.safetensors")
    assert model.summary["command"] == "elman train elsewhere.txt --minutes 0.1"
    assert (folder / "elsewhere.txt").read_text() == TEXT * 3
