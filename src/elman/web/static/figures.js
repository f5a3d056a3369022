// The final figures of a training run: sentences, levels to draw across a curve, a table of classes.

import { h, whole } from "./dom.js";

/** The figures of a run that is done, and those of what it has to beat: sentences. */
export function results(end) {
  if (end?.event !== "done") return [];
  const bits = (x) => `${x.toFixed(3)} bits per character`;
  const shares = ({ accuracy, macro_f1: f1 }) =>
    `accuracy ${accuracy.toFixed(3)}, macro-F1 ${f1.toFixed(3)}`;
  const baselines = Object.entries(end.baselines ?? {}).map(([name, figures]) =>
    `${name}: ${figures.accuracy === undefined ? bits(figures.bits_per_character) : shares(figures)}`);
  if (Number.isFinite(end.validation_bits_per_character)) {
    return [`This model on held-out text: ${bits(end.validation_bits_per_character)}`, ...baselines];
  }
  if (end.report) return [`This model on the held-out texts: ${shares(end.report)}`, ...baselines];
  return [];
}

/** The bits per character of what a language model has to beat. */
export function levelsOf(baselines) {
  return Object.entries(baselines ?? {}).flatMap(([name, { bits_per_character: y }]) =>
    (Number.isFinite(y) ? [{ name, y }] : []));
}

/** How well every class was found. */
export function reportTable({ classes }) {
  const columns = ["precision", "recall", "f1", "support"];
  return h("table", { class: "report figure" },
    h("thead", {}, h("tr", {}, ["class", "precision", "recall", "F1", "support"].map((name) =>
      h("th", { scope: "col" }, name)))),
    h("tbody", {}, Object.entries(classes).map(([name, figures]) => h("tr", {},
      h("th", { scope: "row" }, name), columns.map((column) => h("td", {},
        column === "support" ? whole(figures[column]) : figures[column].toFixed(3)))))));
}
