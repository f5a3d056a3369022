// The shell: which model, which view, the theme, the error banner.
//
// A view is a module that exports
//
//     export function mount(root, context)
//
// It fills the empty element `root` once, for one model; when another model is chosen the
// app throws `root` away, aborts `context.signal` and mounts the view anew. A view that is
// not shown stays mounted, hidden, so it keeps what it holds. The context:
//
//     api           get(path), post(path, body), events(path, {body}) of api.js, each with
//                   {signal}; what succeeds takes away the view's own error
//     model         the chosen model, `model` of GET /api/model; null if there is none yet
//     limits        of the server, `limits` of GET /api/model
//     training      whether a training runs here: `training` of GET /api/model
//     signal        aborted when the view goes away: pass it to listeners, fetches, streams
//     on(name, fn)  "show", "hide": this view; "theme": redraw canvases (colour() in dom.js);
//                   "open": another view sent `data`. Each ends with `signal`.
//     open(view, data)   change to another view, which hears "open" with `data`
//                        ({text} for "inside" and "numbers", {prime} for "write")
//     expose(object)     what tests may look at, as window.__elman.views[NAME]
//     fail(error)        show an error in the banner, until the view succeeds or is left;
//                        AbortError is ignored
//     renew()            look the figures of the model up again, after it was trained
//     say(text)          have a screen reader say it
//
// Text from models and people goes into text nodes only (h and svg in dom.js). No inline
// style attributes: the policy forbids them; use classes or `vars`.

import * as api from "./api.js";
import { h, whole } from "./dom.js";

const VIEWS = {
  write: {
    module: "./write.js", fits: (model) => model?.classes === null,
    needs: "a language model", train: "elman train TEXT",
  },
  inside: {
    module: "./inside.js", fits: (model) => model !== null && model.kind !== "ngram",
    needs: "a network", train: "elman train TEXT",
  },
  numbers: {
    module: "./numbers.js", fits: (model) => model?.kind === "lm",
    needs: "a network that models language", train: "elman train TEXT",
  },
  learn: { module: "./learn.js", fits: () => true },
  classify: {
    module: "./classify.js", fits: (model) => model?.kind === "classifier",
    needs: "a classifier", train: "elman train FOLDER --task classify",
  },
  tag: {
    module: "./tag.js", fits: (model) => model?.kind === "tagger",
    needs: "a tagger", train: "elman train COLUMNS --task tag",
  },
};

const $ = (id) => document.getElementById(id);
const mounted = new Map(); // view name -> {root, abort, bus}

const state = {
  ready: false, view: null, model: null, models: [], limits: null, training: null, views: {}, errors: [],
};
window.__elman = state;

// -- errors, and what is said --------------------------------------------------------

let failed = null; // the view whose error is in the banner

function fail(error, view = null) {
  if (error?.name === "AbortError") return;
  failed = view;
  state.errors.push(String(error?.message ?? error));
  $("banner").replaceChildren(
    h("span", {}, error?.message ?? String(error)),
    h("button", { class: "quiet", type: "button", on: { click: clear } }, "Close"),
  );
  $("banner").hidden = false;
}

function clear() {
  $("banner").hidden = true;
}

function say(text) {
  $("spoken").textContent = text;
}

// -- views ---------------------------------------------------------------------------

async function show(name, data) {
  if (!(name in VIEWS)) name = home();
  const before = state.view;
  state.view = name;
  history.replaceState(null, "", address());
  if (before !== name) {
    clear();
    scrollTo(0, 0);
  }
  for (const tab of tabs) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    if (chosen) tab.scrollIntoView({ block: "nearest", inline: "center" });
  }
  if (before !== name) mounted.get(before)?.bus.dispatchEvent(new Event("hide"));
  if (!mounted.has(name)) await mount(name);
  for (const [other, { root }] of mounted) root.hidden = other !== state.view;
  if (state.view !== name) return;
  const { bus } = mounted.get(name);
  bus.dispatchEvent(new Event("show"));
  if (data !== undefined) bus.dispatchEvent(new CustomEvent("open", { detail: data }));
}

async function mount(name) {
  const view = VIEWS[name];
  const root = h("section", {
    id: `view-${name}`, class: "view", role: "tabpanel", "aria-labelledby": `tab-${name}`,
    hidden: true,
  });
  const abort = new AbortController();
  const bus = new EventTarget();
  mounted.set(name, { root, abort, bus });
  $("main").append(root);
  if (!view.fits(state.model)) return root.append(misfit(view));
  try {
    const { mount: fillView } = await import(view.module);
    if (!abort.signal.aborted) fillView(root, contextOf(name, abort.signal, bus));
  } catch (error) {
    fail(error);
  }
}

function contextOf(name, signal, bus) {
  return {
    signal, say, renew, open: show, api: interfaceOf(name), fail: (error) => fail(error, name),
    model: state.model, limits: state.limits, training: state.training,
    on: (event, listener) =>
      bus.addEventListener(event, (e) => listener(e.detail), { signal }),
    expose: (object) => {
      state.views[name] = object;
    },
  };
}

