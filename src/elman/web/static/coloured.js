// Text whose every symbol is coloured by a number; a passage of it can be selected.

import { h } from "./dom.js";

/** A passage as it stands in a list, line ends shown and not made: symbols, values, and what
 * to mark: [start, end). */
export function passage(symbols, values, colours, marked = null) {
  const spans = symbols.map((text, i) => span(text.endsWith("\n") ? "↵" : text, values?.[i], colours));
  if (marked) spans.slice(...marked).forEach((s) => s.classList.add("marked"));
  return h("span", { class: "coloured" }, spans);
}

function span(text, value, colours) {
  const element = h("span", { class: text.endsWith("\n") ? "line-end" : null }, text);
  if (value !== undefined) element.style.backgroundColor = colours.css(value);
  return element;
}

/** A text to select passages in, by pointer or keyboard. `select([start, end] or null)`,
 * `hover(step or null)`. Returns `set(symbols)`, `colour(values, colours)`, `mark(range)`. */
export function selectable({ label, select, hover, signal }) {
  const element = h("div", {
    class: "coloured whole", tabIndex: 0, role: "application", "aria-label": label,
    "aria-roledescription": "text",
  });
  let spans = [];
  let cursor = [0, 0]; // of the keyboard: where its selection began, and where it is

  function set(symbols) {
    spans = symbols.map((text, i) => {
      const one = span(text);
      one.dataset.step = i;
      return one;
    });
    cursor = [0, 0];
    element.replaceChildren(...spans);
  }

  function colour(values, colours) {
    spans.forEach((one, i) => {
      one.style.backgroundColor = colours.css(values[i]);
    });
  }

  function mark(range) {
    spans.forEach((one, i) => {
      const inside = range !== null && i >= range[0] && i < range[1];
      one.classList.toggle("marked", inside);
      one.classList.toggle("marked-first", inside && i === range[0]);
      one.classList.toggle("marked-last", inside && i === range[1] - 1);
    });
  }

  const stepOf = (node) => {
    const one = (node?.nodeType === Node.TEXT_NODE ? node.parentElement : node)?.closest?.("[data-step]");
    return one && element.contains(one) ? Number(one.dataset.step) : null;
  };

  // The browser's own selection: it works with a mouse and with a finger.
  document.addEventListener("selectionchange", () => {
    const selection = document.getSelection();
    if (selection.isCollapsed || !element.contains(selection.anchorNode)) return;
    const range = selection.getRangeAt(0);
    const first = stepOf(range.startContainer);
    let last = stepOf(range.endContainer) ?? spans.length - 1;
    if (first === null) return;
    if (range.endOffset === 0 && last > first) last -= 1;
    const start = range.startOffset >= (range.startContainer.data ?? "").length && range.startOffset > 0
      ? first + 1 : first;
    if (start <= last) select([start, last + 1]);
  }, { signal });

  element.addEventListener("pointermove", (event) => hover(stepOf(event.target)));
  element.addEventListener("pointerleave", () => hover(null));
  element.addEventListener("focus", () => {
    if (element.matches(":focus-visible")) at(cursor[1]);
  });
  element.addEventListener("blur", () => at(null));

  function at(step) {
    element.querySelector(".current")?.classList.remove("current");
    hover(step);
    if (step === null) return;
    spans[step]?.classList.add("current");
    spans[step]?.scrollIntoView({ block: "nearest" });
  }

  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !spans.length) return;
    if (event.key === "Escape") {
      cursor[0] = cursor[1];
      return select(null);
    }
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: below(1), ArrowUp: below(-1),
      Home: -spans.length, End: spans.length };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(spans.length - 1, cursor[1] + moves[event.key]));
    cursor = event.shiftKey ? [cursor[0], to] : [to, to];
    at(to);
    if (event.shiftKey) select([Math.min(...cursor), Math.max(...cursor) + 1]);
  });

  /** How far it is to the symbol in the line above or below. */
  function below(direction) {
    const here = spans[cursor[1]].getBoundingClientRect();
    let [best, distance, line] = [0, Infinity, null];
    for (let i = cursor[1] + direction; spans[i]; i += direction) {
      const box = spans[i].getBoundingClientRect();
      if (Math.abs(box.top - here.top) < 4) continue;
      line ??= box.top;
      if (Math.abs(box.top - line) > 4) break;
      if (Math.abs(box.left - here.left) < distance) {
        [best, distance] = [i - cursor[1], Math.abs(box.left - here.left)];
      }
    }
    return best;
  }

  return { element, set, colour, mark };
}
