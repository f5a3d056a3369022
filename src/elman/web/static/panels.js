// Equations and their numbers in HTML: tables of vectors, products and outer products.
// `colours(values, name)` is the palette that shows them all, `pick(row)` is called for the row
// under the pointer.

import { h } from "./dom.js";
import { figure, signed } from "./notation.js";

/** "h_{t} = W_x·x^{2}" as text with sub- and superscripts. */
export function formula(text) {
  const parts = text.split(/([_^](?:\{[^}]*\}|[A-Za-z0-9]+))/);
  return parts.filter(Boolean).map((part) => {
    const kind = { _: "sub", "^": "sup" }[part[0]];
    if (!kind || part.length < 2) return part;
    return h(kind, {}, part.slice(1).replace(/^\{|\}$/g, ""));
  });
}

/** A cell with a number and its colour. */
function cell(value, colours, strong = false) {
  const element = h("td", { class: strong ? "strong" : null }, figure(value));
  element.style.backgroundColor = colours.css(value);
  return element;
}

const heading = (text, options = {}) => h("th", { scope: "col", ...options }, formula(text));

/** Of vectors side by side, a row for every unit or symbol. `alike`: they share one scale. */
export function vectors({ rows, columns, of, alike = false }, colours, pick) {
  const scale = alike && colours(columns.flatMap(({ values }) => values));
  return table(
    [h("th", { scope: "col", class: "corner" }, of), ...columns.map(({ name }) => heading(name))],
    rows.map((label, r) => h("tr", { "data-row": r, on: { pointerenter: () => pick(r), click: () => pick(r) } },
      h("th", { scope: "row" }, label),
      columns.map(({ name, values, strong }) => cell(values[r], scale || colours(values, name), strong)))), "held");
}

/** Of a vector times a matrix, and what is added to it: the vector stands over the rows, the
 * addends and the result at their ends. */
export function product({ vector, matrix, rows, addends, result, of }, colours, pick) {
  const ends = [...addends, result];
  const scale = colours(matrix.flat());
  return table(
    [h("th", { scope: "col", class: "corner" }, of), ...vector.labels.map((label) => h("th", { scope: "col" }, label)),
      ...ends.map(({ name }) => heading(name, { class: "end" }))],
    [h("tr", { class: "vector-row" }, h("th", { scope: "row" }, formula(vector.name)),
      vector.values.map((value) => cell(value, colours(vector.values, vector.name), true)),
      ends.map(() => h("td", { class: "end blank" }))),
    ...rows.map((label, r) => h("tr", { "data-row": r, on: { pointerenter: () => pick(r), click: () => pick(r) } },
      h("th", { scope: "row" }, label), matrix[r].map((value) => cell(value, scale)),
      ends.map(({ name, values }) => {
        const element = cell(values[r], colours(values, name), true);
        element.classList.add("end");
        return element;
      })))], "held");
}

/** Of a column times a row: every pair of entries. */
export function outerProduct({ rows, columns, matrix }, colours) {
  const scale = colours(matrix.flat());
  return table(
    [h("td", { class: "corner" }), h("th", { scope: "col" }, formula(rows.name)), ...columns.labels.map((label) => h("th", { scope: "col" }, label))],
    [h("tr", { class: "vector-row" }, h("th", { scope: "row" }, formula(columns.name)), h("td", { class: "blank" }),
      columns.values.map((value) => cell(value, colours(columns.values, columns.name), true))),
    ...rows.labels.map((label, r) => h("tr", {}, h("th", { scope: "row" }, label),
      cell(rows.values[r], colours(rows.values, rows.name), true), matrix[r].map((value) => cell(value, scale))))]);
}

/** `held`: the last column stays in sight when the table scrolls sideways. */
function table(head, body, held = "") {
  return h("table", { class: `numbers-table figure ${held}` }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
}

/** The worked equation of one row of a product. */
export function workedProduct({ vector, matrix, addends, result, rows, of, whole }, r) {
  const terms = vector.values.map((value, k) => `${signed(value)}·${signed(matrix[r][k])}`);
  const most = terms.length <= 8 ? 8 : 4; // a small network is written out
  const shown = terms.length > most + 1 ? [...terms.slice(0, most), "…"] : terms;
  if (!whole) shown.push("not shown");
  const sum = [...shown, ...addends.map(({ values }) => signed(values[r]))].join(" + ");
  return `${of} ${rows[r]}:  ${sum} = ${figure(result.values[r])}`;
}
