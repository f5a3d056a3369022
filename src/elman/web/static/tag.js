// Tag: a text whose every symbol is coloured by its label, the stronger the more probable; what
// else it could be pops up under the pointer or the keyboard.

import { beside, field, h, percent, spoken, visible } from "./dom.js";
import { startOf } from "./starts.js";

const OUTSIDE = "O"; // the label of what is in no span
const SPANS = /^[BIES]-(.+)$/;
const TURN = 137.5; // degrees of hue from one colour to the next, so that neighbours differ
const STARTS = ["the cat sees the dog", "Elman", "elman"];
const EMPTY = "Type a text to see a label for every word or character.";

export function mount(root, context) {
  const { api, model, limits, signal } = context;
  const state = { text: "", answer: null, place: null };
  context.expose(state);
  const spans = []; // {element, symbol} of everything that has a label
  let request = null; // the AbortController of the request that runs
  let focus = 0; // the symbol that the keyboard is at

  const hues = new Map([...new Set(model.classes.map(kindOf))].map((kind, i) => [kind, 20 + TURN * i]));
  const words = model.tokens === "word";
  const input = h("textarea", {
    rows: 3, maxlength: limits.tag, spellcheck: "false", autocapitalize: "off",
  });
  const text = h("div", {
    class: words ? "tagged words" : "tagged", role: "application", "aria-roledescription": "text",
    "aria-label": "The text and its labels. Arrow keys move from symbol to symbol.",
  });
  const popup = h("div", { class: "popup", hidden: true });
  const frame = h("div", { class: "tagged-frame" }, text, popup);
  const legend = h("ul", { class: "labels", "aria-label": "Labels in this text" });
  const note = h("p", { class: "note" });
  root.append(h("div", { class: "tag-head" }, field("Text", input)),
    h("section", { class: "card tagged-card", "aria-label": "Labels" }, legend, frame), note);
  input.addEventListener("input", ask);
  context.on("show", () => input.focus({ preventScroll: true }));
  context.on("hide", hide);
  signal.addEventListener("abort", () => request?.abort());
  input.value = context.values.text ?? startOf(model, STARTS);
  draw();
  ask();

  async function ask() {
    request?.abort();
    const mine = request = new AbortController();
    state.text = input.value;
    context.keep({ text: state.text });
    let answer = null;
    try {
      if (state.text.trim() !== "") {
        answer = await api.post("api/tag", { model: model.name, text: state.text },
          { signal: mine.signal });
      }
    } catch (error) {
      if (mine === request) context.fail(error);
    }
    if (mine !== request) return;
    state.answer = answer;
    draw();
  }

  function draw() {
    hide();
    spans.length = 0;
    focus = 0;
    const lines = state.answer?.lines ?? [];
    text.replaceChildren(...lines.map((line) => h("p", {},
      wordsOf(line, words).map((word) => h("span", { class: "tagged-word" }, word.map(symbolOf))))));
    if (spans.length) spans[0].element.tabIndex = 0;
    else text.append(h("p", { class: "note" }, EMPTY));
    drawLegend();
    const unknown = spans.filter(({ symbol }) => symbol.unknown).length;
    note.textContent = unknown
      ? `${unknown} of the ${words ? "words" : "characters"} are unknown to the model.` : "";
  }

  /** A symbol over its label; one without a mark has the label O, or is its own label. */
  function symbolOf(symbol) {
    const plain = isPlain(symbol);
    const element = h("span", {
      class: plain ? "tagged-symbol" : "tagged-symbol marked-label", role: "button",
      "aria-label": `${spoken(symbol.text)}: ${symbol.label}, ${percent(symbol.probability)}. `
        + `Likeliest: ${symbol.likely.slice(0, 3).map(([label, p]) => `${label} ${percent(p)}`).join(", ")}`,
      vars: { "--hue": hues.get(kindOf(symbol.label)), "--share": symbol.probability.toFixed(3) },
    }, h("span", { class: "what" }, words ? symbol.text : visibleSpace(symbol.text)),
    h("span", { class: "label-of" }, plain ? "" : symbol.label));
    element.dataset.place = spans.length;
    spans.push({ element, symbol });
    return element;
  }

  function drawLegend() {
    const counts = new Map();
    for (const { symbol } of spans) {
      if (isPlain(symbol)) continue;
      const kind = kindOf(symbol.label);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    legend.replaceChildren(...[...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) =>
      h("li", {}, h("span", { class: "swatch", vars: { "--hue": hues.get(kind) } }), visible(kind),
        h("span", { class: "figure note" }, ` ${count}`))));
    legend.hidden = counts.size === 0;
  }

  // -- what else it could be -----------------------------------------------------------

  function show(place) {
    if (place === state.place) return;
    hide();
    const { element, symbol } = spans[place];
    state.place = place;
    element.classList.add("current");
    popup.replaceChildren(
      h("p", { class: "note figure" },
        `${visible(symbol.text)}${symbol.unknown ? ", unknown to the model" : ""}`),
      ...symbol.likely.map(([label, p]) => h("div", { class: label === symbol.label ? "option written" : "option" },
        h("span", { class: "mono" }, visible(label)),
        h("span", { class: "bar", vars: { "--share": p.toFixed(4) } }),
        h("span", { class: "figure" }, percent(p)))));
    popup.hidden = false;
    beside(popup, element, frame);
  }

  function hide() {
    if (state.place !== null) spans[state.place]?.element.classList.remove("current");
    state.place = null;
    popup.hidden = true;
  }

  function moveTo(place) {
    spans[focus].element.removeAttribute("tabindex");
    focus = Math.max(0, Math.min(spans.length - 1, place));
    spans[focus].element.tabIndex = 0;
    spans[focus].element.focus();
  }

  /** The symbol above or below: the nearest one of the next line in that direction. */
  function vertical(direction) {
    const boxes = spans.map(({ element }) => element.getBoundingClientRect());
    const here = boxes[focus];
    let [best, line] = [focus, null];
    for (let place = focus + direction; boxes[place]; place += direction) {
      if (Math.abs(boxes[place].top - here.top) < 4) continue;
      line ??= boxes[place].top;
      if (Math.abs(boxes[place].top - line) > 4) break;
      const nearer = Math.abs(boxes[place].left - here.left) < Math.abs(boxes[best].left - here.left);
      if (best === focus || nearer) best = place;
    }
    return best;
  }

  const placeOf = (target) => Number(target.closest?.(".tagged-symbol")?.dataset.place ?? -1);
  const point = ({ target }) => {
    const place = placeOf(target);
    if (place >= 0) show(place);
  };
  text.addEventListener("pointerover", point);
  text.addEventListener("click", point);
  text.addEventListener("focusin", point);
  frame.addEventListener("pointerleave", hide);
  frame.addEventListener("focusout", hide);
  text.addEventListener("keydown", (event) => {
    const moves = {
      ArrowRight: () => moveTo(focus + 1), ArrowLeft: () => moveTo(focus - 1),
      ArrowDown: () => moveTo(vertical(1)), ArrowUp: () => moveTo(vertical(-1)),
      Home: () => moveTo(0), End: () => moveTo(spans.length - 1), Escape: hide,
    };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[event.key]();
  });
}

/** Symbols that stay in one line: a word, of characters with the space behind it. */
function wordsOf(line, words) {
  if (words) return line.map((symbol) => [symbol]);
  const found = [[]];
  for (const symbol of line) {
    found.at(-1).push(symbol);
    if (symbol.text === " ") found.push([]);
  }
  return found;
}

/** The label without what says where in a span it stands: B-PER and I-PER have one colour. */
function kindOf(label) {
  return SPANS.exec(label)?.[1] ?? label;
}

const isPlain = ({ text, label }) => label === OUTSIDE || label === text;

const visibleSpace = (text) => (text === " " ? "\u00a0" : visible(text));
