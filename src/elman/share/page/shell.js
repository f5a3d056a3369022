// What the pages of all models have: name and figures, the theme, errors, and what a console can call.

import { h } from "../../web/static/dom.js";
import { about as explained } from "../../web/static/help.js";

const IN_SHORT = ["network", "symbols", "held out"]; // of the figures

const $ = (id) => document.getElementById(id);

/** Fill the page around its view. Returns what a view needs of it. */
export function open(about, view) {
  $("main").append(explained(view));
  $("facts").textContent = about.facts.filter(([name]) => IN_SHORT.includes(name))
    .map(([, value]) => value).join(" · ");
  $("colophon").append(
    h("dl", {}, [["model", about.name], ...about.facts].map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    about.command && h("p", {}, "Made with ", h("code", { class: "mono" }, about.command)),
    h("p", {}, `Written by Elman ${about.version}. The page holds the whole model and works offline; `
      + "nothing that is typed here leaves it.", about.note && ` ${about.note}`));
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
  const named = () => {
    $("theme").textContent = theme() === "dark" ? "Light" : "Dark";
  };
  $("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    named();
  });
  system.addEventListener("change", named);
  named();
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    $("main").focus();
  });
  return { main: $("main"), fail, clear, watch, expose, context };
}

function fail(error) {
  if (error?.name === "AbortError") return;
  $("banner").replaceChildren(h("span", {}, error.message),
    h("button", { class: "quiet", type: "button", on: { click: clear } }, "Close"));
  $("banner").hidden = false;
}

function clear() {
  $("banner").hidden = true;
}

/** What app.js gives a view, for one model that computes here: `post(path, body, signal)`. */
function context({ model, limits, post }) {
  return {
    model, limits, fail, values: {}, keep: () => {}, signal: new AbortController().signal,
    api: {
      post: async (path, body, { signal } = {}) => {
        await breathe();
        const answer = await post(path, body, signal);
        clear();
        return answer;
      },
    },
    on: () => {},
    expose: watch,
  };
}

/** A text that a console gave; an error with a sentence for anything else. */
export function needed(text) {
  if (typeof text !== "string") throw new Error(`the text must be a string, not ${String(text)}`);
  return text;
}

/** What tests may look at. */
function watch(view) {
  window.__elman = { view };
}

/** What the console of the page, or a page that embeds it, can call; the page is ready. */
function expose(elman, model) {
  window.elman = Object.freeze(elman);
  Object.assign(window.__elman, { model, ready: true });
}

/** Let the browser draw and listen. A message comes at once, also where timers are held back. */
export function breathe() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(null);
  });
}
