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
export const index = (data, t) => data.symbols.indexOf(data.ids[t]);

/** What a layer reads: its name, labels and values; null for one-hot symbols. */
export function reads(data, t, layer) {
  if (layer > 0) {
    return { name: `h_{${at(data, t)}}${level(data, layer - 1)}`, labels: names(data).units,
      values: data.forward[t].layers[layer - 1].hidden };
  }
  if (!data.embedding_size) return null;
  return { name: `x_{${at(data, t)}}`, labels: names(data).dimensions, values: data.forward[t].embedding };
}

export const quote = (text) => `“${text}”`;

/** The gates, if there are several. */
export const several = (data) => (data.gates.length > 1 ? data.gates : null);
