// The form of Write: a prompt, settings, and the buttons.

import { field, h } from "./dom.js";

const PHONE = "(max-width: 50rem)";
const DEFAULTS = { prompt: "", temperature: 0.8, top_p: 1, top_k: 0, beam: 0, length: 600, seed: 1, stop: "" };

/** `values` are those of the address, strings by the names of DEFAULTS. Of the result, `request()`
 * gives arguments of POST /api/sample, `values()` what differs from the defaults. */
export function askFor(model, limits, values, { begin, halt, score }) {
  const given = { ...DEFAULTS, ...values };
  const prompt = h("textarea", {
    rows: 2, maxlength: limits.text, spellcheck: "false", value: given.prompt,
    placeholder: model.lines ? "Type the beginning of a line, or leave this empty" : "Type a beginning, or leave this empty",
  });
  const temperature = slider({ min: 0, max: 2, step: 0.05, value: given.temperature },
    (v) => (v === 0 ? "greedy" : v.toFixed(2)));
  const topP = slider({ min: 0.05, max: 1, step: 0.05, value: given.top_p },
    (v) => (v === 1 ? "all" : v.toFixed(2)));
  const topK = number({ min: 0, max: model.vocabulary.length, value: given.top_k });
  const beam = number({ min: 0, max: limits.beam, value: given.beam });
  const length = number({ min: 1, max: limits.length, value: given.length });
  const seed = number({ min: 0, max: 2 ** 31 - 1, value: given.seed });
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
          field("Top-p", topP.element, "the likeliest, to this sum"),
          field("Top-k", topK, "0: all"),
          field("Beam", beam, "0: none"),
          field("Length", length, "symbols to generate"),
          field("Seed", seed, "same seed, same text"),
          field("Stop at", stopAt, "ends the text"))),
      h("div", { class: "buttons" }, write, stop, surprises)));
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  const drawn = () => ({ temperature: temperature.value, top_p: topP.value, top_k: topK.valueAsNumber });
  const request = () => ({
    prime: prompt.value, length: length.valueAsNumber, seed: seed.valueAsNumber,
    ...(beam.valueAsNumber ? { beam: beam.valueAsNumber } : drawn()),
    ...(stopAt.value ? { stop: stopAt.value } : {}),
  });

  function changed() {
    const { prime, ...rest } = { stop: "", beam: 0, ...drawn(), ...request() };
    const all = { prompt: prime, ...rest };
    return Object.fromEntries(Object.entries(all).filter(([name, value]) => value !== DEFAULTS[name]));
  }

  return {
    form, prompt, stop, request, values: changed,
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
