// Small shapes of the unrolled graph in SVG.

import { svg } from "./dom.js";

export const line = ([a, b], [c, d]) => `M${a} ${b}L${c} ${d}`;
export const shift = ([x, y], dx, dy) => [x + dx, y + dy];
export const clip = (text, most = 5) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** "h_1" with its subscript, and `above` it as a superscript. */
export function subscripted(text, attributes, above = null) {
  const [main, sub] = text.split("_");
  return svg("text", attributes, main, sub === undefined ? null : svg("tspan", { class: "sub", dy: 3 }, sub),
    above && svg("tspan", { class: "sub", dy: -8 }, above));
}

export function arrowheads() {
  return svg("defs", {}, ["ahead", "back"].map((kind) => svg("marker", {
    id: `arrow-${kind}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto",
    markerUnits: "userSpaceOnUse",
  }, svg("path", { class: `arrow ${kind}`, d: "M0 0.6L7.5 4L0 7.4z" }))));
}
