// The weights as pictures, and beside each the gradient that has arrived by now.

import { h } from "./dom.js";
import { figure } from "./notation.js";
import { formula } from "./panels.js";

/** What the moves up to a position have brought to every parameter: {name: values}, as in
 * `gradient` of /api/steps. */
export function sumsSoFar(data, moves) {
  const sums = {};
  for (const move of moves) {
    for (const name of move.added ?? []) {
      const added = data.backward[move.t].added[name];
      if (added) sums[name] = sums[name] === undefined ? added.values : plus(sums[name], added.values);
    }
  }
  return sums;
}

/** A figure for every matrix; `colours(values)` is the palette that shows them. */
export function weightFigures(data, sums, move, colours) {
  return Object.entries(data.weights).filter(([name]) => !/\.(b|b_y|c_n)$/.test(name)).map(([name, { shape, values: W }]) => {
    const title = name.replace(/^(layer(\d)|readout|embedding)\./, (_, __, l) => (data.layers > 1 && l ? `layer ${Number(l) + 1}: ` : ""));
    return h("figure", { class: move?.added?.includes(name) ? "weight active" : "weight" },
      h("figcaption", {}, h("span", {}, formula(title)), h("span", { class: "note figure" }, shape.join(" × "))),
      h("div", { class: "pair" }, matrix(W, name, colours), matrix(sums[name] ?? null, `gradient of ${name}`, colours, W)));
  });
}

/** A matrix as a picture, gates side by side; `like` gives the shape of one still empty. */
function matrix(given, label, colours, like = given) {
  const blocks = (W) => (Array.isArray(W) ? [W] : Object.values(W));
  const shape = blocks(like);
  const [height, width] = [shape[0].length, shape.reduce((sum, block) => sum + block[0].length, 0) + shape.length - 1];
  const canvas = h("canvas", { class: "matrix", width, height, role: "img", "aria-label": given ? label : `${label}: nothing yet` });
  canvas.style.aspectRatio = `${width} / ${height}`;
  canvas.style.width = `${width * Math.min(9, 330 / width, Math.max(3, 250 / height))}px`;
  if (!given) {
    canvas.classList.add("empty-matrix");
    return canvas;
  }
  const palette = colours(blocks(given).flat(2));
  const pen = canvas.getContext("2d");
  let x = 0;
  for (const block of blocks(given)) {
    block.forEach((row, r) => row.forEach((value, k) => {
      pen.fillStyle = palette.css(value);
      pen.fillRect(x + k, r, 1, 1);
    }));
    x += block[0].length + 1;
  }
  canvas.title = `${label}: up to ±${figure(palette.limit)}`;
  return canvas;
}

function plus(a, b) {
  if (Array.isArray(a)) return a.map((x, i) => plus(x, b[i]));
  if (typeof a === "number") return a + b;
  return Object.fromEntries(Object.entries(a).map(([key, x]) => [key, plus(x, b[key])]));
}
