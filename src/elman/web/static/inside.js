// Look inside: what the units do while the network reads a text, where else one of them is
// active, and where the same ones are active as in a passage.

import { floats } from "./api.js";
import { architecture } from "./architecture.js";
import { passage, selectable } from "./coloured.js";
import { saveButtons } from "./download.js";
import { field, h, symbolAt, visible, whole } from "./dom.js";
import { followingPanel } from "./following.js";
import { heatmap } from "./heatmap.js";
import { legend, limitOf, palette, short } from "./palette.js";
import { isSigned, nameOf, sourceOf } from "./parts.js";
import { similarPanel } from "./similar.js";
import { startOf } from "./starts.js";

const ORDERS = { cluster: "similar ones together", variance: "most varying first", mean: "highest mean first", number: "by number" };
const EMPTY = "Type a text to see what the hidden units do while the network reads it.";
const STARTS = ["Rossi", "rossi", "the cat sees the dog", "elman"]; // of models that write none
const FIRST = 500; // symbols that the model writes for a start
const PAUSE = 350; // ms after the last key

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = {
    status: "empty", text: "", ids: null, layer: valued("layer", model.num_layers - 1),
    part: model.parts.includes(context.values.part) ? context.values.part : "hidden", order: "cluster",
    symbols: [], units: model.hidden_size, values: null, orders: null, palette: null,
    unit: valued("unit", null), sign: 1, range: null, passages: null, frames: null,
  };
  context.expose(state);
  if (state.layer >= model.num_layers) state.layer = 0;
  if (state.unit >= model.hidden_size) state.unit = null;
  const requests = {}; // the AbortController of each kind of request that runs

  // -- controls ----------------------------------------------------------------------

  const input = h("textarea", { rows: 2, maxlength: limits.states, spellcheck: "false" });
  const cut = h("p", { class: "note", hidden: true });
  const layers = select(Array.from({ length: model.num_layers }, (_, l) =>
    [l, model.num_layers === 1 ? "1" : `${l + 1} of ${model.num_layers}`]), state.layer);
  const parts = select(model.parts.map((part) => [part, nameOf(part)]), state.part);
  const orders = select(Object.entries(ORDERS), state.order);
  const scale = legend();
  const readout = h("p", { class: "note figure readout" });
  const map = heatmap({
    label: "Heat map of units by symbols. Arrow keys move, Enter chooses the unit.",
    hover: (cell) => read(cell), choose: ({ unit, step }) => choose(unit, step), signal,
  });
  state.frames = map.frames;
  const text = selectable({
    label: "The text, coloured by the chosen unit. Arrow keys move, with Shift they select.",
    select: (range) => mark(range), signal,
    hover: (step) => read(step === null || state.unit === null ? null
      : { step, unit: state.unit, value: value(step, state.unit) }),
  });

  const unitInput = h("input", {
    type: "number", min: 0, max: model.hidden_size - 1, class: "unit-input", "aria-label": "Unit",
    on: { change: () => {
      const unit = Number(unitInput.value);
      if (state.values && Number.isInteger(unit) && unit >= 0 && unit < state.units) choose(unit);
    } },
  });
  const signs = [["Highest", 1], ["Lowest", -1]].map(([name, sign]) => h("button", {
    type: "button", class: "quiet", on: { click: () => {
      state.sign = sign;
      if (state.values) findUnit();
    } },
  }, name));
  const found = h("ol", { class: "passages" });
  const foundNote = h("p", { class: "note" });

  const others = similarPanel({
    state, sourceOf, choose: (unit) => choose(unit),
    request: (body) => searched("similar", { ...given(), ...body }),
  });
  const following = followingPanel({
    sourceOf, fail: context.fail,
    request: (body) => searched("following", body),
    choose(unit, sign) {
      state.sign = sign;
      if (state.values) choose(unit);
    },
  });
  root.append(
    h("div", { class: "inside-head" },
      h("div", { class: "inside-text" }, field("Text", input), cut),
      h("div", { class: "row" },
        model.num_layers > 1 ? field("Layer", layers) : null, field("Part", parts),
        field("Units", orders))),
    h("section", { class: "card heat-card", "aria-label": "Heat map" },
      h("div", { class: "heat-head" }, readout, scale.element), map.element,
      saveButtons(model.name, () => state.values && { ...shown(), title: `${model.name}: ${nameOf(state.part)}` })),
    h("div", { class: "inside-columns" },
      h("section", { class: "unit-column" },
        h("div", { class: "column-head" }, h("h2", {}, "The text, coloured by unit"), unitInput,
          model.kind === "lm" ? h("button", { type: "button", class: "quiet", on: { click: () => state.unit !== null
            && context.open("write", { silent: { layer: state.layer, unit: state.unit } }) } }, "Write without it") : null),
        h("div", { class: "card text-card" }, text.element),
        others.element),
      h("section", {},
        h("div", { class: "column-head" }, h("h2", {}, "Where it is active"),
          h("div", { class: "buttons" }, signs)),
        foundNote, found, following.element)),
    architecture(model));

  input.addEventListener("input", () => {
    own = true;
    state.ids = null;
    cut.hidden = true;
    clearTimeout(requests.typing);
    requests.typing = setTimeout(ask, PAUSE);
  });
  layers.addEventListener("change", () => another({ layer: Number(layers.value) }));
  parts.addEventListener("change", () => another({ part: parts.value }));
  orders.addEventListener("change", () => {
    state.order = orders.value;
    draw();
  });
  context.on("theme", recolour);
  context.on("open", (data) => {
    requests.first?.abort();
    open(data);
    cut.hidden = data.text.length <= limits.states;
    cut.textContent = `The first ${whole(limits.states)} of ${whole(data.text.length)} characters.`;
  });
  signal.addEventListener("abort", () =>
    ["first", "states", "unit", "similar", "following"].forEach((kind) => requests[kind]?.abort()));
  let own = context.values.text !== undefined; // or it was chosen for this model
  showNothing(model.classes ? EMPTY : "The model writes a sample to start with.");
  if (context.values.text || model.classes) {
    input.value = context.values.text ?? startOf(model, STARTS);
    ask();
  } else first();

  /** A number of the address. */
  function valued(name, otherwise) {
    return /^\d+$/.test(context.values[name] ?? "") ? Number(context.values[name]) : otherwise;
  }

  function select(options, chosen) {
    return h("select", {}, options.map(([key, name]) =>
      h("option", { value: key, ...(key === chosen ? { selected: "" } : {}) }, name)));
  }

  // -- the text and its states -------------------------------------------------------

  /** A text to begin with: what the model writes itself. */
  async function first() {
    requests.first = new AbortController();
    const body = { model: model.name, length: model.tokens === "word" ? FIRST / 4 : FIRST,
      temperature: 0.7, seed: 1, prime: !model.lines && model.vocabulary.includes("\n") ? "\n" : "" };
    const written = [];
    try {
      for await (const { event, data } of api.events("api/sample", { body, signal: requests.first.signal })) {
        if (event === "error") throw new Error(data.error.message);
        if (event === "symbol") written.push(data);
      }
    } catch (error) {
      if (error.name === "AbortError") return; // another text has come
      showNothing();
      return context.fail(error);
    }
    if (input.value || document.activeElement === input) return; // somebody types
    const begin = Math.max(0, written.findIndex(({ text }) => text.trim() || !text));
    const shown = written.slice(begin, begin + limits.states);
    await open({ text: shown.map(({ text }) => text).join(""), ids: shown.map(({ id }) => id) });
  }

  /** Look at a text that was written, by the ids of its symbols. */
  function open({ text, ids }) {
    own = true;
    input.value = text.slice(0, limits.states);
    state.ids = text.length <= limits.states ? ids : null;
    return ask();
  }

  /** The text as an argument of a request: what was written as ids, what was typed as text. */
  function given(name = "text") {
    return state.ids ? { [`${name}_ids`]: state.ids } : { [name]: state.text };
  }

  /** Send a request that replaces the one of its kind before; null if it was replaced itself. */
  async function request(kind, body) {
    requests[kind]?.abort();
    const mine = requests[kind] = new AbortController();
    try {
      const { layer, part } = state;
      const answer = await api.post(`api/${kind}`, { model: model.name, layer, part, ...body },
        { signal: mine.signal });
      return mine === requests[kind] ? answer : null;
    } catch (error) {
      if (mine === requests[kind]) throw error;
      return null;
    }
  }

  /** What a request that runs would bring is not wanted any more. */
  function cancel(kind) {
    requests[kind]?.abort();
    requests[kind] = null;
  }

  async function ask() {
    requests.first?.abort();
    state.text = input.value;
    if (!state.text) return showNothing(EMPTY);
    state.status = "reading";
    let answer;
    try {
      answer = await request("states", given());
    } catch (error) {
      showNothing();
      state.status = "failed";
      return context.fail(error);
    }
    if (!answer) return;
    state.symbols = answer.symbols;
    state.values = floats(answer.values);
    state.orders = { ...answer.orders, number: Array.from({ length: state.units }, (_, u) => u) };
    state.range = null;
    state.similar = null;
    text.set(state.symbols);
    recolour();
    others.show();
    state.status = "ready";
    choose(state.unit ?? state.orders.variance[0]);
  }

  function another(change) {
    Object.assign(state, change);
    if (state.text) ask();
  }

  const value = (step, unit) => state.values[step * state.units + unit];

  function recolour() {
    if (!state.values) return;
    const colours = state.palette = palette(limitOf(state.part, state.values));
    scale.set(colours, isSigned(state.part));
    draw();
    colourText();
    showUnit();
    others.show();
  }

  function draw() {
    if (!state.values) return;
    map.set(shown());
    map.mark({ unit: state.unit, range: state.range });
  }

  const shown = () => ({
    symbols: state.symbols, values: state.values, units: state.units,
    order: state.orders[state.order], palette: state.palette, wide: model.tokens === "word",
  });

  function colourText() {
    if (state.unit === null) return;
    text.colour(state.symbols.map((_, t) => value(t, state.unit)), state.palette);
    text.mark(state.range);
  }

  function showNothing(why = "") {
    ["states", "unit", "similar"].forEach(cancel);
    others.stop();
    Object.assign(state, {
      status: "empty", symbols: [], values: null, range: null, passages: null, similar: null,
    });
    readout.textContent = why;
    foundNote.textContent = "";
    map.clear();
    text.set([]);
    showUnit();
    others.show();
  }

  function read(cell) {
    state.at = cell;
    readout.replaceChildren(...(cell ? [
      h("span", { class: "mono" }, `…${visible(state.symbols.slice(Math.max(0, cell.step - 16), cell.step).join(""))}`),
      h("strong", { class: "mono" }, symbolAt(state.symbols, cell.step)),
      h("span", {}, `  unit ${cell.unit}  `), h("strong", {}, short(cell.value, 3)),
    ] : [`${whole(state.symbols.length)} symbols × ${whole(state.units)} units · ${nameOf(state.part)}. Click a unit to follow it.`]));
    if (cell && document.activeElement === map.scroller) context.say(map.describe(cell));
  }

  // -- one unit ----------------------------------------------------------------------

  function choose(unit, step = null) {
    state.unit = unit;
    unitInput.value = unit;
    // A text that the model wrote itself is not in the address: it writes the same again. Nor is
    // one that was chosen for it.
    const { layer, part } = state;
    context.keep({ ...(state.ids || !own ? {} : { text: state.text }), layer, part, unit });
    if (step === null) map.reveal({ row: state.orders[state.order].indexOf(unit) });
    map.mark({ unit, range: state.range });
    colourText();
    read(null);
    findUnit();
  }

  async function findUnit() {
    signs.forEach((button, i) => button.setAttribute("aria-pressed", state.sign === [1, -1][i]));
    state.passages = null;
    found.classList.add("waiting");
    try {
      const answer = await searched("unit", { unit: state.unit, sign: state.sign });
      if (!answer) return;
      state.passages = answer;
      foundNote.textContent = `Searched: the first ${whole(answer.searched)} symbols of ${sourceOf(answer)} ${answer.why ?? ""}`;
    } catch (error) {
      return context.fail(error);
    }
    showUnit();
  }

  /** The answer of a request that searches the training text; without one, the text that is read
   * here, and `why`. */
  async function searched(kind, body) {
    try {
      return await request(kind, body);
    } catch (error) {
      if (error.status !== 422) throw error;
      const answer = await request(kind, { ...body, ...given("corpus") });
      return answer && { ...answer, why: error.message };
    }
  }

  function showUnit() {
    found.classList.remove("waiting");
    found.replaceChildren(...(state.passages?.passages ?? []).map(({ symbols, values, peak }) =>
      h("li", {}, h("span", { class: "figure note" }, short(values[peak])),
        passage(symbols, values, state.palette, [peak, peak + 1]))));
  }

  // -- one passage -------------------------------------------------------------------

  function mark(range) {
    if (String(range) === String(state.range)) return;
    state.range = range;
    text.mark(range);
    map.mark({ unit: state.unit, range });
    if (range) map.reveal({ step: range[0], row: state.orders[state.order].indexOf(state.unit) });
    others.find();
  }
}
