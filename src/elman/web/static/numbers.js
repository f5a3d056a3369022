// Follow the numbers: a few steps of the network unrolled. Forward a symbol at a time, then
// backward an edge at a time, every number that of the model.

import { field, h, refill, spoken, visible } from "./dom.js";
import { movesOf } from "./equations.js";
import { graph } from "./graph.js";
import { figure } from "./notation.js";
import { formula, outerProduct, product, vectors, workedProduct } from "./panels.js";
import { legend, palette } from "./palette.js";
import { scrolling } from "./scroll.js";
import { sumsSoFar, weightFigures } from "./weights.js";

const PAUSE = 350; // ms after the last key
const STARTS = ["hello world", "elman", "abba"];
const SMALL = 24; // units: such a model is shown whole

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = {
    status: "empty", text: "", from: 0, steps: 4, data: null, moves: [], position: -1, part: 0,
    gate: null, row: 0, sums: null,
  };
  context.expose(state);
  let request = null; // the AbortController of the request that runs
  let timer = 0;
  let scales = {};

  const input = h("input", { type: "text", maxlength: limits.steps, spellcheck: "false", autocapitalize: "off", autocomplete: "off", class: "mono" });
  const count = h("select", {}, [2, 3, 4, 5, 6, 8, 12, 16].map((n) =>
    h("option", { value: n, ...(n === state.steps ? { selected: "" } : {}) }, n)));
  const strip = h("div", { class: "window-strip mono", role: "group", "aria-label": "First step" });
  const back = h("button", { type: "button", "aria-keyshortcuts": "ArrowLeft", on: { click: () => go(state.position - 1) } }, "← Undo");
  const next = h("button", { type: "button", class: "primary", "aria-keyshortcuts": "ArrowRight", on: { click: () => go(state.position + 1) } });
  const slider = h("input", { type: "range", min: 0, max: 1, value: 0, class: "story", "aria-label": "Place in the story",
    on: { input: () => go(Number(slider.value) - 1) } });
  const phase = h("p", { class: "phase" });
  const title = h("p", { class: "move-title", role: "status", "aria-live": "polite" });
  const picture = graph({ choose: (mark) => chooseMark(mark) });
  const box = h("div", { class: "graph-box", tabIndex: -1 }, picture.element);
  const legends = { value: legend(), gradient: legend() };
  const tabs = h("div", { class: "part-tabs", role: "group", "aria-label": "What to show of this move" });
  const gates = h("div", { class: "part-tabs", role: "group", "aria-label": "Gate" });
  const equation = h("p", { class: "equation" });
  const worked = h("p", { class: "worked figure" });
  const numbers = h("div", { class: "numbers-box", tabIndex: 0, role: "region", "aria-label": "The numbers; up and down choose the row that is worked out" });
  const frames = { strip: scrolling(strip, signal), graph: scrolling(box, signal), numbers: scrolling(numbers, signal) };
  const cut = h("p", { class: "note" });
  const weights = h("div", { class: "weights" });

  // Hidden until there are numbers to show, so that nothing moves when they arrive.
  const cards = [
    h("section", { class: "card graph-card", "aria-label": "The unrolled network" },
      h("div", { class: "graph-head" },
        h("div", { class: "buttons" }, back, next), slider, h("div", { class: "graph-words" }, phase, title)),
      frames.graph, h("div", { class: "graph-foot" },
        h("span", { class: "note grow" }, "Click a node or an edge for its numbers. ",
          h("span", { class: "keyboard-hint" }, "Keys: ← → along the story, ↑ ↓ and Enter in the graph, ↑ ↓ in the table.")),
        h("span", { class: "note" }, "states"), legends.value.element,
        h("span", { class: "note" }, "gradients, below"), legends.gradient.element)),
    h("div", { class: "numbers-columns" },
      h("section", { class: "card move-card", "aria-label": "This move" }, h("div", { class: "part-row" }, tabs, gates), equation, worked, frames.numbers, cut),
      h("section", { "aria-label": "Weights" }, h("h2", { class: "weights-title" }, "Weights, and their gradient so far"), weights))];
  for (const card of cards) card.hidden = true;
  root.append(
    h("div", { class: "numbers-head" }, field("Text", input), field("Steps", count),
      h("div", { class: "field window-field" }, h("span", { class: "label" }, "First step"), frames.strip)),
    ...cards);

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE, 0);
  });
  count.addEventListener("change", () => {
    state.steps = Number(count.value);
    ask(state.from);
  });
  root.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (!(event.key in moves) || event.target.matches("input, select, textarea")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === numbers && numbers.scrollWidth > numbers.clientWidth) return; // sideways in the table
    event.preventDefault();
    go(event.shiftKey ? nextStep(moves[event.key]) : state.position + moves[event.key]);
  });
  numbers.addEventListener("keydown", (event) => {
    const direction = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rows = numbers.querySelectorAll("[data-row]").length;
    if (!direction || !rows || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    pick(Math.max(0, Math.min(rows - 1, state.row + direction)));
    reveal();
    context.say(worked.textContent);
  });
  context.on("theme", () => state.data && redraw());
  context.on("open", (data) => {
    input.value = data.text.slice(0, limits.steps);
    ask(0);
  });
  signal.addEventListener("abort", () => request?.abort());
  input.value = startOf(model);
  ask(0);

  // -- the data ----------------------------------------------------------------------

  async function ask(from) {
    clearTimeout(timer); // what was typed is asked for now
    request?.abort();
    const mine = request = new AbortController();
    Object.assign(state, { status: "reading", text: input.value });
    const body = {
      model: model.name, text: input.value, from, steps: state.steps,
      units: model.hidden_size <= SMALL ? 128 : 16,
    };
    try {
      const data = await api.post("api/steps", body, { signal: mine.signal });
      if (mine !== request) return;
      Object.assign(state, { data, from, moves: movesOf(data), status: "ready", position: -1, row: 0, part: 0 });
    } catch (error) {
      if (mine !== request) return;
      state.status = "failed";
      return context.fail(error);
    }
    slider.max = state.moves.length;
    for (const card of cards) card.hidden = false;
    redraw();
    go(0);
  }

  /** The palette of a kind of vector: all of a kind share one, so that they can be compared. */
  function scaleOf(kind) {
    const layers = (f) => state.data.forward.flatMap((step, t) => step.layers.flatMap((layer, l) => f(layer, state.data.backward[t].layers[l])));
    const lists = {
      value: () => layers((layer) => layer.hidden), cell: () => layers((layer) => layer.cell ?? []),
      gate: () => [1], embedding: () => state.data.forward.flatMap((step) => step.embedding), logits: () => state.data.forward.flatMap((step) => step.logits),
      gradient: () => layers((_, edges) => edges.hidden), dlogits: () => [1],
    };
    return scales[kind] ??= palette(kind === "value" && state.data.activation === "tanh" ? 1 : most(lists[kind]()));
  }

  function redraw() {
    scales = {};
    picture.set(state.data, scaleOf);
    for (const kind of ["value", "gradient"]) legends[kind].set(scaleOf(kind), true);
    refill(strip, state.data.text.slice(0, -1).map((symbol, i) => h("button", {
      type: "button", "aria-pressed": i >= state.from && i < state.from + state.data.steps,
      "aria-label": `From symbol ${i + 1}, ${spoken(symbol)}`, on: { click: () => ask(i) },
    }, visible(symbol))), h("span", { class: "after" }, visible(state.data.text.at(-1))));
    frames.strip.look();
    const { units, hidden_size: all, symbols, vocabulary_size: V } = state.data;
    cut.textContent = units.length < all || symbols.length < V
      ? `Shown: ${units.length} of ${all} units, ${symbols.length} of ${V} symbols. Sums and norms are over all.` : "";
    show();
  }

  // -- the story ---------------------------------------------------------------------

  function go(position) {
    const to = Math.max(-1, Math.min(state.moves.length - 1, position));
    if (to === state.position) return;
    Object.assign(state, { position: to, part: 0 });
    show();
  }

  /** The first move of the next step, or of the one before. */
  function nextStep(direction) {
    const here = state.moves[state.position];
    const same = (move) => move && here && move.t === here.t && move.phase === here.phase;
    let to = state.position + direction;
    while (same(state.moves[to])) to += direction;
    return to;
  }

  function chooseMark(mark) {
    const { moves, position } = state;
    const going = moves[position]?.phase === "backward" ? ["backward", "forward"] : ["forward", "backward"];
    for (const wanted of going) {
      const found = moves.findIndex((move) => move.phase === wanted && move.marks.includes(mark));
      if (found < 0) continue;
      go(found);
      const part = partOf(mark, moves[found]);
      if (part > 0) choosePart(part);
      return;
    }
  }

  /** Which of the tables of a move belongs to a node or an edge. */
  function partOf(mark, move) {
    if (move.phase === "backward") return 0;
    const layer = mark.split(".")[1] ?? "0";
    const id = mark.startsWith("hh") ? `product${layer}` : /^h\d/.test(mark) ? `h${layer}`
      : mark.startsWith("xh") ? (move.parts.some((part) => part.id === `gates${layer}`) ? `gates${layer}` : `h${layer}`)
      : /^(y|hy)\d/.test(mark) ? "y" : /^(p|yp|loss)/.test(mark) ? "p" : "h0";
    return move.parts.findIndex((part) => part.id === id);
  }

  function choosePart(part) {
    state.part = part;
    show();
  }

  function show() {
    const { moves, position, data } = state;
    const move = state.move = moves[position] ?? null;
    const following = moves[position + 1];
    picture.show(moves, position);
    // Not `disabled`: that would take the focus away, and with it the arrow keys.
    back.setAttribute("aria-disabled", position < 0);
    next.setAttribute("aria-disabled", !following);
    next.textContent = !following ? "All have arrived" : following.phase === "forward"
      ? `Read ${visible(data.text[data.start + following.t])} →`
      : move?.phase === "forward" ? "Turn back →" : "Next edge →";
    slider.value = position + 1;
    phase.textContent = !move ? "Before the first step"
      : `${move.phase === "forward" ? "Forward" : "Backward"}, step ${move.t + 1} of ${data.steps}`
        + (move.layer !== null && data.layers > 1 ? `, layer ${move.layer + 1}` : "");
    title.replaceChildren(...formula(move?.title ?? "The state that enters is on the left."));
    state.sums = sumsSoFar(data, moves.slice(0, position + 1));
    showPart(move);
    weights.replaceChildren(...weightFigures(data, state.sums, move, cached));
    for (const frame of Object.values(frames)) frame.look();
    if (move) follow(move.t);
  }

  /** Scroll the graph sideways to the step. */
  function follow(t) {
    const left = picture.middle(t) - box.clientWidth / 2;
    box.scrollTo({ left: Math.max(0, left), behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  function showPart(move) {
    const parts = move?.parts ?? [];
    refill(tabs, parts.map(({ name }, i) => h("button", {
      type: "button", class: "quiet", "aria-pressed": i === state.part, on: { click: () => choosePart(i) },
    }, formula(name))));
    const chosen = parts[state.part];
    const letters = chosen?.gates ?? [];
    if (!letters.includes(state.gate)) state.gate = letters[0] ?? null;
    refill(gates, letters.map((letter) => h("button", {
      type: "button", class: "quiet mono", "aria-pressed": letter === state.gate, on: { click: () => {
        state.gate = letter;
        show();
      } },
    }, letter)));
    if (!chosen) {
      state.shown = null;
      equation.replaceChildren();
      worked.replaceChildren();
      return numbers.replaceChildren();
    }
    const part = state.shown = chosen.by ? { ...chosen, ...chosen.by(state.gate ?? state.data.gates[0]) } : chosen;
    equation.replaceChildren(...part.equation.split("      ").map((one) => h("span", {}, formula(one))));
    const kinds = { table: vectors, product, outer: outerProduct };
    numbers.replaceChildren(kinds[part.kind](part, cached, pick));
    const rows = part.kind === "outer" ? 0 : part.rows.length;
    worked.hidden = rows === 0;
    if (!rows) return;
    const row = part.first >= 0 ? part.first : Math.min(state.row, rows - 1);
    pick(row);
    reveal();
  }

  /** Scroll to the row that is worked out. */
  function reveal() {
    const line = numbers.querySelector(`[data-row="${state.row}"]`);
    const space = numbers.clientHeight;
    numbers.scrollTop = line.offsetTop + line.offsetHeight > space ? line.offsetTop - space / 2 : 0;
  }

  const palettes = new Map();
  function cached(list) {
    const limit = most(list);
    const key = `${limit} ${document.documentElement.dataset.theme ?? ""} ${matchMedia("(prefers-color-scheme: dark)").matches}`;
    if (!palettes.has(key)) palettes.set(key, palette(limit));
    return palettes.get(key);
  }

  function pick(row) {
    state.row = row;
    const part = state.shown;
    for (const line of numbers.querySelectorAll("[data-row]")) line.classList.toggle("picked", Number(line.dataset.row) === row);
    worked.replaceChildren(...formula(part.kind === "product" ? workedProduct(part, row) : `${part.of} ${part.rows[row]}:  ${part.work(row)}`));
  }
}

/** A text to begin with: some that the model can read. */
function startOf({ vocabulary, tokens }) {
  const letters = tokens === "word" ? /^ ?\p{L}{2,}$/u : /^\p{L}$/u;
  const found = vocabulary.filter((symbol) => letters.test(symbol));
  // Words of older models take the space before them along.
  const between = tokens === "word" && !found.some((symbol) => symbol.startsWith(" ")) ? " " : "";
  const few = (found.length > 2 ? found : vocabulary.filter((symbol) => symbol.trim())).slice(0, 6).join(between);
  return tokens === "word" ? few : STARTS.find((text) => [...text].every((c) => vocabulary.includes(c))) ?? few;
}

function most(values) {
  return values.reduce((size, value) => Math.max(size, Math.abs(value)), 0) || 1;
}
