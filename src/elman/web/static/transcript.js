// Written text, every symbol shaded by its surprise; what else could have stood there
// pops up under the pointer, the keyboard focus or a tap.

import { beside, h, percent, spoken, visible } from "./dom.js";

const DWELL = 90; // ms on a symbol before the alternatives change to it, or go away
const BLOCK = 400; // symbols after which a line begins a new block: only the last is laid out again

export const bits = (probability) => -Math.log2(Math.max(probability, 1e-12));

/** The element shows `symbols`: {id, text, probability, alternatives, branch}, as POST
 * /api/sample gives them, the darkest those of `darkest` bits and more.
 * `branch(place, [id, text, probability])` is called when an alternative is chosen. */
export function transcript({ branch, darkest, signal }) {
  const symbols = [];
  const spans = [];
  let focus = -1; // the symbol that the keyboard is at
  let shown = -1; // the symbol whose alternatives are up
  let pinned = false;
  let timer = 0;

  const prime = h("span", { class: "prime" });
  const text = h("div", { class: "symbols" }, h("div", {}, prime));
  const popup = h("div", { class: "popup", role: "group", hidden: true });
  const element = h("div", { class: "transcript" }, text, popup);

  function clear(primed) {
    truncate(0);
    prime.textContent = primed;
  }

  function truncate(length) {
    hide();
    for (const span of spans.splice(length)) span.remove();
    for (const empty of text.querySelectorAll("div:empty")) empty.remove();
    symbols.length = length;
    focus = Math.min(focus, length - 1);
  }

  function add(symbol) {
    const span = h("span", {
      class: symbol.probability === undefined ? "prime" : "symbol",
      vars: { "--surprise-of": Math.min(1, bits(symbol.probability ?? 1) / darkest).toFixed(3) },
    }, symbol.text);
    if (symbol.text.endsWith("\n")) span.classList.add("newline");
    if (symbol.branch) span.classList.add("branched");
    span.dataset.place = symbols.length;
    if (focus < 0 && symbol.alternatives) {
      focus = symbols.length;
      name(span, symbol);
    }
    if (text.lastChild.childElementCount > BLOCK && symbols.at(-1)?.text.endsWith("\n")) {
      text.append(h("div"));
    }
    symbols.push(symbol);
    spans.push(span);
    text.lastChild.append(span);
  }

  // -- alternatives ------------------------------------------------------------------

  function name(span, symbol) {
    span.tabIndex = 0;
    span.setAttribute("role", "button");
    const alternatives = symbol.alternatives.slice(0, 3)
      .map(([, other, p]) => `${spoken(other)} ${percent(p)}`).join(", ");
    span.setAttribute("aria-label",
      `${spoken(symbol.text)}, ${percent(symbol.probability)}. Likeliest: ${alternatives}`);
  }

  function show(place) {
    clearTimeout(timer);
    if (place === shown) return;
    hide();
    const symbol = symbols[place];
    if (!symbol?.alternatives) return;
    shown = place;
    spans[place].classList.add("current");
    popup.replaceChildren(
      h("p", { class: "note figure" }, `${visible(symbol.text)}  ${percent(symbol.probability)} · `
        + `${bits(symbol.probability).toFixed(1)} bits`),
      ...choices(symbol).map((choice) => option(place, choice, choice[0] === symbol.id)),
    );
    popup.setAttribute("aria-label", `Alternatives to ${spoken(symbol.text)}`);
    popup.hidden = false;
    beside(popup, spans[place], element);
  }

  /** The likeliest symbols, the written one at the end if it is not among them. */
  function choices({ id, text: written, probability, alternatives }) {
    if (alternatives.some(([other]) => other === id)) return alternatives;
    return [...alternatives, [id, written, probability]];
  }

  function option(place, choice, written) {
    const [, symbol, probability] = choice;
    return h("button", {
      type: "button", class: written ? "option written" : "option",
      "aria-label": `${spoken(symbol)}, ${percent(probability)}, `
        + (written ? "as written; continue from here" : "continue from here"),
      on: { click: () => {
        branch(place, choice);
        moveTo(place);
        hide();
      } },
    },
    h("span", { class: "mono" }, visible(symbol)),
    h("span", { class: "bar", vars: { "--share": probability.toFixed(4) } }),
    h("span", { class: "figure" }, percent(probability)));
  }

  function hide() {
    clearTimeout(timer);
    if (shown >= 0) spans[shown]?.classList.remove("current");
    shown = -1;
    pinned = false;
    popup.hidden = true;
  }

  function pin(place) {
    show(place);
    pinned = shown >= 0;
  }

  // -- pointer -----------------------------------------------------------------------

  const placeOf = (target) => Number(target.closest?.(".symbol")?.dataset.place ?? -1);

  element.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch" || pinned) return;
    clearTimeout(timer);
    if (popup.contains(event.target)) return;
    const place = placeOf(event.target);
    if (place >= 0) timer = setTimeout(show, shown < 0 ? 0 : DWELL, place);
    else timer = setTimeout(hide, 3 * DWELL);
  });
  element.addEventListener("pointerleave", () => {
    clearTimeout(timer);
    if (!pinned) timer = setTimeout(hide, 3 * DWELL);
  });
  text.addEventListener("click", (event) => {
    const place = placeOf(event.target);
    if (place < 0 || (pinned && place === shown)) return hide();
    moveTo(place, false);
    pin(place);
  });
  document.addEventListener("pointerdown", (event) => {
    if (!element.contains(event.target)) hide();
  }, { signal });

  // What is copied is the text itself: blocks would add lines of their own.
  text.addEventListener("copy", (event) => {
    const selected = document.getSelection().getRangeAt(0).cloneContents();
    event.clipboardData.setData("text/plain", selected.textContent);
    event.preventDefault();
  });

  // -- keyboard ----------------------------------------------------------------------

  function moveTo(place, focused = true) {
    if (!symbols[place]?.alternatives) return;
    spans[focus]?.removeAttribute("tabindex");
    focus = place;
    name(spans[place], symbols[place]);
    if (focused) spans[place].focus();
  }

  /** The symbol above or below: the nearest one of the next line in that direction. */
  function vertical(direction) {
    const here = spans[focus].getBoundingClientRect();
    let best = focus;
    let distance = Infinity;
    let line = null;
    for (let place = focus + direction; spans[place]; place += direction) {
      const box = spans[place].getBoundingClientRect();
      if (Math.abs(box.top - here.top) < 4 || !symbols[place].alternatives) continue;
      line ??= box.top;
      if (Math.abs(box.top - line) > 4) break;
      if (Math.abs(box.left - here.left) < distance) {
        distance = Math.abs(box.left - here.left);
        best = place;
      }
    }
    return best;
  }

  text.addEventListener("focusin", (event) => {
    const place = placeOf(event.target);
    if (place >= 0) show(place);
  });
  text.addEventListener("keydown", (event) => {
    if (focus < 0) return;
    const moves = {
      ArrowRight: () => moveTo(focus + 1), ArrowLeft: () => moveTo(focus - 1),
      ArrowDown: () => moveTo(vertical(1)), ArrowUp: () => moveTo(vertical(-1)),
      Home: () => moveTo(symbols.findIndex((symbol) => symbol.alternatives)),
      End: () => moveTo(symbols.length - 1),
      Enter: () => enter(), " ": () => enter(), Escape: hide,
    };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[event.key]();
  });

  function enter() {
    pin(focus);
    popup.querySelector("button")?.focus();
  }

  popup.addEventListener("keydown", (event) => {
    const options = [...popup.querySelectorAll("button")];
    const at = options.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) options[(at + step + options.length) % options.length].focus();
    else if (event.key === "Escape") {
      hide();
      spans[focus]?.focus();
      hide();
    } else return;
    event.preventDefault();
  });
  element.addEventListener("focusout", (event) => {
    if (!element.contains(event.relatedTarget) && !pinned) hide();
  });

  return { element, symbols, clear, truncate, add };
}
