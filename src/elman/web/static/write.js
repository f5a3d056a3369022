// Write: give a model a prompt, watch the text stream in, branch from any symbol; or paste a
// text and see where it surprises the model.

import { enable, h, visible, whole } from "./dom.js";
import { askFor } from "./ask.js";
import { bits, transcript } from "./transcript.js";

const MOST = 12; // texts that are kept; the oldest goes
const LONG = 4000; // symbols of all of them

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = {
    status: "idle", prime: "", primed: [], symbols: [], branches: [], branch: -1, error: null, asked: null,
  };
  context.expose(state);
  let stream = null; // the AbortController of the stream that runs
  let pending = 0; // the animation frame that will report
  let first = null; // the promise of the text that the page opens with
  let asked = false; // nobody has to hear the text that the page opens with
  let kept = false; // whether the text that is here was asked for
  let scored = Boolean(context.values.scored); // whether what is asked for is the surprises of a text
  let last = ""; // what was asked for last: typing that ends in the same is no change

  const ask = askFor(model, limits, context.values, { begin, halt, score, changed });
  // A symbol drawn by chance surprises by as many bits; more is no darker.
  const darkest = Math.log2(model.vocabulary.length);
  const page = transcript({ branch: branchAt, darkest, signal });
  const written = () => page.symbols.map(({ text }) => text).join("");
  const settings = () => JSON.stringify({ ...ask.values(), ...(scored ? { scored: 1 } : {}) });
  // The prompt comes again before each further record.
  const ids = () => [...state.primed, ...page.symbols.flatMap(({ id }) => id ?? state.primed)];
  const log = h("div", { class: "hidden", role: "log", "aria-live": "polite", "aria-label": "Text" });
  const status = h("p", { class: "note figure" });
  const branches = h("div", { class: "branches buttons" });
  const again = h("button", { type: "button", class: "quiet", on: { click: () => {
    ask.nextSeed();
    begin();
  } } }, "Another text");
  const more = h("button", { type: "button", class: "quiet", on: { click: () => goOn() } }, "Continue");
  const copy = h("button", { type: "button", class: "quiet", on: { click: copyText } }, "Copy");
  const inside = h("button", { type: "button", class: "quiet", on: {
    click: () => context.open("inside", { text: state.prime + written(), ids: ids() }),
  } }, "Look inside this text");
  const legend = h("p", { class: "legend note", "aria-hidden": "true",
    title: `from 0 to ${darkest.toFixed(1)} bits, the surprise of a symbol chosen at random` },
    h("span", {}, "expected"), h("span", { class: "ramp" }), h("span", {}, "surprising"));
  root.append(ask.form, h("div", { class: "card paper" },
    h("div", { class: "paper-head" }, status, legend), branches,
    page.element, log,
    h("div", { class: "paper-foot" }, h("div", { class: "buttons" }, more, again, copy), inside)));
  context.on("open", ({ prime: text, silent }) => {
    if (silent) return without(silent);
    ask.prompt.value = text;
    ask.prompt.focus();
  });
  signal.addEventListener("abort", () => stream?.abort());
  restore();

  /** The texts that were here before a reload or another model, and one of what is asked for now
   * if it is none of them. */
  function restore() {
    const before = context.recall();
    report();
    const settled = before?.branches?.length && [before.asked, before.draft].includes(settings());
    if (before?.branches?.length) {
      const { draft, ...rest } = before;
      Object.assign(state, rest, { status: "done" });
      asked = kept = true;
      const shown = state.branch;
      state.branch = -1; // nothing is on the page that would be remembered
      goTo(shown);
    }
    if (!settled) first = opening();
  }

  /** What the view opens with; where the prompt is refused, a text without one. */
  async function opening() {
    if (scored && ask.prompt.value) return score();
    await run(ask.request());
    if (state.status === "failed" && !page.symbols.length) await run({ ...ask.request(), prime: "" });
  }

  function begin(event) {
    event?.preventDefault();
    asked = true;
    if (!event && !ask.form.reportValidity()) return;
    scored = false;
    last = settings();
    context.keep(ask.values());
    run(ask.request());
  }

  /** What is typed goes along to another model, and over a reload, and the text stays. */
  function changed() {
    if (settings() === last) return;
    scored = false;
    last = settings();
    context.keep(ask.values());
    if (!stream) remember();
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
    run(behind(ask.request().length - page.symbols.length), `… ${visible(before + text)}`);
  }

  function goOn() {
    if (!ask.form.reportValidity()) return;
    remember();
    run(behind(ask.request().length), `${whole(page.symbols.length)} symbols, and on`);
  }

  /** The first text once more, with a unit held at zero. */
  async function without({ layer, unit }) {
    await first; // there is something to compare with
    if (signal.aborted) return;
    halt();
    remember();
    page.truncate(0);
    run({ ...ask.request(), prime: state.prime, silent_layer: layer, silent_unit: unit }, `without unit ${unit}`);
  }

  /** A request for what follows the text that is here. */
  function behind(length) {
    const wanted = ask.request();
    return {
      ...wanted, prime: state.prime, seed: wanted.seed + state.branches.length,
      written: page.symbols.filter(({ id }) => id !== undefined).map(({ id }) => id),
      length: Math.max(length, Math.min(200, wanted.length)),
    };
  }

  // -- the stream ----------------------------------------------------------------------

  /** Write what is asked for: with a label as a branch of the text that is here, without one as a
   * text of its own once the server has accepted it. */
  async function run(wanted, label = null) {
    halt();
    const mine = stream = new AbortController();
    if (label !== null) {
      kept = true; // a text that somebody goes on with is wanted
      enter(label, wanted.seed);
    }
    Object.assign(state, { status: "writing", error: null, rate: null });
    report();
    let line = "";
    try {
      for await (const { event, data } of api.events("api/sample", {
        signal: mine.signal, body: { ...wanted, model: model.name },
      })) {
        if (mine !== stream) return;
        if (event === "error") throw new Error(data.error.message);
        if (event === "start" && label === null) fresh(data.prime, data.ids, labelOf(data.prime), wanted.seed);
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
      context.fail(error);
    }
    stream = null;
    speak(line);
    remember();
    report();
  }

  /** A page with nothing on it but the prompt. The text that the view opened with gives way. */
  function fresh(prime, primed, label, seed) {
    if (kept) remember();
    else state.branches = [];
    kept = asked;
    Object.assign(state, { prime, primed, asked: settings() });
    page.clear(prime);
    log.replaceChildren();
    enter(label, seed);
  }

  function labelOf(prime) {
    if (!kept || !state.branches.length) return "First text";
    return prime ? `“${visible(prime.slice(0, 16))}${prime.length > 16 ? "…" : ""}”` : "Another text";
  }

  function enter(label, seed) {
    const { prime, primed } = state;
    state.branches.push({ label, seed, prime, primed, symbols: [] });
    state.branches.splice(0, state.branches.length - MOST);
    state.branch = state.branches.length - 1;
  }

  /** The text of the prompt, shaded by how much each symbol of it surprises the model. */
  async function score() {
    halt();
    const text = ask.prompt.value;
    if (!text) return context.fail(new Error("Paste a text first."));
    let found;
    try {
      found = await api.post("api/score", { model: model.name, text }, { signal });
    } catch (error) {
      return context.fail(error);
    }
    asked = scored = true;
    last = settings();
    context.keep(JSON.parse(last)); // another model scores it, too
    fresh("", [], "Your text", null);
    // No others: what else could have come is not sent of so long a text.
    found.each.forEach(([id, symbol, probability]) => add({
      id, text: symbol, probability, alternatives: id < 0 ? undefined : [[id, symbol, probability]],
    }));
    state.status = "done";
    remember();
    report();
  }

  function add(symbol) {
    page.add(symbol);
    state.symbols = page.symbols;
    if (!pending) pending = requestAnimationFrame(report);
  }

  function speak(line) {
    if (asked && line.trim()) log.append(h("p", {}, line));
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

  async function copyText() {
    try {
      await navigator.clipboard.writeText(state.prime + written());
      context.say("Copied");
    } catch {
      context.fail(new Error("The browser does not let this page copy; select the text instead."));
    }
  }

  // -- branches, and where things stand --------------------------------------------------

  /** Keep what is shown as the current branch. */
  function remember() {
    if (!state.branches[state.branch]) return;
    state.branches[state.branch].symbols = [...page.symbols];
    const { prime, primed, branch, asked: settled } = state;
    const long = state.branches.reduce((sum, { symbols }) => sum + symbols.length, 0) > LONG;
    // The browser keeps a few megabytes: of long texts not what else could have stood there.
    const all = !long ? state.branches : state.branches.map((one) => ({ ...one,
      symbols: one.symbols.map(({ alternatives, ...symbol }) => symbol) }));
    context.remember({ prime, primed, branches: all, branch, asked: settled, draft: settings() });
  }

  function goTo(number) {
    halt();
    remember();
    const { prime = state.prime, primed = state.primed, symbols } = state.branches[number];
    Object.assign(state, { branch: number, prime, primed });
    page.clear(prime);
    symbols.forEach(add);
    report();
  }

  function report() {
    pending = 0;
    const busy = state.status === "writing";
    enable(ask.stop, busy);
    for (const button of [more, again, copy, inside]) enable(button, !busy && page.symbols.length > 0);
    if (page.symbols.some(({ id }) => id < 0)) for (const button of [more, inside]) enable(button, false);
    if (ask.request().beam) enable(again, false); // it would be the same
    const rated = page.symbols.filter(({ probability }) => probability !== undefined);
    const mean = rated.reduce((sum, { probability }) => sum + bits(probability), 0) / rated.length;
    const unit = { char: "characters", byte: "bytes", word: "words" }[model.tokens] ?? "symbols";
    status.textContent = !rated.length
      ? (busy ? "Reading the prompt …" : "")
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
    }, label, seed === null ? null : h("span", { class: "note figure" }, ` seed ${seed}`));
  }
}
