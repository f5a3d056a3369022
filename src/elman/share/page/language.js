// The page of a language model: it writes, every symbol shaded by its surprise.

import { askFor } from "../../web/static/ask.js";
import { enable, h, whole } from "../../web/static/dom.js";
import { bits, transcript } from "../../web/static/transcript.js";
import { arrays } from "./tensors.js";
import { Chain } from "./markov.js";
import { Network } from "./network.js";
import { LONGEST, checked, surprises, write } from "./sampling.js";
import { breathe, needed, open } from "./shell.js";
import { Vocabulary, treated } from "./vocabulary.js";

const AT_ONCE = 50; // ms of computing after which the browser may draw and listen
const UNITS = { char: "characters", byte: "bytes", word: "words" };

export function start(about, weights) {
  const model = modelOf(about, arrays(weights, about.layout));
  const shell = open(about, "write");
  const elman = {
    write: async (request = {}) => {
      let text = "";
      for await (const symbol of inTurns(write(model, request, [], false))) {
        if (symbol.id !== undefined) text += symbol.text;
      }
      return text;
    },
    logits: (text) => Array.from(logits(model, needed(text))),
  };
  mount(shell, about, model);
  shell.expose(elman, model);
}

function modelOf(about, weights) {
  const { config, vocabulary, special, treatment, separator } = about;
  const symbols = new Vocabulary(vocabulary, special, separator);
  const clean = (text) => (symbols.kind === "byte" ? text : treated(text, treatment));
  return {
    network: config.cell === "ngram" ? new Chain(weights, config, symbols.begin) : new Network(weights, config),
    vocabulary: symbols,
    clean,
    encode: (text) => symbols.encode(clean(text)),
  };
}

/** Logits of the symbol that follows a text. */
function logits({ network, vocabulary, encode }, text) {
  const ids = encode(text);
  if (vocabulary.begin !== undefined) ids.unshift(vocabulary.begin);
  if (!ids.length) throw new Error("the text is empty: there is nothing to follow");
  const states = network.zero();
  const last = ids.pop();
  for (const id of ids) network.step(id, states);
  return network.predict(last, states);
}

/** What a generator gives, with a pause for the browser now and then. */
async function* inTurns(generator) {
  let [begun, most] = [performance.now(), AT_ONCE];
  for (const value of generator) {
    if (value) yield value;
    const now = performance.now();
    if (now - begun < most) continue;
    await breathe();
    begun = performance.now();
    most = Math.max(AT_ONCE, 3 * (begun - now)); // where drawing is slow, it has a quarter of the time
  }
}

function mount(shell, about, model) {
  const state = { status: "idle", symbols: [], error: null };
  let turn = 0; // counts what was begun: only the last goes on
  let pending = 0; // the animation frame that will report
  let before = null; // the settings of the last text, as they stood in the form
  let asked = false; // whether a text was asked for: the first one is not read out

  // A symbol drawn by chance surprises by as many bits; more is no darker.
  const darkest = Math.log2(model.vocabulary.size);
  const page = transcript({ branch: branchAt, darkest, signal: undefined });
  state.symbols = page.symbols;
  const { symbols, begin: lines } = model.vocabulary;
  const ask = askFor({ lines: lines !== undefined, vocabulary: symbols }, { length: LONGEST }, {}, { begin, halt, score });
  const log = h("div", { class: "hidden", role: "log", "aria-live": "polite", "aria-label": "Text" });
  const status = h("p", { class: "note figure" });
  const legend = h("p", { class: "legend note", "aria-hidden": "true",
    title: `from 0 to ${darkest.toFixed(1)} bits, those of a symbol drawn by chance` },
  h("span", {}, "expected"), h("span", { class: "ramp" }), h("span", {}, "surprising"));
  shell.main.append(h("section", { id: "view-write" }, ask.form, h("div", { class: "card paper" },
    h("div", { class: "paper-head" }, status, legend), page.element, log)));
  shell.watch(state);
  run([]);

  function begin(event) {
    event.preventDefault();
    asked = true;
    if (JSON.stringify(ask.request()) === before) ask.nextSeed(); // else the same text again
    run([]);
  }

  function branchAt(place, [id, text, probability]) {
    const old = page.symbols[place];
    const kept = [...page.symbols.slice(0, place), { ...old, id, text, probability, branch: true }];
    asked = true;
    run(kept);
  }

  async function run(kept) {
    before = JSON.stringify(ask.request());
    const { top_k: topK, top_p: topP, ...rest } = ask.request();
    const request = { ...rest, topK, topP };
    try {
      model.encode(checked(request).prime); // what is refused takes no text away
    } catch (error) {
      state.error = error.message;
      return shell.fail(error);
    }
    page.clear(request.prime);
    kept.forEach(page.add);
    const ids = kept.map(({ id }) => id).filter((id) => id !== undefined);
    // Every branch has random numbers of its own: with those of the first it would soon be the same.
    const own = { seed: request.seed + kept.length, length: Math.max(request.length - kept.length, 0) };
    await show(() => write(model, { ...request, ...own }, ids));
  }

  /** The text of the prompt, shaded by how much each symbol of it surprises the model. */
  function score() {
    if (!ask.prompt.value.trim()) return shell.fail(new Error("Paste a text first."));
    page.clear("");
    show(() => surprises(model, ask.prompt.value));
  }

  /** Show what a generator gives, as it comes. */
  async function show(generator) {
    const mine = turn += 1;
    Object.assign(state, { status: "writing", error: null, rate: null });
    shell.clear();
    let line = "";
    const [begun, kept] = [performance.now(), page.symbols.length];
    try {
      for await (const symbol of inTurns(generator())) {
        if (mine !== turn) return;
        page.add(symbol);
        line += symbol.text;
        if (/\n$/.test(line) || line.length > 120) line = speak(line);
        if (!pending) pending = requestAnimationFrame(report);
      }
      state.status = "done";
      state.rate = 1000 * (page.symbols.length - kept) / (performance.now() - begun);
    } catch (error) {
      if (mine !== turn) return;
      Object.assign(state, { status: "failed", error: error.message });
      shell.fail(error);
    }
    speak(line);
    report();
  }

  function halt() {
    if (state.status !== "writing") return;
    turn += 1;
    state.status = "stopped";
    report();
  }

  function speak(line) {
    if (asked && line.trim()) log.append(h("p", {}, line));
    return "";
  }

  function report() {
    pending = 0;
    enable(ask.stop, state.status === "writing");
    const rated = page.symbols.filter(({ probability }) => probability !== undefined);
    const mean = rated.reduce((sum, { probability }) => sum + bits(probability), 0) / rated.length;
    status.textContent = !rated.length ? "" : [
      `${whole(rated.length)} ${UNITS[about.vocabulary.kind]}`, `${mean.toFixed(2)} bits each`,
      state.status === "stopped" ? "stopped" : null,
    ].filter(Boolean).join(" · ");
  }
}
