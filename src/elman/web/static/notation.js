// What the equations of "Follow the numbers" are written with: names, and sums of lists.

import { visible } from "./dom.js";

/** A number as it stands in tables and worked equations. */
export function figure(value) {
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size < 5e-4 ? value.toExponential(1) : size < 100
    ? value.toFixed(3) : value.toPrecision(4);
  return text.replaceAll("-", "−");
}

export const signed = (value) => (value < 0 ? `(${figure(value)})` : figure(value));
export const column = (name, values, options = {}) => ({ name, values, ...options });
export const zip = (f, ...lists) => lists[0].map((_, i) => f(...lists.map((list) => list[i])));
export const add = (a, b) => zip((x, y) => x + y, a, b);
export const times = (...lists) => zip((...xs) => xs.reduce((x, y) => x * y), ...lists);
export const transpose = (rows) => rows[0].map((_, k) => rows.map((row) => row[k]));
export const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

export const names = (data) => ({
  units: data.units.map((unit) => `${unit}`),
  symbols: data.symbol_texts.map(visible),
  dimensions: data.dimensions.map((d) => `${d}`),
});

export const input = (data, t) => visible(data.text[data.start + t]);
export const target = (data, t) => visible(data.text[data.start + t + 1]);
export const at = (data, t) => data.start + t + 1;
export const before = (data, t) => data.start + t;
export const level = (data, layer) => (data.layers > 1 ? `^{(${layer + 1})}` : "");

/** A name with its step, and in a stack its layer: "h_{3}^{(2)}"; of a parameter without. */
export const named = (data, letter, n, layer) =>
  `${letter}${n === null ? "" : `_{${n}}`}${level(data, layer)}`;

/** "W_h" as "W_h^{T}", "W_h^{(2)}" as "W_h^{(2)T}". */
export const transposed = (name) => (/\^\{[^}]*\}$/.test(name) ? `${name.slice(0, -1)}T}` : `${name}^{T}`);

/** The names of a layer at a step. */
export function symbols(data, t, layer) {
  const name = (letter, n = null) => named(data, letter, n, layer);
  const n = at(data, t);
  return {
    h: name("h", n), hBefore: name("h", n - 1), hNext: name("h", n + 1),
    c: name("c", n), cBefore: name("c", n - 1), cNext: name("c", n + 1),
    a: name("a", n), W_x: name("W_x"), W_h: name("W_h"), b: name("b"), c_n: name("c_n"),
  };
}

export const index = (data, t) => data.symbols.indexOf(data.ids[t]);

/** What a layer reads: its name, labels and values; null for one-hot symbols. */
export function reads(data, t, layer) {
  if (layer > 0) {
    return { name: symbols(data, t, layer - 1).h, labels: names(data).units,
      values: data.forward[t].layers[layer - 1].hidden };
  }
  if (!data.embedding_size) return null;
  return { name: `x_{${at(data, t)}}`, labels: names(data).dimensions, values: data.forward[t].embedding };
}

export const quote = (text) => `“${text}”`;

/** The gates, if there are several. */
export const several = (data) => (data.gates.length > 1 ? data.gates : null);
