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
//     starts        whether a training run can be started here
//     training      null, or the training that runs here: `training` of GET /api/model
//     signal        aborted when the view goes away: pass it to listeners, fetches, streams
//     on(name, fn)  "show", "hide": this view; "theme": redraw canvases (colour() in dom.js);
//                   "open": another view sent `data`. Each ends with `signal`.
//     open(view, data)   change to another view, which hears "open" with `data`
//                        ({text, ids} for "inside", {text} for "numbers"; {prime}, or
//                        {silent: {layer, unit}}, for "write")
//     values             of this view in the address, strings: a text, a unit, a seed
//     keep(values)       put them there; they stay when another model is chosen
//     recall(), remember(value)   what this tab keeps of this view and this model
//     expose(object)     what tests may look at, as window.__elman.views[NAME]
//     fail(error)        show an error in the banner, until the view succeeds or is left;
//                        AbortError is ignored
//     choose(name, view) look at another model
//     renew()            look the figures of the model up again, after it was trained
//     say(text)          have a screen reader say it
//
// Text from models and people goes into text nodes only (h and svg in dom.js). No inline
// style attributes: the policy forbids them; use classes or `vars`.

import * as api from "./api.js";
import { h, whole } from "./dom.js";
import { about } from "./help.js";
import * as place from "./place.js";

// Which kinds of models a view shows; null: any, and none.
const VIEWS = {
  write: {
    module: "./write.js", kinds: ["lm", "ngram"],
    needs: "a language model", train: "elman train TEXT",
  },
  inside: {
    module: "./inside.js", kinds: ["lm", "classifier", "tagger"],
    needs: "a network", train: "elman train TEXT",
  },
  numbers: {
    module: "./numbers.js", kinds: ["lm"],
    needs: "a language model that is a network", train: "elman train TEXT",
  },
  learn: { module: "./learn.js", kinds: null },
  classify: {
    module: "./classify.js", kinds: ["classifier"],
    needs: "a classifier", train: "elman train FOLDER --task classify",
  },
  tag: {
    module: "./tag.js", kinds: ["tagger"],
    needs: "a tagger", train: "elman train COLUMNS --task tag",
  },
};
const NOUNS = { lm: "a language model", ngram: "a Markov chain", classifier: "a classifier", tagger: "a tagger" };

const $ = (id) => document.getElementById(id);
const mounted = new Map(); // view name -> {root, abort, bus}

const state = {
  ready: false, view: null, values: {}, model: null, models: [], kinds: {}, limits: null, training: null, starts: false, views: {}, errors: [],
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
  locate();
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
  if (view.kinds && !view.kinds.includes(state.model?.kind)) return root.append(misfit(name));
  try {
    const { mount: fillView } = await import(view.module);
    if (abort.signal.aborted) return;
    root.append(about(name));
    fillView(root, contextOf(name, abort.signal, bus));
  } catch (error) {
    fail(error);
  }
}

function contextOf(name, signal, bus) {
  const memory = `${name} ${state.model?.name}`;
  return {
    values: state.values[name] ?? {},
    keep(values) {
      state.values[name] = values;
      place.remember("values", state.values);
      if (state.view === name && !signal.aborted) locate();
    },
    recall: () => place.recall(memory), remember: (value) => place.remember(memory, value),
    signal, say, renew, choose, open: show, api: interfaceOf(name), fail: (error) => fail(error, name),
    model: state.model, limits: state.limits, training: state.training, starts: state.starts,
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

/** What is shown where the chosen model can't be looked at this way: those that can. */
function misfit(name) {
  const { model, models, kinds } = state;
  const view = VIEWS[name];
  const fitting = models.filter((other) => view.kinds.includes(kinds[other]));
  const why = model ? `, and “${short(model.name)}” is ${NOUNS[model.kind]}` : ". There is none yet";
  return h("div", { class: "empty" },
    h("p", {}, `This view needs ${view.needs}${why}.`),
    fitting.length ? h("div", { class: "buttons" }, fitting.map((other) =>
      h("button", { type: "button", on: { click: () => choose(other, name) } }, short(other)))) : null,
    h("p", {}, "To make one: ", h("code", { class: "mono" }, view.train)));
}

function home() {
  if (state.model === null || state.model.live) return "learn";
  return { classifier: "classify", tagger: "tag" }[state.model.kind] ?? "write";
}

/** The address of what is shown. */
function locate() {
  const model = state.models.length > 1 ? state.model.name : null;
  place.write(state.view, model, state.values[state.view] ?? {});
}

/** Go where the address leads; whatever it says of a view replaces what is there. */
async function follow() {
  const { view, model: name, values } = place.read();
  const another = state.models.includes(name) && name !== state.model?.name;
  const changed = view in VIEWS && Object.keys(values).length > 0
    && JSON.stringify(values) !== JSON.stringify(state.values[view]);
  if (changed) {
    state.values[view] = values;
    const old = mounted.get(view);
    old?.abort.abort();
    old?.root.remove();
    mounted.delete(view);
  }
  if (another) await choose(name, view);
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
  const { view, model: name, values } = place.read();
  state.values = place.recall("values") ?? {};
  if (Object.keys(values).length) state.values[view] = values;
  $("model").addEventListener("change", () => choose($("model").value));
  await choose(name || null, view);
  if (state.view === null) await choose(null, view); // a model that is gone
  state.ready = true;
}

start();
