// Watch it learn: curves, samples and controls of the training that runs here, or the
// curves that a model file recorded.

import { enable, h, whole } from "./dom.js";
import { chart } from "./chart.js";
import { levelsOf, reportTable, results } from "./figures.js";
import { emptyRun, follow, fromHistory } from "./feed.js";
import { startForm } from "./start.js";

const LN2 = Math.log(2);
const ESTIMATES = "During training the held-out points are estimates from part of the text; the final figure "
  + "uses all of it. The training loss may be higher: it is smoothed, and dropout makes training harder.";

export function mount(root, context) {
  if (context.training) mountLive(root, context);
  else mountRecorded(root, context);
}

function mountRecorded(root, context) {
  const { model } = context;
  const start = context.starts ? another(root, context)
    : h("p", { class: "note" }, "To watch a run live: ", h("code", { class: "mono" }, "elman train TEXT --live"));
  if (!model?.history) {
    root.append(h("h2", {}, "How it was trained"), h("p", { class: "note" }, "This model file has no training history."), start);
    return;
  }
  const run = { ...emptyRun(), ...fromHistory(model.history) };
  const curves = curvesOf(model, context);
  // A file records the loss alone: the accuracy of labels is in the report.
  const samples = run.samples.length ? samplesView() : null;
  const beside = samples?.element;
  context.expose({ run });
  const report = model.summary.test ?? model.summary.validation;
  root.append(h("div", { class: "learn-head" }, h("h2", {}, "How it was trained")),
    resultList(results({ event: "done", ...model.summary, report })),
    h("div", { class: beside ? "curves two" : "curves" }, curves.loss, beside ?? "", curves.small,
      curves.note),
    report?.classes ? reportTable(report) : "", start);
  curves.show(run, levelsOf(model.summary.baselines));
  samples?.show(run.samples);
}

/** The form that trains another model; a file may be dropped anywhere in the view. */
function another(root, context) {
  const form = startForm({ ...context, started: async () => {
    await context.choose(context.model?.name, "learn");
    document.querySelector(".learn-state")?.focus(); // the form that had the focus is gone
  } });
  for (const name of ["dragover", "dragleave", "drop"]) root.addEventListener(name, form.dragged);
  return form.element;
}

