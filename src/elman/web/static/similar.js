// Where else the units are as in a selected passage: active on all of it, or unlike around it.

import { passage } from "./coloured.js";
import { h, visible, whole } from "./dom.js";

const PAUSE = 350; // ms after the last change
const MOST = 24; // units that are listed

/** `state` has `symbols`, the selected `range`, and gets `threshold`, `contrast` and the answer,
 * `similar`. `request(body)` gives the answer of POST /api/similar, null if a newer one has
 * replaced it. */
export function similarPanel({ state, request, choose, sourceOf }) {
  Object.assign(state, { threshold: 0.3, contrast: false, similar: null });
  let timer = null;
  const threshold = h("input", {
    type: "range", min: 0.05, max: 0.95, step: 0.05, value: state.threshold,
    on: { input: () => {
      state.threshold = Number(threshold.value);
      thresholdValue.textContent = state.threshold.toFixed(2);
      find();
    } },
  });
  const thresholdValue = h("output", { class: "figure" }, state.threshold.toFixed(2));
  const common = h("select", { "aria-label": "What they have in common", on: { change: () => {
    state.contrast = common.value === "contrast";
    find();
  } } }, h("option", { value: "active" }, "the same active units"),
  h("option", { value: "contrast" }, "the same contrast to their surroundings"));
  const shared = h("p", { class: "chips" });
  const list = h("ol", { class: "passages" });
  const note = h("p", { class: "note" });
  const element = h("section", { class: "similar-section" },
    h("div", { class: "column-head" }, h("h2", {}, "Passages with"), common,
      h("label", { class: "slider-label note" }, "Threshold ", threshold, thresholdValue)),
    note, shared, list);

  /** Ask once nothing has changed for a moment. */
  function find() {
    stop();
    timer = setTimeout(ask, PAUSE);
  }

  function stop() {
    clearTimeout(timer);
  }

  async function ask() {
    state.similar = null;
    show();
    if (!state.range) return;
    const [start, end] = state.range;
    const { threshold, contrast } = state;
    try {
      const answer = await request({ start, end, threshold, contrast });
      if (!answer) return;
      state.similar = answer;
      show();
    } catch (error) {
      if (error.name === "AbortError") return;
      note.textContent = error.message;
    }
  }

  function show() {
    const { similar: answer, range } = state;
    if (!answer) {
      note.replaceChildren(range ? "Looking …"
        : "Select a passage in the text: with the pointer, or with Shift and the arrow keys.");
      shared.replaceChildren();
      return list.replaceChildren();
    }
    const n = answer.units.length;
    note.replaceChildren(
      h("span", { class: "mono quoted" }, visible(state.symbols.slice(...range).join(""))), " ",
      inWords(answer), n ? ` Searched: ${whole(answer.searched)} symbols of ${sourceOf(answer)}` : "");
    shared.replaceChildren(...answer.units.slice(0, MOST).map((unit, i) => h("button", {
      type: "button", class: "chip figure", on: { click: () => choose(unit) },
      vars: { "--sign": answer.signs[i] > 0 ? "var(--positive)" : "var(--negative)" },
      "aria-label": `Unit ${unit}, ${answer.signs[i] > 0 ? "positive" : "negative"}`,
    }, unit)), n > MOST ? h("span", { class: "note" }, `and ${whole(n - MOST)} more`) : "");
    list.replaceChildren(...answer.passages.map(({ symbols, start, end, shared: units }) =>
      h("li", {}, h("span", { class: "figure note" }, `${units.length} of ${n}`),
        passage(symbols, null, null, [start, end]))));
  }

  function inWords({ units, exclusive }) {
    const many = `${whole(units.length)} ${units.length === 1 ? "unit is" : "units are"}`;
    if (state.contrast) {
      return units.length ? `${many} higher or lower here than around it.`
        : "has no unit that differs from what surrounds it. Lower the threshold.";
    }
    if (!units.length) return "has no unit that is active throughout. Lower the threshold or select less.";
    return `${many} active throughout `
      + (exclusive ? "the selection but not on both sides of it." : "the selection, but also just outside it.");
  }

  return { element, find, show, stop };
}
