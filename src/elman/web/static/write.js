// Write: prime a model, watch the text stream in, branch from any symbol.

import { enable, field, h, visible, whole } from "./dom.js";
import { bits, transcript } from "./transcript.js";

const EMPTY = "The text will stand here, every symbol shaded by its surprise. Point at one to see "
  + "what else could have stood there, and choose that to go on from it.";
const PHONE = "(max-width: 50rem)";

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = { status: "idle", prime: "", symbols: [], branches: [], branch: -1, error: null };
  context.expose(state);
  let stream = null; // the AbortController of the stream that runs
  let pending = 0; // the animation frame that will report

  const ask = askFor(model, limits, { begin, halt });
  // A symbol drawn by chance surprises by as many bits; more is no darker.
  const darkest = Math.log2(model.vocabulary.length);
  const page = transcript({ branch: branchAt, darkest, signal });
  const log = h("div", { class: "hidden", role: "log", "aria-live": "polite", "aria-label": "Text" });
  const status = h("p", { class: "note figure" });
  const hint = h("p", { class: "note what-will-be" }, EMPTY);
  const branches = h("div", { class: "branches buttons" });
  const inside = h("button", { type: "button", class: "quiet", disabled: true, on: {
    click: () => context.open("inside", { text: state.prime + written() }),
  } }, "Look inside this text");
  const legend = h("p", { class: "legend note", "aria-hidden": "true",
    title: `from 0 to ${darkest.toFixed(1)} bits, those of a symbol drawn by chance` },
    h("span", {}, "expected"), h("span", { class: "ramp" }), h("span", {}, "surprising"));
  page.element.append(hint);
  root.append(ask.form, h("div", { class: "card paper" },
    h("div", { class: "paper-head" }, status, legend),
    page.element, log,
    h("div", { class: "paper-foot" }, branches, inside)));
  context.on("open", ({ prime: text }) => {
    ask.prime.value = text;
    ask.prime.focus();
  });
  signal.addEventListener("abort", () => stream?.abort());
  report();

  const written = () => page.symbols.map(({ text }) => text).join("");

  function begin(event) {
    event.preventDefault();
    halt();
    state.prime = ask.prime.value;
    state.branches = [];
    page.clear(state.prime);
    run({ label: "First text", seed: ask.options().seed });
  }

  /** Go on behind another symbol at a place, or behind the same one. Every branch has a seed of
   * its own: with that of the first text it would soon write the same again. */
  function branchAt(place, [id, text, probability]) {
    if (!ask.form.reportValidity()) return;
    const old = page.symbols[place];
    halt();
    remember();
    page.truncate(place);
    const before = (state.prime + written()).slice(-12);
    add({ ...old, id, text, probability, branch: true });
    run({
      label: `… ${visible(before + text)}`, seed: ask.options().seed + state.branches.length,
    });
  }

  // -- the stream ----------------------------------------------------------------------

  async function run({ label, seed }) {
    halt();
    const mine = stream = new AbortController();
    state.branches.push({ label, seed, symbols: [] });
    state.branch = state.branches.length - 1;
    state.status = "writing";
    state.error = null;
    state.rate = null;
    report();
    let line = "";
    try {
      for await (const { event, data } of api.events("api/sample", {
        signal: mine.signal, body: request(seed),
      })) {
        if (mine !== stream) return;
        if (event === "error") throw new Error(data.error.message);
        if (event === "done") state.rate = data.seconds ? data.symbols / data.seconds : null;
        if (event !== "symbol" && event !== "prime") continue;
        add(data);
        line += data.text;
        if (/\n$/.test(line) || line.length > 120) line = speak(line);
      }
      state.status = "done";
    } catch (error) {
      if (mine !== stream) return; // stopped, or a newer stream has begun
      state.status = "failed";
      state.error = error.message;
      if (!page.symbols.length) page.clear(state.prime = ""); // it may be what is wrong
      context.fail(error);
    }
    stream = null;
    speak(line);
    remember();
    report();
  }

  function request(seed) {
    const options = ask.options();
    const left = options.length - page.symbols.length;
    return {
      ...options, seed, model: model.name, prime: state.prime,
      written: page.symbols.filter(({ id }) => id !== undefined).map(({ id }) => id),
      length: Math.max(left, Math.min(200, options.length)),
    };
  }

  function add(symbol) {
    page.add(symbol);
    state.symbols = page.symbols;
    if (!pending) pending = requestAnimationFrame(report);
  }

  function speak(line) {
    if (line.trim()) log.append(h("p", {}, line));
    return "";
  }

  function halt() {
    if (!stream) return;
    stream.abort();
    stream = null;
    state.status = "stopped";
    remember();
    report();
  }

  // -- branches, and where things stand --------------------------------------------------

  /** Keep what stands there as the current branch. */
  function remember() {
    if (state.branches[state.branch]) state.branches[state.branch].symbols = [...page.symbols];
  }

  function goTo(number) {
    halt();
    remember();
    state.branch = number;
    page.truncate(0);
    state.branches[number].symbols.forEach(add);
    report();
  }

  function report() {
    pending = 0;
    const busy = state.status === "writing";
    enable(ask.stop, busy);
    inside.disabled = !page.symbols.length;
    hint.hidden = busy || page.symbols.length > 0 || state.prime !== "";
    const rated = page.symbols.filter(({ probability }) => probability !== undefined);
    const mean = rated.reduce((sum, { probability }) => sum + bits(probability), 0) / rated.length;
    const unit = { char: "characters", byte: "bytes", word: "words" }[model.tokens] ?? "symbols";
    status.textContent = !rated.length
      ? (busy ? "Reading the prime …" : "")
      : [`${whole(rated.length)} ${unit}`, `${mean.toFixed(2)} bits each`,
        state.status === "stopped" ? "stopped" : null,
        state.rate && !busy ? `${whole(state.rate)} a second` : null].filter(Boolean).join(" · ");
    if (branches.childElementCount !== state.branches.length || !busy) drawTabs();
  }

  function drawTabs() {
    const focused = branches.contains(document.activeElement);
    branches.replaceChildren(...(state.branches.length < 2 ? [] : state.branches.map(tab)));
    if (focused) branches.children[state.branch]?.focus();
  }

  function tab({ label, seed }, number) {
    return h("button", {
      type: "button", class: "quiet", "aria-pressed": number === state.branch,
      on: { click: () => goTo(number) },
    }, label, h("span", { class: "note figure" }, ` seed ${seed}`));
  }
}