function mountLive(root, context) {
  const { api, signal } = context;
  // What the page of a folder trains is no model of it yet.
  const model = context.model?.live ? context.model : { kind: "lm", tokens: "char" };
  const trained = context.training.model;
  const feed = follow(api, signal, changed);
  context.expose(feed);
  let frame = 0;

  const state = h("h2", { class: "learn-state", tabIndex: -1 }, "Preparing");
  const facts = h("p", { class: "note figure facts-line" }, "\u00a0");
  const progress = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const pause = button("Pause", () => command(feed.run.state === "paused" ? "resume" : "pause"));
  const stop = button("Stop and save", () => command("stop"));
  let typed = false; // whether a learning rate is being typed
  const rate = h("input", {
    type: "text", inputmode: "decimal", class: "figure", id: "rate", size: 9, autocomplete: "off",
    on: { input: () => { typed = true; }, blur: () => { typed = false; } },
  });
  const set = h("button", { type: "submit" }, "Set");
  const planned = button("As planned", () => changeRate({ factor: 1 }));
  const half = button("÷ 2", () => changeRate({ factor: feed.run.factor / 2 }));
  const twice = button("× 2", () => changeRate({ factor: feed.run.factor * 2 }));
  half.setAttribute("aria-label", "Halve the learning rate");
  twice.setAttribute("aria-label", "Double the learning rate");
  const buttons = [pause, stop, set, half, twice];
  const curves = curvesOf(model, context);
  const samples = samplesView();
  const messages = h("ul", { class: "messages note" });
  const figures = resultList([]);
  const report = h("div", {});
  const look = h("div", { class: "buttons", hidden: true },
    button("Write with it", () => context.choose(trained, "write")));

  root.append(
    h("div", { class: "learn-head" }, h("div", {}, state, facts),
      h("div", { class: "row" },
        h("form", { class: "rate", on: { submit } },
          h("label", { class: "label", for: "rate" }, "Learning rate"),
          h("div", { class: "buttons" }, rate, set, half, twice, planned)),
        h("div", { class: "buttons" }, pause, stop))),
    progress, figures, look,
    h("div", { class: "curves two" }, curves.loss, curves.beside ?? samples.element, curves.small,
      curves.note),
    report, messages);
  context.on("show", changed);
  changed();

  /** Draw at most once a frame, however fast the events come. */
  function changed() {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  let spoken = "";
  let ended = false;
  function draw() {
    frame = 0;
    const { run, connection } = feed;
    const title = stateTitle(run, connection);
    if (title !== spoken) context.say(title);
    state.textContent = spoken = title;
    state.classList.toggle("lost", !run.end && ["lost", "closed"].includes(connection));
    if (ended !== (ended = run.state === "ended")) {
      if (model.live) context.renew();
      else look.hidden = !["done", "interrupted"].includes(run.end?.event);
      if (context.starts) root.append(another(root, context));
    }
    facts.textContent = factsOf(run);
    progress.value = run.end?.event === "done" ? 1 : run.steps.at(-1)?.progress ?? 0;
    pause.textContent = run.state === "paused" ? "Resume" : "Pause";
    const steerable = connection === "open" && ["running", "paused"].includes(run.state)
      && !measures(run);
    for (const one of buttons) enable(one, steerable);
    enable(planned, steerable && run.factor !== 1);
    rate.readOnly = !steerable;
    if (!typed) rate.value = short(run.steps.at(-1)?.learning_rate);
    curves.show(run, levelsOf(run.end?.baselines));
    samples.show(run.samples);
    say(figures, results(run.end));
    say(messages, run.end ? run.messages.filter((text) => !text.startsWith("counting ")) : run.messages);
    const found = run.end?.report;
    if (found?.classes && !report.childElementCount) report.append(reportTable(found));
  }

  function say(list, sentences) {
    if (list.childElementCount === sentences.length) return;
    list.replaceChildren(...sentences.map((text) => h("li", {}, text)));
  }

  async function command(name, body = {}) {
    try {
      await api.post(`api/train/${name}`, body, { signal });
    } catch (error) {
      context.fail(error);
    }
  }

  function changeRate(body) {
    typed = false;
    command("learning-rate", body);
  }

  function submit(event) {
    event.preventDefault();
    const value = Number(rate.value);
    if (rate.value.trim() === "") {
      context.fail(new Error("The learning rate is empty; it must be a number above 0."));
    } else if (!Number.isFinite(value) || value <= 0) {
      context.fail(new Error(`The learning rate must be a number above 0, not ${rate.value}.`));
    } else changeRate({ learning_rate: value });
  }
}

function resultList(sentences) {
  return h("ul", { class: "results figure" }, sentences.map((text) => h("li", {}, text)));
}

function button(text, click) {
  return h("button", { type: "button", on: { click } }, text);
}

function stateTitle(run, connection) {
  if (run.end?.event === "failed") return `Failed: ${run.end.message}`;
  if (run.end?.event === "interrupted") return "Stopped and saved";
  if (run.end?.event === "done") return "Done";
  if (connection === "connecting") return "Connecting …";
  if (connection === "lost") return "The training has ended or is not responding …";
  if (connection === "closed") return "The training process has ended";
  if (measures(run)) return "Measuring …";
  return { running: "Learning", paused: "Paused", stopping: "Stopping …" }[run.state] ?? "Preparing …";
}

/** Whether all steps are done, and only the final figures are missing. */
function measures(run) {
  return run.state === "running" && run.steps.at(-1)?.progress >= 1;
}

function factsOf(run) {
  const step = run.steps.at(-1);
  const corpus = run.start ? run.start.corpus.map((name) => name.split("/").pop()).join(", ") : null;
  if (!step) return corpus ?? "\u00a0";
  const left = step.progress ? (step.seconds * (1 - step.progress)) / step.progress : null;
  return [
    `step ${whole(step.step)}`, `epoch ${step.epoch.toFixed(1)}`, clock(step.seconds),
    left !== null && !run.end ? `about ${clock(left)} left` : null,
    corpus,
  ].filter(Boolean).join(" · ");
}

// -- curves --------------------------------------------------------------------------------

/** The curves of a run: loss, and beside it the accuracy of labels; gradient norm, learning rate
 * and speed below. */
function curvesOf(model, context) {
  const labelled = Boolean(model?.classes);
  const item = model?.kind === "tagger" ? "symbol" : "text"; // what a label is of
  const unit = { char: "character", byte: "byte", word: "symbol" }[model?.tokens] ?? "character";
  const hovered = (x) => all.forEach((one) => one.cursor(x));
  const label = (x, long = false) => (long ? `step ${whole(x)}` : whole(x));
  const large = { height: 280 };
  const make = (title, format, series, options = {}) =>
    chart({ title, format, series, hovered, label, height: 128, ...options });
  const loss = make(labelled ? `Loss, nats per ${item}` : `Loss, bits per ${unit}`,
    (y) => y.toFixed(2),
    [{ name: "training", kind: "second" }, { name: "held out", kind: "first dots" }],
    large);
  const accuracy = make("Held out", (y) => y.toFixed(2),
    [{ name: "accuracy", kind: "first dots" }, { name: "macro-F1", kind: "second dots" }], large);
  const norm = make("Gradient norm", short, [{ kind: "second" }], { floor: 0 });
  const rate = make("Learning rate", short, [{ kind: "second" }], { floor: 0 });
  const speed = make(labelled ? `${item[0].toUpperCase()}${item.slice(1)}s a second` : "Characters a second",
    (y) => (y >= 10_000 ? `${Math.round(y / 1000)}k` : whole(y)), [{ kind: "second" }], { floor: 0 });
  const small = [norm, rate, speed];
  const all = [loss, accuracy, ...small];

  const points = (list, value) => list.flatMap((event) => {
    const y = value(event);
    return Number.isFinite(y) ? [[event.step, y]] : [];
  });

  function show({ steps, evaluations }, levels) {
    loss.set([points(steps, (e) => lossOf(e, "train", labelled)),
      points(evaluations, (e) => lossOf(e, "validation", labelled))], labelled ? [] : levels);
    accuracy.set([points(evaluations, (e) => e.validation_accuracy),
      points(evaluations, (e) => e.validation_macro_f1)]);
    norm.set([points(steps, (e) => e.gradient_norm)]);
    rate.set([points(steps, (e) => e.learning_rate)]);
    speed.set([points(steps, (e) => e.characters_per_second ?? e.texts_per_second ?? e.symbols_per_second)]);
    speed.element.hidden = steps.length > 0 && steps.at(-1).progress === undefined;
  }

  return {
    loss: loss.element, show,
    beside: labelled ? accuracy.element : null, // what gives labels writes no samples
    small: h("div", { class: "small-curves" }, small.map((one) => one.element)),
    note: labelled ? "" : h("p", { class: "note" }, ESTIMATES),
  };
}

/** Bits per symbol of a language model, nats of labels; records of files are in nats. */
function lossOf(event, part, labelled) {
  const nats = event[`${part}_loss`];
  if (labelled) return nats;
  return event[`${part}_bits_per_character`] ?? nats / LN2;
}

// -- samples -------------------------------------------------------------------------------

/** The samples of a run, one at a time: the latest, until an earlier one is chosen. */
function samplesView() {
  const text = h("div", { class: "sample mono", tabIndex: 0, role: "region",
    "aria-label": "Sample" }, "The first sample appears here shortly.");
  const steps = h("div", { class: "buttons sample-steps", role: "group", "aria-label": "Step of the sample" });
  const element = h("section", { class: "card samples" },
    h("h3", {}, "Samples by step"), steps, text);
  let samples = [];
  let chosen = null; // null: follow the latest

  function show(all) {
    if (all.length === samples.length && all[0] === samples[0]) return;
    samples = [...all];
    draw();
  }

  function draw() {
    const at = chosen ?? samples.length - 1;
    steps.replaceChildren(...samples.map(({ step }, number) => h("button", {
      type: "button", class: "quiet figure", "aria-pressed": number === at,
      "aria-label": `Step ${whole(step)}`,
      on: { click: () => {
        chosen = number === samples.length - 1 ? null : number;
        draw();
        steps.children[number].focus();
      } },
    }, whole(step))));
    steps.children[at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (samples[at]) text.textContent = samples[at].text;
  }

  return { element, show };
}

// -- numbers -------------------------------------------------------------------------------

function short(x) {
  if (x === undefined || x === null || !Number.isFinite(x)) return "";
  return x === 0 ? "0" : String(Number(x.toPrecision(2)));
}

function clock(seconds) {
  const s = Math.floor(seconds);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
