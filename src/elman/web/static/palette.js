// Signed numbers as colours: blue below zero, orange above, paper at zero. The two differ
// in blue and yellow, which all common kinds of colour blindness keep apart.

import { colour, h } from "./dom.js";

const STEPS = 128; // on each side of zero

/** Colours of values from -limit to limit, as the theme has them now. */
export function palette(limit) {
  const [negative, zero, positive] = ["--negative", "--zero", "--positive"].map(channels);
  const css = [];
  const pixels = new Uint32Array(2 * STEPS + 1);
  for (let k = 0; k <= 2 * STEPS; k += 1) {
    const share = Math.abs(k - STEPS) / STEPS;
    const rgb = zero.map((z, c) => Math.round(z + share * ((k < STEPS ? negative : positive)[c] - z)));
    css.push(`rgb(${rgb.join()})`);
    pixels[k] = (255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]; // little-endian RGBA
  }
  const step = (value) =>
    Math.max(0, Math.min(2 * STEPS, Math.round(STEPS + (STEPS * value) / limit)));
  return { limit, pixels, step, css: (value) => css[step(value)] };
}

/** The largest value a palette has to show: 1 where nothing can be larger. */
export function limitOf(part, values) {
  if (!/(^|\.)(hidden|cell)$/.test(part)) return 1;
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= most * 0.999);
}

/** A legend with numbers; `signed` false shows the upper half alone. */
export function legend() {
  const bar = h("canvas", { class: "scale", width: 128, height: 1, "aria-hidden": "true" });
  const numbers = h("span", { class: "scale-numbers figure" });
  const element = h("span", { class: "legend scale-legend", role: "img" }, bar, numbers);
  function set(colours, signed) {
    const low = signed ? -colours.limit : 0;
    const context = bar.getContext("2d");
    for (let x = 0; x < 128; x += 1) {
      context.fillStyle = colours.css(low + (x / 127) * (colours.limit - low));
      context.fillRect(x, 0, 1, 1);
    }
    const ends = signed ? [low, 0, colours.limit] : [0, colours.limit / 2, colours.limit];
    const text = (n) => String(Number(n.toPrecision(2))).replace("-", "−");
    numbers.replaceChildren(...ends.map((n) => h("span", {}, text(n))));
    element.setAttribute("aria-label", `Colours from ${text(low)} to ${text(colours.limit)}`);
  }
  return { element, set };
}

/** 0.1234 as "0.12", with a true minus sign. */
export function short(value, digits = 2) {
  const text = value.toFixed(digits);
  return text.startsWith("-") && Number(text) !== 0 ? `−${text.slice(1)}` : text.replace("-", "");
}

function channels(variable) {
  return colour(variable).match(/[\d.]+/g).slice(0, 3).map(Number);
}
