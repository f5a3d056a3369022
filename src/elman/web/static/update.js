// The end of the story: W ← W − η·∂L/∂W, as often as one likes, and the loss after each.

import { h, percent, visible } from "./dom.js";
import { formula } from "./panels.js";

const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const MOST = 50; // updates

/** `state` has {untrained, rate, updates}; `changed()` asks for the numbers anew. */
export function updatePanel(state, changed) {
  const set = (change) => {
    Object.assign(state, change);
    changed();
  };
  const rate = h("input", { type: "range", min: 0, max: RATES.length - 1, step: 1,
    value: RATES.indexOf(state.rate), "aria-label": "Learning rate η",
    on: { input: () => {
      eta.textContent = `η = ${RATES[rate.value]}`;
      set({ rate: RATES[rate.value] });
    } } });
  const eta = h("output", { class: "figure" }, `η = ${state.rate}`);
  const update = h("button", { type: "button", class: "primary",
    on: { click: () => set({ updates: Math.min(MOST, state.updates + 1) }) } }, "Update the weights");
  const reset = h("button", { type: "button", on: { click: () => set({ updates: 0 }) } }, "Start over");
  const which = h("select", { "aria-label": "Weights", on: { change: () =>
    set({ untrained: which.value === "before", updates: 0 }) } },
    h("option", { value: "after" }, "as trained"), h("option", { value: "before" }, "before training"));
  let [shown, other] = [null, null];
  const table = h("table", { class: "numbers-table figure updates-table" });
  const element = h("section", { class: "card update-card", "aria-label": "Update" },
    h("div", { class: "update-head" },
      h("p", { class: "update-rule" }, formula("W ← W − η·∂L/∂W")),
      h("div", { class: "slider" }, rate, eta),
      h("div", { class: "buttons" }, update, reset),
      h("label", { class: "note" }, "Weights ", which)),
    h("p", { class: "note" }, "Every weight moves a little against its gradient. Then the same text is read again: "
      + "the probability of each next symbol, and the loss L, before and after."),
    h("div", { class: "updates-box", tabIndex: 0, role: "region", "aria-label": "The loss after each update" }, table));

  /** What other weights make of the same text: a row of its own, beside those of these. */
  function beside(data, untrained) {
    other = data && { name: untrained ? "before training" : "as trained", ...data.updates[0] };
    show(shown);
  }

  function show(data) {
    shown = data;
    const first = data.updates[0].loss;
    const targets = Array.from({ length: data.steps }, (_, t) => visible(data.text[data.start + t + 1]));
    table.replaceChildren(
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "updates"),
        targets.map((symbol) => h("th", { scope: "col", class: "mono" }, `p(${symbol})`)),
        h("th", { scope: "col" }, "L"))),
      h("tbody", {}, [...(other ? [other] : []), ...data.updates].map(({ loss, p, name }, n) => h("tr", {},
        h("th", { scope: "row" }, name ?? n - (other ? 1 : 0)),
        p.map((share) => h("td", { class: "share", vars: { "--share": share.toFixed(4) } }, percent(share))),
        h("td", { class: loss > first && !name ? "strong worse" : "strong" }, loss.toFixed(3))))));
  }

  return { element, show, beside, focus: () => update.focus() };
}
