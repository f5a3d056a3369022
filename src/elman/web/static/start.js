// A form that trains a model of a text: typed, chosen or dropped here.

import { field, h, whole } from "./dom.js";

const LONGEST = 60; // characters of a name

/** `started()` is called once the server has begun. The result has the form's `element`, and
 * `dragged(event)` for what is dragged over it. */
export function startForm({ api, signal, fail, started, limits }) {
  const text = h("textarea", { rows: 4, spellcheck: "false", required: "",
    placeholder: "Paste a text, or drop a file here" });
  const file = h("input", { type: "file", accept: "text/*,.txt,.md,.csv,.log", on: {
    change: () => take(file.files[0]),
  } });
  const name = h("input", { type: "text", required: "", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
  const minutes = h("input", { type: "number", min: 0.1, max: 10, step: "any", value: 2, required: "" });
  const lines = h("input", { type: "checkbox" });
  const size = h("p", { class: "note" });
  const go = h("button", { type: "submit", class: "primary" }, "Train");
  const form = h("form", { class: "start-form card", on: { submit: begin } },
    h("h3", {}, "Train a model of your text"),
    field("Text", text), size,
    h("div", { class: "start-grid" },
      field("File", file), field("Name of the model", name), field("Minutes", minutes),
      h("label", { class: "check" }, lines, " each line is a text of its own")),
    h("div", { class: "buttons" }, go));
  text.addEventListener("input", count);

  function count() {
    size.textContent = text.value ? `${whole(text.value.length)} characters` : "";
  }

  async function take(chosen) {
    if (!chosen) return;
    try {
      text.value = new TextDecoder("utf-8", { fatal: true }).decode(await chosen.arrayBuffer());
    } catch {
      [text.value, file.value] = ["", ""];
      count();
      return fail(new Error(`${chosen.name} is not text in UTF-8; elman train reads other encodings.`));
    }
    name.value ||= chosen.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}_ .-]/gu, "-")
      .replace(/^[^\p{L}\p{N}]+/u, "").slice(0, LONGEST).replace(/[ .]+$/, "");
    count();
  }

  /** A file or a text that is dragged over the view, and dropped on it; other things are not ours. */
  function dragged(event) {
    const { types, files } = event.dataTransfer;
    if (!types.includes("Files") && !types.includes("text/plain")) return;
    event.preventDefault();
    form.classList.toggle("over", event.type === "dragover");
    if (event.type !== "drop") return;
    if (files.length) return take(files[0]);
    text.value = event.dataTransfer.getData("text/plain");
    count();
  }

  async function begin(event) {
    event.preventDefault();
    const body = {
      name: name.value, text: text.value, minutes: minutes.valueAsNumber, lines: lines.checked,
    };
    if (new Blob([JSON.stringify(body)]).size > limits.body) {
      return fail(new Error("The page trains on texts of up to a megabyte; elman train takes any."));
    }
    go.disabled = true;
    try {
      await api.post("api/train/start", body, { signal });
      started();
    } catch (error) {
      go.disabled = false;
      fail(error);
    }
  }

  return { element: form, dragged };
}
