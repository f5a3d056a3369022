// Classifiers: the class probabilities after every character that is typed.

import { field, h, percent, visible } from "./dom.js";

const UNKNOWN = "<unk>"; // how the server calls a symbol that the model never saw

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = { text: "", answer: null, column: null };
  context.expose(state);
  let request = null; // the AbortController of the request that runs

  const input = h("input", {
    type: "text", maxlength: limits.classify, spellcheck: "false", autocomplete: "off",
    autocapitalize: "off", class: "classify-text",
  });
  const verdict = h("p", { class: "verdict", role: "status", "aria-live": "polite" });
  const table = h("table", { class: "prefixes" });
  const note = h("p", { class: "note" });
  const card = h("div", { class: "card prefixes-card", tabIndex: 0, role: "region",
    "aria-label": "Probability of every class after every prefix" }, table);
  root.append(
    h("div", { class: "classify-head" }, field("Text", input), verdict), card, note);
  input.addEventListener("input", ask);
  context.on("show", () => input.focus({ preventScroll: true }));
  signal.addEventListener("abort", () => request?.abort());
  const rows = model.classes.map(row);
  const symbols = h("tr", {});
  table.append(
    h("caption", { class: "hidden" }, "Probability of every class after every prefix"),
    h("thead", {}, symbols), h("tbody", {}, rows.map(({ element }) => element)));
  draw();

  function row(name) {
    const bar = h("span", { class: "bar" });
    const figure = h("span", { class: "figure" });
    const element = h("tr", {}, h("th", { scope: "row" }, name),
      h("td", { class: "now" }, h("span", { class: "now-bar" }, bar, figure)));
    return { element, bar, figure };
  }

  async function ask() {
    request?.abort();
    const mine = request = new AbortController();
    state.text = input.value;
    state.column = null;
    if (state.text === "") {
      state.answer = null;
      return draw();
    }
    try {
      const answer = await api.post("api/classify", { model: model.name, text: state.text },
        { signal: mine.signal });
      if (mine !== request) return;
      state.answer = answer;
      draw();
    } catch (error) {
      if (mine === request) context.fail(error);
    }
  }

  function draw() {
    const { answer } = state;
    symbols.replaceChildren(
      h("th", { scope: "col" }, h("span", { class: "hidden" }, "Class")),
      h("th", { scope: "col", class: "now" }, h("span", { class: "hidden" }, "Probability")),
      ...(answer?.symbols ?? []).map((symbol, column) =>
        h("th", { scope: "col", "data-column": column,
          class: symbol === UNKNOWN ? "mono unknown" : "mono" },
        symbol === UNKNOWN ? "?" : visible(symbol))));
    rows.forEach(({ element }, number) => {
      element.querySelectorAll("td.prefix").forEach((cell) => cell.remove());
      element.append(...(answer?.probabilities ?? []).map((probabilities, column) => h("td", {
        class: "prefix", vars: { "--share": probabilities[number].toFixed(4) },
        "data-column": column, title: percent(probabilities[number]),
      }, h("span", { class: "hidden" }, percent(probabilities[number])))));
    });
    drawColumn();
    card.scrollLeft = card.scrollWidth; // where one types
    note.textContent = notes(answer);
  }

  /** The bars: after the whole text, or after the prefix that the pointer is at. */
  function drawColumn() {
    const { answer } = state;
    const column = state.column ?? (answer ? answer.symbols.length - 1 : null);
    const now = column === null ? null : answer.probabilities[column];
    const best = now ? now.indexOf(Math.max(...now)) : -1;
    rows.forEach(({ element, bar, figure }, number) => {
      bar.style.setProperty("--share", now ? now[number].toFixed(4) : 0);
      figure.textContent = now ? percent(now[number]) : "";
      element.classList.toggle("best", number === best);
    });
    for (const cell of table.querySelectorAll("[data-column]")) {
      cell.classList.toggle("current", state.column !== null && Number(cell.dataset.column) === column);
    }
    const prefix = column === null ? "" : answer.symbols.slice(0, column + 1)
      .map((symbol) => (symbol === UNKNOWN ? "?" : symbol)).join("");
    verdict.replaceChildren(...(now
      ? [h("span", { class: "mono" }, visible(prefix)), " → ", h("strong", {}, model.classes[best]),
        ` ${percent(now[best])}`]
      : ["Type, and see how the classes change with every character."]));
  }

  function notes(answer) {
    if (!answer) return "";
    const parts = [];
    if (answer.unknown) parts.push(`${answer.unknown} of the symbols are unknown to the model.`);
    if (answer.cut) parts.push("The text is longer than the model reads; the rest is left out.");
    return parts.join(" ");
  }

  table.addEventListener("pointerover", (event) => point(event.target.closest("[data-column]")));
  table.addEventListener("pointerleave", () => point(null));

  function point(cell) {
    const column = cell ? Number(cell.dataset.column) : null;
    if (column === state.column) return;
    state.column = column;
    drawColumn();
  }
}
