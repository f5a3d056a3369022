// The form of Write: a prompt, settings, and the buttons.

import { field, h } from "./dom.js";

const PHONE = "(max-width: 50rem)";
const PAUSE = 250; // ms after the last key
const DEFAULTS = { prompt: "", temperature: 0.8, top_p: 1, top_k: 0, beam: 0, length: 600, seed: 1, stop: "" };

/** `values` are those of the address, strings by the names of DEFAULTS. Of the result, `request()`
 * gives arguments of POST /api/sample, `values()` what differs from the defaults. */
export function askFor(model, limits, values, { begin, halt, score, changed = () => {} }) {
  const most = { temperature: 2, top_p: 1, top_k: model.vocabulary.length, beam: limits.beam ?? 0,
    length: limits.length, seed: 2 ** 31 - 1 };
  const least = { top_p: 0.05, length: 1 };
  const given = { ...DEFAULTS, ...values };
  for (const name of Object.keys(most)) { // an address may say anything
    const value = Number(given[name]);
    if (!(value >= (least[name] ?? 0) && value <= most[name])) given[name] = DEFAULTS[name];
  }
  let timer = 0;
  const prompt = h("textarea", {
    rows: 2, maxlength: limits.text, spellcheck: "false", value: given.prompt,
    placeholder: model.lines ? "Type the beginning of a line, or leave this empty" : "Type a beginning, or leave this empty",
  });
  const temperature = slider({ min: 0, max: most.temperature, step: 0.05, value: given.temperature },
    (v) => (v === 0 ? "greedy" : v.toFixed(2)));
  const topP = slider({ min: least.top_p, max: most.top_p, step: 0.05, value: given.top_p },
    (v) => (v === 1 ? "all" : v.toFixed(2)));
  const topK = number({ min: 0, max: most.top_k, value: given.top_k });
  const beam = number({ min: 0, max: most.beam, value: given.beam });
  const length = number({ min: least.length, max: most.length, value: given.length });
  const seed = number({ min: 0, max: most.seed, value: given.seed });
  const stopAt = h("input", { type: "text", value: given.stop, autocomplete: "off", spellcheck: "false" });
  const write = h("button", { type: "submit", class: "primary" }, "Write");
  const stop = h("button", { type: "button", on: { click: halt } }, "Stop");
  const surprises = h("button", { type: "button", class: "quiet", on: { click: score } },
    "Show its surprises");
  const form = h("form", { class: "write-form", on: { submit: begin } },
    field("Prompt: the text to continue", prompt),
    h("div", { class: "write-foot" },
      h("details", { class: "settings", open: matchMedia(PHONE).matches ? null : "" },
        h("summary", {}, "Settings"),
        h("div", { class: "settings-grid" },
          field("Temperature", temperature.element, "low: safe, high: risky"),
          field("Top-p", topP.element, "only the likeliest that add up to this"),
          field("Top-k", topK, "0: all"),
          limits.beam ? field("Beam", beam, "0: none") : null,
          field("Length", length, "symbols to generate"),
          field("Seed", seed, "same seed, same text"),
          field("Stop at", stopAt, "ends the text"))),
      h("div", { class: "buttons" }, write, stop, surprises)));
  form.addEventListener("input", () => {
    length.max = beam.valueAsNumber ? limits.beam_length : limits.length;
    clearTimeout(timer);
    timer = setTimeout(changed, PAUSE);
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  const drawn = () => ({ temperature: temperature.value, top_p: topP.value, top_k: topK.valueAsNumber });
  const request = () => ({
    prime: prompt.value, length: length.valueAsNumber, seed: seed.valueAsNumber,
    ...(beam.valueAsNumber ? { beam: beam.valueAsNumber } : drawn()),
    ...(stopAt.value ? { stop: stopAt.value } : {}),
  });

  function differing() {
    const { prime, ...rest } = { stop: "", beam: 0, ...drawn(), ...request() };
    const all = { prompt: prime, ...rest };
    return Object.fromEntries(Object.entries(all).filter(([name, value]) => value !== DEFAULTS[name]));
  }

  return {
    form, prompt, stop, request, values: differing,
    nextSeed() {
      seed.value = (seed.valueAsNumber || 0) + 1;
    },
  };
}

function number(attributes) {
  return h("input", { type: "number", required: "", step: 1, inputmode: "numeric", ...attributes });
}

/** A range with its value beside it. */
function slider(attributes, format) {
  const { value, ...rest } = attributes;
  const input = h("input", { type: "range", ...rest, value });
  const output = h("output", { class: "figure" }, format(input.valueAsNumber));
  input.addEventListener("input", () => {
    output.textContent = format(input.valueAsNumber);
  });
  return {
    element: h("span", { class: "slider" }, input, output),
    get value() {
      return input.valueAsNumber;
    },
  };
}