/** The interface as a view has it: what succeeds takes the view's error off the banner. */
function interfaceOf(name) {
  const well = (answer) => {
    if (failed === name) clear();
    return answer;
  };
  return {
    get: (...call) => api.get(...call).then(well),
    post: (...call) => api.post(...call).then(well),
    async *events(...call) {
      let first = true;
      for await (const event of api.events(...call)) {
        if (first) well();
        first = false;
        yield event;
      }
    },
  };
}

/** What stands where the chosen model can't be looked at this way. */
function misfit(view) {
  const { model, models } = state;
  const why = model ? `${short(model.name)} is none` : "there is none yet";
  return h("div", { class: "empty" },
    h("p", {}, `This view needs ${view.needs}; ${why}.`,
      models.length > 1 ? " There are other models at the top of the page." : ""),
    h("p", {}, "To make one: ", h("code", { class: "mono" }, view.train)));
}

function home() {
  if (state.model === null || state.model.live) return "learn";
  return { classifier: "classify", tagger: "tag" }[state.model.kind] ?? "write";
}

/** #VIEW, or #VIEW/MODEL where there are several. */
function address() {
  const model = state.models.length > 1 ? `/${encodeURIComponent(state.model.name)}` : "";
  return `#${state.view}${model}`;
}

/** View and model that the address names. */
function named() {
  try {
    return location.hash.slice(1).split("/").map(decodeURIComponent);
  } catch {
    return []; // no address of ours
  }
}

async function follow() {
  const [view, name] = named();
  if (state.models.includes(name) && name !== state.model?.name) await choose(name, view);
  else await show(view);
}

// -- tabs ----------------------------------------------------------------------------

const tabs = [...document.querySelectorAll('[role="tab"]')];
const nameOf = (tab) => tab.id.replace("tab-", "");

for (const tab of tabs) tab.addEventListener("click", () => show(nameOf(tab)));

document.querySelector('[role="tablist"]').addEventListener("keydown", (event) => {
  const at = tabs.indexOf(document.activeElement);
  const to = {
    ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1,
  }[event.key];
  if (at < 0 || to === undefined) return;
  event.preventDefault();
  const tab = tabs[to % tabs.length];
  tab.focus();
  show(nameOf(tab));
});

window.addEventListener("hashchange", follow);

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is that of the view
  $("main").focus();
});

document.addEventListener("click", (event) => {
  if (event.target.closest('[aria-disabled="true"]')) {
    event.preventDefault();
    event.stopPropagation();
  }
}, { capture: true });

// -- theme ---------------------------------------------------------------------------

const system = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  return document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
}

function themeChanged() {
  $("theme").textContent = theme() === "dark" ? "Light" : "Dark";
  state.theme = theme();
  for (const { bus } of mounted.values()) bus.dispatchEvent(new Event("theme"));
}

$("theme").addEventListener("click", () => {
  const other = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = other;
  try {
    localStorage.setItem("elman-theme", other);
  } catch {
    // No storage: it holds for this visit.
  }
  themeChanged();
});
system.addEventListener("change", themeChanged);

// -- models --------------------------------------------------------------------------

const short = (name) => name.replace(/\.safetensors$/, "");

/** Look at the model of this name (null: the server's first), in a view. */
async function choose(name, view = state.view) {
  clear();
  let answer;
  try {
    answer = await api.get("api/model" + (name ? `?model=${encodeURIComponent(name)}` : ""));
  } catch (error) {
    $("model").value = state.model?.name ?? ""; // the one that is still shown
    return fail(error);
  }
  for (const { root, abort } of mounted.values()) {
    abort.abort();
    root.remove();
  }
  mounted.clear();
  Object.assign(state, answer, { views: {} });
  $("model").replaceChildren(...state.models.map((name) =>
    h("option", { value: name }, short(name))));
  $("model").disabled = state.models.length < 2;
  $("model").value = state.model?.name;
  $("facts").textContent = facts(state.model);
  document.title = state.model ? `${short(state.model.name)} · Elman` : "Elman";
  await show(view ?? home());
}

function facts(model) {
  if (!model) return "";
  const size = model.hidden_size ? ` ${model.num_layers} × ${model.hidden_size}` : "";
  const bits = model.summary?.validation_bits_per_character;
  return [
    `${model.cell.toUpperCase()}${size}`,
    model.parameters ? `${whole(model.parameters)} parameters` : null,
    bits ? `${bits.toFixed(2)} bits per character, held out` : null,
  ].filter(Boolean).join(" · ");
}

async function renew() {
  try {
    const { model } = await api.get(`api/model?model=${encodeURIComponent(state.model.name)}`);
    if (model.name === state.model.name) $("facts").textContent = facts(Object.assign(state.model, model));
  } catch (error) {
    fail(error);
  }
}

async function start() {
  themeChanged();
  const [view, name] = named();
  $("model").addEventListener("change", () => choose($("model").value));
  await choose(name || null, view || undefined);
  if (state.view === null) await choose(null, view || undefined); // a model that is gone
  state.ready = true;
}

start();
