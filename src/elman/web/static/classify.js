// Classify: the class probabilities after every character that is typed.

import { field, h, percent, visible } from "./dom.js";
import { startOf } from "./starts.js";

const UNKNOWN = "<unk>"; // how the server calls a symbol that the model never saw
const STARTS = ["Rossi", "rossi", "Elman", "elman"];
const TAIL = 32; // characters of a prefix that the verdict repeats

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = { text: "", answer: null, column: null };
  context.expose(state);
  let drawn = []; // {symbol, shares} of the columns in the table
  let request = null; // the AbortController of the request that runs

  const input = h("input", {
    type: "text", maxlength: limits.classify, spellcheck: "false", autocomplete: "off",
    autocapitalize: "off", class: "classify-text",
  });
  const verdict = h("p", { class: "verdict", role: "status", "aria-live": "polite" });
  const now = h("table", { class: "now", "aria-label": "Probability of every class" });
  const table = h("table", { class: model.tokens === "word" ? "prefixes words" : "prefixes" });
  const box = h("div", {
    class: "prefixes-box", tabIndex: 0, role: "application", "aria-roledescription": "table",
    "aria-label": "Probability of every class after every prefix. Arrow keys choose a prefix.",
  }, table);
  const note = h("p", { class: "note" });
  root.append(h("div", { class: "classify-head" }, field("Text", input), verdict),
    h("div", { class: "card prefixes-card" }, now, box), note);
  input.addEventListener("input", ask);
  context.on("show", () => input.focus({ preventScroll: true }));
  signal.addEventListener("abort", () => request?.abort());
  const rows = model.classes.map(row);
  const symbols = h("tr", {});
  now.append(
    h("thead", {}, h("tr", {}, ["Class", "Probability"].map((name) =>
      h("th", { scope: "col" }, h("span", { class: "hidden" }, name))))),
    h("tbody", {}, rows.map(({ element }) => element)));
  table.append(h("thead", {}, symbols), h("tbody", {}, rows.map(({ cells }) => cells)));
  input.value = context.values.text ?? startOf(model, STARTS);
  ask();

  function row(name) {
    const bar = h("span", { class: "bar" });
    const figure = h("span", { class: "figure" });
    const element = h("tr", {}, h("th", { scope: "row", title: name }, name),
      h("td", {}, h("span", { class: "now-bar" }, bar, figure)));
    return { element, bar, figure, cells: h("tr", {}) };
  }

  async function ask() {
    request?.abort();
    const mine = request = new AbortController();
    state.text = input.value;
    state.column = null;
    context.keep({ text: state.text });
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
      if (mine !== request) return;
      context.fail(error);
      state.answer = null; // the table is not that of this text
      draw();
    }
  }

  function draw() {
    const { answer } = state;
    const columns = answer?.symbols ?? [];
    // Most often a symbol was added, and what stands before it is as it was.
    const same = (column) => columns[column] === drawn[column]?.symbol
      && drawn[column].shares.every((share, n) => Math.abs(share - answer.probabilities[column][n]) < 1e-4);
    let kept = 0;
    while (kept < columns.length && same(kept)) kept += 1;
    drawn = [...drawn.slice(0, kept), ...columns.slice(kept).map((symbol, i) =>
      ({ symbol, shares: answer.probabilities[kept + i] }))];
    table.style.setProperty("--columns", Math.max(1, columns.length));
    fill(symbols, kept, columns.slice(kept).map((symbol, i) => header(symbol, kept + i)));
    rows.forEach(({ cells }, number) => fill(cells, kept, columns.slice(kept).map((_, i) =>
      cell(answer.probabilities[kept + i][number], kept + i))));
    drawColumn();
    box.scrollLeft = box.scrollWidth; // where one types
    note.textContent = notes(answer);
  }

  function fill(row, kept, cells) {
    while (row.childElementCount > kept) row.lastChild.remove();
    row.append(...cells);
  }

  function header(symbol, column) {
    const text = symbol === UNKNOWN ? "?" : visible(symbol);
    return h("th", {
      scope: "col", class: symbol === UNKNOWN ? "mono unknown" : "mono",
      "data-column": column, title: text,
    }, text);
  }

  function cell(share, column) {
    return h("td", {
      class: "prefix", vars: { "--share": share.toFixed(4) },
      "data-column": column, title: percent(share),
    });
  }

  /** The bars: after the whole text, or after the prefix that is pointed at. */
  function drawColumn() {
    const { answer } = state;
    const column = state.column ?? (answer ? answer.symbols.length - 1 : null);
    const shares = column === null ? null : answer.probabilities[column];
    const best = shares ? shares.indexOf(Math.max(...shares)) : -1;
    rows.forEach(({ element, bar, figure }, number) => {
      bar.style.setProperty("--share", shares ? shares[number].toFixed(4) : 0);
      figure.textContent = shares ? percent(shares[number]) : "";
      element.classList.toggle("best", number === best);
    });
    for (const one of table.querySelectorAll(".current")) one.classList.remove("current");
    if (state.column !== null) {
      for (const row of table.rows) row.children[column].classList.add("current");
    }
    verdict.replaceChildren(...(shares
      ? [h("span", { class: "mono quoted" }, read(answer.symbols.slice(0, column + 1))), " → ",
        h("strong", {}, model.classes[best]), ` ${percent(shares[best])}`]
      : [state.text ? "" : "Type a text to see the class probabilities change with every character."]));
  }

  /** The end of what was read. */
  function read(symbols) {
    const text = symbols.map((symbol) => (symbol === UNKNOWN ? "?" : symbol)).join("");
    return text.length > TAIL ? `…${text.slice(-TAIL)}` : text;
  }

  function notes(answer) {
    if (!answer) return "";
    const parts = [];
    if (answer.unknown) parts.push(`${answer.unknown} of the symbols are unknown to the model.`);
    if (answer.cut) parts.push("The text is longer than the model can read; the rest is ignored.");
    return parts.join(" ");
  }

  table.addEventListener("pointerover", ({ target }) => {
    const cell = target.closest("[data-column]");
    point(cell ? Number(cell.dataset.column) : null);
  });
  table.addEventListener("pointerleave", () => point(null));
  box.addEventListener("blur", () => point(null));
  box.addEventListener("keydown", (event) => {
    if (!state.answer || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = state.answer.symbols.length - 1;
    const at = state.column ?? last;
    const to = {
      ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(last, at + 1), Home: 0, End: last,
      Escape: null,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    point(to);
    symbols.children[to ?? last].scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  function point(column) {
    if (column === state.column) return;
    state.column = column;
    drawColumn();
  }
}
