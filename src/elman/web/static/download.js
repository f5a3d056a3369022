// What a view shows as a file: the heat map as SVG, its numbers as CSV.

import { h, visible } from "./dom.js";

/** Buttons that save a heat map; `shown()` is what heatmap.js shows and a title, null if nothing. */
export function saveButtons(name, shown) {
  const button = (label, suffix, type, make) => h("button", { type: "button", class: "quiet", on: { click: () => {
    const data = shown();
    if (data) download(`${name.replace(/\.safetensors$/, "")}.${suffix}`, make(data), type);
  } } }, label);
  return h("div", { class: "buttons" }, button("Picture as SVG", "svg", "image/svg+xml", svg),
    button("Numbers as CSV", "csv", "text/csv", csv));
}

/** Save a text under a name. */
function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A row for every symbol, a column for every unit. */
export function csv({ symbols, values, units }) {
  const head = ["symbol", ...Array.from({ length: units }, (_, unit) => `unit ${unit}`)];
  const rows = symbols.map((symbol, t) =>
    [quoted(symbol), ...values.subarray(t * units, (t + 1) * units)].join(","));
  return [head.join(","), ...rows, ""].join("\n");
}

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** The whole heat map: its cells as one picture of a pixel each, the symbols and units as text. */
export function svg({ symbols, units, order, palette, values, title }) {
  const canvas = h("canvas", { width: symbols.length, height: units });
  const pen = canvas.getContext("2d");
  const image = new ImageData(symbols.length, units);
  const pixels = new Uint32Array(image.data.buffer);
  order.forEach((unit, row) => symbols.forEach((_, t) => {
    pixels[row * symbols.length + t] = palette.pixels[palette.step(values[t * units + unit])];
  }));
  pen.putImageData(image, 0, 0);
  const [w, rowHeight, left, top] = [12, Math.max(4, Math.min(16, Math.round(640 / units))), 44, 40];
  const [width, height] = [left + w * symbols.length + 8, top + rowHeight * units + 8];
  const every = Math.ceil(12 / rowHeight);
  const columns = symbols.map((symbol, t) =>
    `<text x="${left + (t + 0.5) * w}" y="${top - 6}" text-anchor="middle">${escaped(symbol === "" ? "" : visible(symbol))}</text>`);
  const rows = Array.from(order).flatMap((unit, row) => (row % every ? [] :
    [`<text x="${left - 6}" y="${top + (row + 0.5) * rowHeight + 4}" text-anchor="end">${unit}</text>`]));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="monospace" font-size="11">`
    + `<title>${escaped(title)}</title><text x="4" y="14">${escaped(title)}</text>`
    + `<image x="${left}" y="${top}" width="${w * symbols.length}" height="${rowHeight * units}" `
    + `preserveAspectRatio="none" style="image-rendering:pixelated" href="${canvas.toDataURL()}"/>`
    + `${columns.join("")}${rows.join("")}</svg>\n`;
}
