// What a model is made of: its layers with their sizes, and its tensors with their ranges.

import { h, whole } from "./dom.js";
import { short } from "./palette.js";

export function architecture(model) {
  const boxes = boxesOf(model);
  return h("details", { class: "architecture" },
    h("summary", {}, "The network and its tensors"),
    h("p", { class: "boxes" }, boxes.flatMap(([name, size], i) => [
      i ? h("span", { class: "arrow-right", "aria-hidden": "true" }, "→") : null,
      h("span", { class: "box" }, h("strong", {}, name), h("span", { class: "note figure" }, size))])),
    h("div", { class: "tensors-box", tabIndex: 0, role: "region", "aria-label": "Tensors" },
      h("table", { class: "report figure" },
        h("thead", {}, h("tr", {}, ["tensor", "shape", "numbers", "least", "most", "mean", "deviation"].map((name) =>
          h("th", { scope: "col" }, name)))),
        h("tbody", {}, model.tensors.map(({ name, shape, min, max, mean, std }) => h("tr", {},
          h("th", { scope: "row", class: "mono" }, name),
          h("td", {}, shape.join(" × ")),
          h("td", {}, whole(shape.reduce((a, b) => a * b, 1))),
          [min, max, mean, std].map((value) => h("td", {}, short(value, 3)))))))));
}

/** [name, size] of everything that a symbol passes on its way. */
function boxesOf({ cell, config, vocabulary, num_layers: layers, hidden_size: units, embedding_size: embedded, classes }) {
  const both = config.bidirectional ? " both ways" : "";
  return [
    ["symbols", whole(vocabulary.length)],
    ...(embedded ? [["embedding", whole(embedded)]] : []),
    ...Array.from({ length: layers }, (_, l) => [`${cell.toUpperCase()}${both}`, `${layers > 1 ? `layer ${l + 1}: ` : ""}${whole(units)}`]),
    ...(config.pooling ? [["pooling", config.pooling]] : []),
    ...(config.wide ? [["n-grams", `${whole(config.wide)} rows`]] : []),
    classes ? ["labels", whole(classes.length)] : ["next symbol", whole(vocabulary.length)],
  ];
}
