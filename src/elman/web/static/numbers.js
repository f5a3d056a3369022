// Follow the numbers: a few steps of the network unrolled. Forward a symbol at a time, then
// backward an edge at a time, every number that of the model.

import { enable, field, h, refill, spoken, visible } from "./dom.js";
import { movesOf } from "./equations.js";
import { graph } from "./graph.js";
import { figure } from "./notation.js";
import { formula, outerProduct, product, vectors, workedProduct } from "./panels.js";
import { legend, palette } from "./palette.js";
import { scrolling } from "./scroll.js";
import { startOf } from "./starts.js";
import { updatePanel } from "./update.js";
import { sumsSoFar, weightFigures } from "./weights.js";

const PAUSE = 350; // ms after the last key
const PACE = 1600; // ms of a move that is played
const STARTS = ["hello world", "elman", "abba"];
const SMALL = 24; // units: such a model is shown whole

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = {
    status: "empty", text: "", from: 0, steps: Number(context.values.steps) || 4, data: null, moves: [], position: -1, part: 0,
    gate: null, row: 0, sums: null, untrained: false, rate: 0.1, updates: 0,
  };
  context.expose(state);
  let request = null; // the AbortController of the request that runs
  let compared = ""; // what was asked of the other weights
  let timer = 0;
  let player = 0;
  let scales = {};

  const input = h("input", { type: "text", maxlength: limits.steps, spellcheck: "false", autocapitalize: "off", autocomplete: "off", class: "mono" });
  const count = h("select", {}, [2, 3, 4, 5, 6, 8, 12, 16].map((n) =>
    h("option", { value: n, ...(n === state.steps ? { selected: "" } : {}) }, n)));
  const strip = h("div", { class: "window-strip mono", role: "group", "aria-label": "First step" });
  const back = h("button", { type: "button", "aria-keyshortcuts": "ArrowLeft", on: { click: () => go(state.position - 1) } }, "← Undo");
  const next = h("button", { type: "button", class: "primary", "aria-keyshortcuts": "ArrowRight", on: { click: forth } });
  const play = h("button", { type: "button", on: { click: () => playing(!player) } }, "Play");
  const slider = h("input", { type: "range", min: 0, max: 1, value: 0, class: "story", "aria-label": "Position in the walk-through",
    on: { input: () => go(Number(slider.value) - 1) } });
  const phase = h("p", { class: "phase" });
  const title = h("p", { class: "move-title", role: "status", "aria-live": "polite" });
  const picture = graph({ choose: (mark) => chooseMark(mark) });
  const box = h("div", { class: "graph-box", tabIndex: -1 }, picture.element);
  const legends = { value: legend(), gradient: legend() };
  const tabs = h("div", { class: "part-tabs", role: "group", "aria-label": "What to show for this step" });
  const gates = h("div", { class: "part-tabs", role: "group", "aria-label": "Gate" });
  const equation = h("p", { class: "equation" });
  const worked = h("p", { class: "worked figure" });
  const numbers = h("div", { class: "numbers-box", tabIndex: 0, role: "region", "aria-label": "The numbers; the up and down keys choose the row that is worked out" });
  const frames = { strip: scrolling(strip, signal), graph: scrolling(box, signal), numbers: scrolling(numbers, signal) };
  const cut = h("p", { class: "note" });
  const weights = h("div", { class: "weights" });

  // Hidden until there are numbers to show, so that nothing moves when they arrive.
  const cards = [
    h("div", { class: "numbers-main" },
      h("section", { class: "card graph-card", "aria-label": "The unrolled network" },
        h("div", { class: "graph-head" },
          h("div", { class: "buttons" }, back, next, play), slider, h("div", { class: "graph-words" }, phase, title)),
        frames.graph,
        h("p", { class: "note" }, "The bars at the foot are the size of the gradient at each hidden state: from all losses, "
          + "and from the last loss alone. Where the second fades, the network cannot learn what it read so far back: "
          + "the gradient has vanished."),
        h("div", { class: "graph-foot" },
          h("span", { class: "note grow" }, "Click a node or an edge for its numbers. ",
            h("span", { class: "keyboard-hint" }, "Keys: ← → previous and next step, ↑ ↓ and Enter in the graph, ↑ ↓ in the table.")),
          h("span", { class: "note" }, "states"), legends.value.element,
          h("span", { class: "note" }, "gradients, below"), legends.gradient.element)),
      h("section", { class: "card move-card", "aria-label": "This step" },
        h("div", { class: "part-row" }, tabs, gates), equation, worked, frames.numbers, cut)),
    h("section", { "aria-label": "Weights" },
      h("h2", { class: "weights-title" }, "Weights and their gradients so far"), weights)];
  const update = updatePanel(state, () => ask(state.from, true));
  cards.push(update.element);
  for (const card of cards) card.hidden = true;
  root.append(
    h("div", { class: "numbers-head" }, field("Text", input), field("Steps", count),
      h("div", { class: "field window-field" }, h("span", { class: "label" }, "First step"), frames.strip)),
    ...cards);

  input.addEventListener("input", () => {
    own = true;
    state.updates = 0;
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
    own = true;
    input.value = data.text.slice(0, limits.steps);
    ask(0);
  });
  context.on("hide", () => playing(false));
  signal.addEventListener("abort", () => {
    request?.abort();
    playing(false);
  });
  let own = context.values.text !== undefined; // or it was chosen for this model
  input.value = context.values.text ?? startOf(model, STARTS);
  ask(Number(context.values.from) || 0);

  // -- the data ----------------------------------------------------------------------

  /** Ask for the numbers; `stay` where the story is, for they are those of the same steps. */
  async function ask(from, stay = false) {
    clearTimeout(timer); // what was typed is asked for now
    request?.abort();
    const mine = request = new AbortController();
    Object.assign(state, { status: "reading", text: input.value });
    const body = {
      model: model.name, text: input.value, from, steps: state.steps,
      units: model.hidden_size <= SMALL ? 128 : 16,
      untrained: state.untrained, rate: state.rate, updates: state.updates,
    };
    try {
      const data = await api.post("api/steps", body, { signal: mine.signal });
      if (mine !== request) return;
      Object.assign(state, { data, from, moves: movesOf(data), status: "ready" });
      if (!stay) Object.assign(state, { position: -1, row: 0, part: 0 });
    } catch (error) {
      if (mine !== request) return;
      state.status = "failed";
      for (const card of cards) card.hidden = true; // they are of another text
      return context.fail(error);
    }
    context.keep({ ...(own ? { text: state.text } : {}), from, steps: state.steps });
    slider.max = state.moves.length;
    for (const card of cards) card.hidden = false;
    update.show(state.data);
    redraw();
    if (!stay) go(0);
    compare({ ...body, untrained: !body.untrained, updates: 0 }, mine);
  }

  /** The loss of the other weights, as trained or before, beside that of these. */
  async function compare(body, mine) {
    const wanted = JSON.stringify(body);
    if (wanted === compared) return;
    compared = wanted;
    update.beside(null);
    try {
      const other = await api.post("api/steps", body, { signal: mine.signal });
      if (mine === request) update.beside(other, body.untrained);
    } catch {
      compared = ""; // another request came first, or nobody knows the first weights
    }
  }

  /** The palette of a kind of vector: all of a kind share one, so that they can be compared. */
  function scaleOf(kind) {
    const layers = (f) => state.data.forward.flatMap((step, t) => step.layers.flatMap((layer, l) => f(layer, state.data.backward[t].layers[l])));
    const lists = {
      value: () => layers((layer) => layer.hidden), cell: () => layers((layer) => layer.cell ?? []),
      gate: () => [1], embedding: () => state.data.forward.flatMap((step) => step.embedding), logits: () => state.data.forward.flatMap((step) => step.logits),
      gradient: () => layers((_, edges) => edges.hidden),
      dlogits: () => state.data.backward.flatMap((step) => step.logits),
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
      ? `Showing ${units.length} of ${all} units and ${symbols.length} of ${V} symbols; sums and norms include all of them.` : "";
    show();
  }

  // -- the story ---------------------------------------------------------------------

  function go(position) {
    const to = Math.max(-1, Math.min(state.moves.length - 1, position));
    if (to === state.position) return;
    Object.assign(state, { position: to, part: 0 });
    show();
  }

  /** One move on; behind the last comes the update. */
  function forth() {
    if (moveLeft()) return go(state.position + 1);
    update.element.scrollIntoView({ block: "nearest" });
    update.focus();
  }

  const moveLeft = () => state.position + 1 < state.moves.length;

  function playing(on) {
    clearInterval(player);
    player = on ? setInterval(() => (moveLeft() ? go(state.position + 1) : playing(false)), PACE) : 0;
    play.textContent = on ? "Pause" : "Play";
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
    enable(play, Boolean(following));
    next.textContent = !following ? "Update the weights ↓" : following.phase === "forward"
      ? `Read ${visible(data.text[data.start + following.t])} →`
      : move?.phase === "forward" ? "Turn back →" : "Next edge →";
    slider.value = position + 1;
    phase.textContent = !move ? "Before the first step"
      : `${move.phase === "forward" ? "Forward" : "Backward"}, step ${move.t + 1} of ${data.steps}`
        + (move.layer !== null && data.layers > 1 ? `, layer ${move.layer + 1}` : "");
    title.replaceChildren(...formula(move?.title ?? "The incoming state is on the left."));
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
  /** The palette of a list of numbers: what the graph shows has the same colours there. */
  function cached(list, name = "") {
    const kind = kindOf(name);
    if (kind) return scaleOf(kind);
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

/** What a column of a table holds, by its name; null for what the graph does not show. */
function kindOf(name) {
  const kinds = [["dlogits", /^∂L\/∂y/], ["gradient", /^(∂L\/∂h|from )/], ["value", /^h_/], ["cell", /^c_\{/],
    ["logits", /^y_/], ["gate", /^([ifgorzn]$|p_|onehot|target)/]];
  return kinds.find(([, pattern]) => pattern.test(name))?.[0] ?? null;
}

function most(values) {
  return values.reduce((size, value) => Math.max(size, Math.abs(value)), 0) || 1;
}
