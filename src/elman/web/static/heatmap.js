// A heat map of units (rows) by symbols (columns) that scrolls: all cells are one small
// bitmap, a pixel each, of which the part in view is drawn enlarged.

import { colour, h, spoken, symbolAt, visible } from "./dom.js";
import { short } from "./palette.js";

const LEFT = 44; // the numbers of the units
const TOP = 24; // the symbols

/** `hover(cell)`, null when the pointer leaves, and `choose(cell)`: {step, unit, row, value}.
 * `set(data)`: {symbols, values, units, order, palette, wide}; values[t * units + u]. */
export function heatmap({ label, hover, choose, signal }) {
  const canvas = h("canvas", { class: "heat-canvas", width: 0, height: 0, "aria-hidden": "true" });
  const space = h("div", { class: "heat-space" }, canvas);
  const scroller = h("div", {
    class: "heat", tabIndex: 0, role: "application", "aria-label": label,
    "aria-roledescription": "heat map",
  }, space);
  const tip = h("div", { class: "heat-tip figure", hidden: true });
  const element = h("div", { class: "heat-frame" }, scroller, tip);
  const context = canvas.getContext("2d", { alpha: false });
  const bitmap = document.createElement("canvas");
  const view = { data: null, unit: null, range: null, at: null, cell: [11, 4], frames: [] };
  let waiting = false;

  // -- drawing -----------------------------------------------------------------------

  function set(data) {
    view.data = data;
    const steps = data.symbols.length;
    const height = Math.round(Math.min(22, Math.max(4, 330 / data.units)));
    view.cell = [data.wide ? 48 : 12, height];
    view.at = null;
    tip.hidden = true;
    space.style.width = `${LEFT + steps * view.cell[0]}px`;
    space.style.height = `${TOP + data.units * height}px`;
    scroller.style.height = `${TOP + Math.min(360, data.units * height) + 12}px`;
    paint();
  }

  function clear() {
    Object.assign(view, { data: null, at: null, range: null });
    tip.hidden = true;
    canvas.width = canvas.height = 0;
    space.style.width = space.style.height = "";
  }

  /** Fill the bitmap: after new values, another order or another theme. */
  function paint() {
    if (!view.data) return;
    const { symbols, values, units, order, palette } = view.data;
    bitmap.width = symbols.length;
    bitmap.height = units;
    const image = new ImageData(symbols.length, units);
    const pixels = new Uint32Array(image.data.buffer);
    for (let row = 0; row < units; row += 1) {
      const unit = order[row];
      for (let t = 0; t < symbols.length; t += 1) {
        pixels[row * symbols.length + t] = palette.pixels[palette.step(values[t * units + unit])];
      }
    }
    bitmap.getContext("2d").putImageData(image, 0, 0);
    view.colours = {
      paper: colour("--surface"), ink: colour("--ink"), muted: colour("--muted"),
      accent: colour("--accent"), soft: colour("--accent-soft"),
    };
    view.fonts = getComputedStyle(scroller).fontFamily;
    request();
  }

  function request() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const before = performance.now();
      draw();
      view.frames.push(performance.now() - before);
      if (view.frames.length > 600) view.frames.shift();
    });
  }

  function draw() {
    const { data, colours, cell: [w, rowHeight] } = view;
    const [width, height] = [scroller.clientWidth, scroller.clientHeight];
    if (!data || !width) return;
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colours.paper;
    context.fillRect(0, 0, width, height);
    const [x, y] = [scroller.scrollLeft, scroller.scrollTop];
    const steps = data.symbols.length;
    const shownWidth = Math.min(width - LEFT, steps * w - x);
    const shownHeight = Math.min(height - TOP, data.units * rowHeight - y);
    context.imageSmoothingEnabled = false;
    context.drawImage(bitmap, x / w, y / rowHeight, shownWidth / w, shownHeight / rowHeight,
      LEFT, TOP, shownWidth, shownHeight);
    drawSymbols(x, width);
    drawUnits(y, height);
    drawMarks(x, y, shownWidth, shownHeight);
  }

  function drawSymbols(x, width) {
    const { data, colours, cell: [w], range, at } = view;
    const first = Math.floor(x / w);
    // A character may begin in sight, and end three bytes behind.
    const last = Math.min(data.symbols.length, Math.ceil((x + width - LEFT) / w) + 3);
    context.save();
    context.beginPath();
    context.rect(LEFT, 0, width - LEFT, TOP);
    context.clip();
    if (range) {
      context.fillStyle = colours.soft;
      context.fillRect(LEFT + range[0] * w - x, 0, (range[1] - range[0]) * w, TOP);
    }
    context.font = `12px ${view.fonts}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let t = first; t < last; t += 1) {
      if (data.symbols[t] === "") continue; // the last byte of a character shows it, over all
      let begin = t;
      while (begin > 0 && data.symbols[begin - 1] === "") begin -= 1;
      const text = visible(data.symbols[t]);
      const space = text === "␣" || text === "↵";
      context.fillStyle = at?.step === t ? colours.accent : space ? colours.muted : colours.ink;
      context.globalAlpha = space && at?.step !== t ? 0.5 : 1;
      context.fillText(text.length > 6 ? `${text.slice(0, 5)}…` : text,
        LEFT + ((begin + t + 1) / 2) * w - x, TOP / 2, (t - begin + 1.4) * w);
    }
    context.restore();
  }

  function drawUnits(y, height) {
    const { data, colours, cell: [, rowHeight], at, unit } = view;
    const every = Math.ceil(14 / rowHeight);
    const first = Math.floor(y / rowHeight);
    const last = Math.min(data.units, Math.ceil((y + height - TOP) / rowHeight));
    const marked = [at?.row, unit === null ? undefined : data.order.indexOf(unit)]
      .filter((row) => row !== undefined && row >= first && row < last);
    context.save();
    context.beginPath();
    context.rect(0, TOP, LEFT, height - TOP);
    context.clip();
    context.font = `11px ${view.fonts}`;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const label = (row, strong) => {
      context.fillStyle = strong ? colours.accent : colours.muted;
      context.fillText(data.order[row], LEFT - 8, TOP + (row + 0.5) * rowHeight - y);
    };
    for (let row = Math.ceil(first / every) * every; row < last; row += every) {
      if (marked.every((other) => Math.abs(other - row) * rowHeight >= 13)) label(row, false);
    }
    for (const row of marked) label(row, true);
    context.restore();
  }

  function drawMarks(x, y, shownWidth, shownHeight) {
    const { data, colours, cell: [w, rowHeight], unit, at, range } = view;
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, shownWidth, shownHeight);
    context.clip();
    context.lineWidth = 1.5;
    if (range) {
      context.strokeStyle = colours.accent;
      context.strokeRect(LEFT + range[0] * w - x, TOP - 4, (range[1] - range[0]) * w, shownHeight + 8);
    }
    if (unit !== null) {
      const top = TOP + data.order.indexOf(unit) * rowHeight - y;
      context.strokeStyle = colours.accent;
      context.strokeRect(LEFT - 4, top - 1, shownWidth + 8, rowHeight + 2);
    }
    if (at) {
      context.strokeStyle = colours.ink;
      context.strokeRect(LEFT + at.step * w - x, TOP + at.row * rowHeight - y - 0.5, w, rowHeight + 1);
    }
    context.restore();
  }

  // -- pointing ----------------------------------------------------------------------

  function cellOf(step, row) {
    const { data } = view;
    const unit = data.order[row];
    return { step, row, unit, value: data.values[step * data.units + unit] };
  }

  function under(event) {
    const box = scroller.getBoundingClientRect();
    const { data, cell: [w, rowHeight] } = view;
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    if (!data || top < TOP || top > scroller.clientHeight || left > scroller.clientWidth) return null;
    const step = Math.floor((left - LEFT + scroller.scrollLeft) / w);
    const row = Math.floor((top - TOP + scroller.scrollTop) / rowHeight);
    if (row >= data.units || step >= data.symbols.length) return null;
    return cellOf(Math.max(0, left < LEFT ? 0 : step), row);
  }

  function point(cell) {
    view.at = cell;
    hover(cell);
    tip.hidden = !cell;
    if (cell) {
      tip.replaceChildren(
        h("span", { class: "mono" }, symbolAt(view.data.symbols, cell.step)),
        h("span", {}, `unit ${cell.unit}`), h("strong", {}, short(cell.value, 3)));
      const [w, rowHeight] = view.cell;
      const x = LEFT + cell.step * w - scroller.scrollLeft;
      const y = TOP + cell.row * rowHeight - scroller.scrollTop;
      const flip = x + w + tip.offsetWidth + 12 > scroller.clientWidth;
      tip.style.left = `${Math.max(0, flip ? x - tip.offsetWidth - 8 : x + w + 8)}px`;
      tip.style.top = `${Math.max(0, Math.min(y - 12, scroller.clientHeight - tip.offsetHeight))}px`;
    }
    request();
  }

  scroller.addEventListener("pointermove", (event) => point(under(event)));
  scroller.addEventListener("pointerleave", () => point(null));
  scroller.addEventListener("click", (event) => {
    const cell = under(event);
    if (cell) choose(cell);
  });
  scroller.addEventListener("scroll", () => {
    if (view.at && !scroller.matches(":focus-visible")) point(null);
    request();
  }, { passive: true });
  new ResizeObserver(request).observe(scroller);

  scroller.addEventListener("keydown", (event) => {
    if (!view.data || event.ctrlKey || event.metaKey || event.altKey) return;
    const { data } = view;
    const at = view.at ?? cellOf(0, Math.max(0, view.unit === null ? 0 : data.order.indexOf(view.unit)));
    const page = event.shiftKey ? 10 : 1;
    const moves = {
      ArrowRight: [page, 0], ArrowLeft: [-page, 0], ArrowDown: [0, page], ArrowUp: [0, -page],
      PageDown: [0, 20], PageUp: [0, -20], Home: [-Infinity, 0], End: [Infinity, 0],
    };
    if (event.key === "Enter" || event.key === " ") choose(at);
    else if (event.key in moves) {
      const clamp = (value, most) => Math.max(0, Math.min(most, value));
      const [right, down] = view.at ? moves[event.key] : [0, 0];
      const cell = cellOf(clamp(at.step + right, data.symbols.length - 1),
        clamp(at.row + down, data.units - 1));
      reveal(cell);
      point(cell);
    } else return;
    event.preventDefault();
  });
  scroller.addEventListener("blur", () => point(null));

  /** Scroll no further than it takes to see a step, a row, or both. */
  function reveal({ step = null, row = null }) {
    const [w, rowHeight] = view.cell;
    const see = (position, size, from, room) =>
      position < from ? position : Math.max(from, position + size - room);
    if (step !== null) {
      scroller.scrollLeft = see(step * w, w, scroller.scrollLeft, scroller.clientWidth - LEFT - 12);
    }
    if (row !== null) {
      scroller.scrollTop = see(row * rowHeight, rowHeight, scroller.scrollTop,
        scroller.clientHeight - TOP - 12);
    }
  }

  signal.addEventListener("abort", () => {
    view.data = null;
  });

  return {
    element, scroller, set, clear, paint, reveal, frames: view.frames,
    /** What is pointed at, for screen readers. */
    describe: ({ step, unit, value }) =>
      `${view.data.symbols[step] ? spoken(view.data.symbols[step]) : symbolAt(view.data.symbols, step)}, unit ${unit}, ${short(value, 3)}`,
    mark({ unit, range }) {
      view.unit = unit;
      view.range = range;
      request();
    },
  };
}