/** The form: prime, settings, and the buttons. `options()` are arguments of POST /api/sample. */
function askFor(model, limits, { begin, halt }) {
  const prime = h("textarea", {
    rows: 2, maxlength: limits.text, spellcheck: "false",
    placeholder: model.lines ? "Begin a line, or leave it empty" : "Begin a text, or leave it empty",
  });
  const temperature = slider({ min: 0, max: 2, step: 0.05, value: 0.8 }, (v) => v.toFixed(2));
  const topP = slider({ min: 0.05, max: 1, step: 0.05, value: 1 }, (v) =>
    v === 1 ? "all" : v.toFixed(2));
  const topK = number({ min: 0, max: model.vocabulary.length, value: 0 });
  const length = number({ min: 1, max: limits.length, value: 600 });
  const seed = number({ min: 0, max: 2 ** 31 - 1, value: 1 });
  const write = h("button", { type: "submit", class: "primary" }, "Write");
  const stop = h("button", { type: "button", on: { click: halt } }, "Stop");
  const form = h("form", { class: "write-form", on: { submit: begin } },
    field("Prime: the text that the model reads first", prime),
    h("div", { class: "write-foot" },
      h("details", { class: "settings", open: matchMedia(PHONE).matches ? null : "" },
        h("summary", {}, "Settings"),
        h("div", { class: "settings-grid" },
          field("Temperature", temperature.element, "below 1 bolder, above 1 wilder"),
          field("Top-p", topP.element, "likeliest up to this sum"),
          field("Top-k", topK, "0: all"),
          field("Length", length, "to write"),
          field("Seed", seed, "same seed, same text"))),
      h("div", { class: "buttons" }, write, stop)));
  prime.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  const options = () => ({
    temperature: temperature.value, top_p: topP.value, top_k: topK.valueAsNumber,
    length: length.valueAsNumber, seed: seed.valueAsNumber,
  });
  return { form, prime, stop, options };
}

function number(attributes) {
  return h("input", { type: "number", required: "", step: 1, inputmode: "numeric", ...attributes });
}

/** A range with its value beside it. */
function slider(attributes, format) {
  const input = h("input", { type: "range", ...attributes });
  const output = h("output", { class: "figure" }, format(attributes.value));
  input.addEventListener("input", () => {
    output.textContent = format(input.valueAsNumber);
  });
  return {
    element: h("span", { class: "slider" }, input, output),
    get value() {
      return input.valueAsNumber;
    },
  };
}
