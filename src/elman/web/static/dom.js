// Elements made of text nodes and attributes: nothing here ever parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes: `class`, `on` ({click: fn}), `vars` ({"--x": 1}), properties
 * such as `value` or `disabled`, and else attributes; children: nodes or text; null is left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

const PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "tabIndex", "textContent"]);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else if (name === "vars") {
      for (const [key, number] of Object.entries(value)) element.style.setProperty(key, number);
    } else if (PROPERTIES.has(name)) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Replace the buttons of a group; the focus stays where it was. */
export function refill(group, ...buttons) {
  const at = [...group.children].indexOf(document.activeElement);
  group.replaceChildren(...buttons.flat());
  if (at >= 0) group.children[Math.min(at, group.children.length - 1)]?.focus();
}

/** What a symbol looks like where white space must be seen. */
export function visible(text) {
  if (text === "") return "…"; // a byte before the last of its character
  return text.replace(/ /g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥");
}

/** What a symbol is called, for screen readers. */
export function spoken(text) {
  return { " ": "space", "\n": "new line", "\t": "tab", "": "first bytes of a character" }[text] ?? text;
}

/** A symbol of a text for people: of a byte its character, and which of its bytes it is. */
export function symbolAt(symbols, step) {
  let [first, last] = [step, step];
  while (symbols[last] === "" && last + 1 < symbols.length) last += 1;
  while (first > 0 && symbols[first - 1] === "") first -= 1;
  const text = visible(symbols[last]);
  return first === last ? text : `${text} (byte ${step - first + 1} of ${last - first + 1})`;
}

/** 0.1234 as "12 %", small ones as "0.3 %" or "< 0.1 %". */
export function percent(p) {
  const hundredths = 100 * p;
  if (hundredths >= 9.95) return `${Math.round(hundredths)} %`;
  return hundredths < 0.1 ? "< 0.1 %" : `${hundredths.toFixed(1)} %`;
}

/** 12345.6 as "12,346". */
export function whole(number) {
  return Math.round(number).toLocaleString("en-GB");
}

/** The colour of a CSS variable as the theme has it now, for canvas: "rgb(r, g, b)". */
export function colour(variable) {
  const probe = h("i", { hidden: true });
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** A labelled control. `hint` stands under it. */
export function field(label, control, hint = null) {
  return h("label", { class: "field" }, h("span", { class: "label" }, label), control,
    hint && h("span", { class: "hint" }, hint));
}

/** Switch a button on or off. One that is off keeps the focus, and app.js stops its clicks. */
export function enable(button, on) {
  button.setAttribute("aria-disabled", !on);
}

/** Put a popup under an element, or above it where the window ends; `around` is its frame. */
export function beside(popup, element, around) {
  const box = element.getClientRects()[0] ?? element.getBoundingClientRect();
  const frame = around.getBoundingClientRect();
  const most = frame.width - popup.offsetWidth;
  const above = box.bottom + popup.offsetHeight > innerHeight && box.top > popup.offsetHeight;
  popup.style.left = `${Math.max(0, Math.min(box.left - frame.left - 12, most))}px`;
  popup.style.top = `${(above ? box.top - popup.offsetHeight : box.bottom) - frame.top}px`;
}
