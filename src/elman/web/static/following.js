// Which unit follows …? Units by their correlation with a pattern of the text.

import { h, visible, whole } from "./dom.js";
import { palette, short } from "./palette.js";

const PATTERNS = [
  ["quotes", "inside quotation marks"], ["brackets", "inside brackets"], ["line", "place in the line"],
  ["word", "beginning of a word"], ["capitals", "capitals"], ["digits", "digits"], ["", "my own pattern …"],
];

/** `request(body)` gives the answer of POST /api/following, null if a newer one has replaced it;
 * `choose(unit, sign)` follows a unit; `sourceOf(answer)` says in words what was searched. */
export function followingPanel({ request, choose, sourceOf, fail }) {
  const pattern = h("select", { "aria-label": "Pattern" }, PATTERNS.map(([key, name]) =>
    h("option", { value: key }, name)));
  const own = h("input", { type: "text", class: "mono", hidden: true, spellcheck: "false", autocomplete: "off",
    placeholder: "[0-9]+|\\bthe\\b", "aria-label": "Regular expression" });
  const find = h("button", { type: "submit" }, "Find");
  const note = h("p", { class: "note" });
  const list = h("ol", { class: "passages following" });
  pattern.addEventListener("change", () => {
    own.hidden = pattern.value !== "";
    if (own.hidden) ask();
    else own.focus();
  });
  const form = h("form", { class: "column-head", on: { submit: (event) => {
    event.preventDefault();
    ask();
  } } }, h("h2", {}, "Which unit follows"), pattern, own, find);

  async function ask() {
    if (!pattern.value && !own.value) return own.focus();
    note.textContent = "Looking …";
    try {
      // In a group, so that no expression is taken for the name of a pattern.
      const answer = await request({ pattern: pattern.value || `(?:${own.value})` });
      if (answer) show(answer);
    } catch (error) {
      note.textContent = "";
      list.replaceChildren(); // they are of another pattern
      const grouped = `(?:${own.value})`; // what the server saw of one's own
      fail(error.message.includes(grouped)
        ? new Error(error.message.replace(grouped, own.value).replace(/position (\d+)/, (_, n) => `position ${n - 3}`)) : error);
    }
  }

  function show({ units, symbols, wanted, ...answer }) {
    note.textContent = `Correlation with the pattern over ${whole(answer.searched)} symbols of ${sourceOf(answer)} `
      + `The strips: the pattern above, the unit below, at “${visible(symbols.join("").slice(0, 24))}…”`;
    list.replaceChildren(...units.map(({ unit, correlation, values }) => h("li", {},
      h("button", { type: "button", class: "quiet figure", on: { click: () => choose(unit, Math.sign(correlation) || 1) } },
        `${unit}: ${short(correlation)}`),
      h("div", { class: "strips" }, strip(centred(wanted)), strip(values)))));
  }

  return { element: h("section", { class: "following-section" }, form, note, list), ask };
}

/** Numbers as colours, a pixel each. */
function strip(values) {
  const canvas = h("canvas", { class: "strip-canvas", width: values.length, height: 1, "aria-hidden": "true" });
  const colours = palette(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1);
  const pen = canvas.getContext("2d");
  values.forEach((value, x) => {
    pen.fillStyle = colours.css(value);
    pen.fillRect(x, 0, 1, 1);
  });
  return canvas;
}

/** A pattern has no sign: its middle is drawn as zero. */
function centred(values) {
  const middle = (Math.min(...values) + Math.max(...values)) / 2;
  return values.map((value) => value - middle);
}
