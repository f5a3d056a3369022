// A line chart in SVG: few series over one x, ticks, and a cursor that charts can share.

import { h, svg } from "./dom.js";

const LEFT = 44;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 4;

/** `series`: [{name, kind}], `kind` a class ("first", "second"; "dots" marks the points).
 * `format(y)` is for the legend and ticks. Returns `element`, and
 * `set(lists, levels)`: a list of [x, y] for each series, x rising, and [{name, y}] that are drawn
 * across if the picture reaches so far; `cursor(x)`, null hides it. `unit` is what x counts.
 * `hovered(x)` is called as the pointer moves, and by the arrow keys. */
export function chart({ title, series, format, height, hovered, label = (x) => x, unit = "step", floor = null }) {
  const values = series.map(() => h("span", { class: "value figure" }, "–"));
  const where = h("span", { class: "note figure where" });
  const plot = svg("svg", { class: "plot", role: "slider", tabindex: 0, height });
  const element = h("figure", { class: "chart" },
    h("figcaption", {}, h("h3", {}, title), where, h("ul", { class: "keys" },
      series.map(({ name, kind }, number) => h("li", {},
        name ? h("span", { class: `key ${kind}` }) : null, name ? h("span", {}, name) : null,
        values[number])))),
    plot);

  let lists = series.map(() => []);
  let levels = [];
  let at = null;
  let scale = null;
  let width = 0;

  new ResizeObserver(() => {
    if (plot.clientWidth === width) return;
    width = plot.clientWidth;
    draw();
  }).observe(plot);

  function set(newLists, newLevels = []) {
    [lists, levels] = [newLists, newLevels];
    draw();
  }

  function draw() {
    if (!width) return;
    scale = scaleOf(lists, levels, width, height, floor);
    const lines = svg("svg", {
      x: LEFT, y: TOP, width: width - LEFT, height: height - TOP - BOTTOM,
    });
    lists.forEach((points, number) => lines.append(...line(points, series[number].kind)));
    plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
    plot.setAttribute("aria-label", spokenSummary());
    plot.setAttribute("aria-valuemin", scale.first);
    plot.setAttribute("aria-valuemax", scale.last);
    plot.replaceChildren(...axes(), lines, svg("line", { class: "cursor", y1: TOP, y2: height - BOTTOM }));
    cursor(at);
  }

  function axes() {
    const parts = [svg("text", { class: "tick", x: LEFT - 8, y: height - 4, "text-anchor": "end" }, unit)];
    for (const y of ticks(scale.low, scale.high, height > 150 ? 5 : 3)) {
      const py = TOP + scale.y(y);
      parts.push(
        svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: py, y2: py }),
        svg("text", { class: "tick", x: LEFT - 8, y: py + 4, "text-anchor": "end" }, format(y)));
    }
    for (const { name, y } of levels) {
      if (y < scale.low || y > scale.high) continue;
      const py = TOP + scale.y(y);
      parts.push(
        svg("line", { class: "level", x1: LEFT, x2: width - RIGHT, y1: py, y2: py }),
        svg("text", { class: "tick level-name", x: width - RIGHT, y: py - 4, "text-anchor": "end" }, `${name} ${format(y)}`));
    }
    for (const x of ticks(scale.first, scale.last, width > 500 ? 6 : 3)) {
      const px = LEFT + scale.x(x);
      parts.push(svg("text", {
        class: "tick", x: px, y: height - 4,
        "text-anchor": px > width - 20 ? "end" : x === scale.first ? "start" : "middle",
      }, label(x)));
    }
    return parts;
  }

  function line(points, kind) {
    if (!points.length) return [];
    const at = ([x, y]) => `${scale.x(x).toFixed(1)},${scale.y(y).toFixed(1)}`;
    const path = svg("polyline", {
      class: `line ${kind}`, points: thin(points, width).map(at).join(" "),
    });
    if (!kind.includes("dots")) return [path];
    return [path, ...points.map(([x, y]) =>
      svg("circle", { class: `dot ${kind}`, cx: scale.x(x), cy: scale.y(y), r: 2.5 }))];
  }

  /** Show the values at x, or the last ones. */
  function cursor(x) {
    at = x;
    lists.forEach((points, number) => {
      const point = x === null ? points.at(-1) : nearest(points, x);
      values[number].textContent = point ? format(point[1]) : "–";
    });
    where.textContent = x === null ? "" : label(x, true);
    plot.setAttribute("aria-valuenow", x ?? scale?.last ?? 0);
    plot.setAttribute("aria-valuetext", spokenAt(x));
    const mark = plot.querySelector(".cursor");
    if (!mark || !scale) return;
    mark.classList.toggle("shown", x !== null);
    if (x !== null) {
      mark.setAttribute("x1", LEFT + scale.x(x));
      mark.setAttribute("x2", LEFT + scale.x(x));
    }
  }

  plot.addEventListener("pointermove", (event) => {
    if (!scale) return;
    const x = scale.back(event.clientX - plot.getBoundingClientRect().left - LEFT);
    const points = lists.find((list) => list.length);
    hovered(points ? nearest(points, x)[0] : null);
  });
  plot.addEventListener("pointerleave", () => hovered(null));
  plot.addEventListener("blur", () => hovered(null));
  plot.addEventListener("keydown", (event) => {
    const points = lists.find((list) => list.length);
    if (!points || event.ctrlKey || event.metaKey || event.altKey) return;
    const last = points.length - 1;
    const here = at === null ? last : points.indexOf(nearest(points, at));
    const page = Math.ceil(points.length / 10);
    const to = {
      ArrowLeft: here - 1, ArrowRight: here + 1, ArrowDown: here - 1, ArrowUp: here + 1,
      PageDown: here - page, PageUp: here + page, Home: 0, End: last, Escape: null,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    hovered(to === null ? null : points[Math.max(0, Math.min(last, to))][0]);
  });

  function spokenAt(x) {
    const shown = series.map(({ name }, number) => `${name ?? ""} ${values[number].textContent}`.trim());
    return [x === null ? "latest" : label(x, true), ...shown].join(", ");
  }

  function spokenSummary() {
    const parts = lists.map((points, number) => {
      if (!points.length) return null;
      const name = series[number].name;
      return `${name ? `${name} ` : ""}from ${format(points[0][1])} to ${format(points.at(-1)[1])}`;
    });
    return `${title}: ${parts.filter(Boolean).join("; ") || "nothing yet"}`;
  }

  return { element, set, cursor };
}

function scaleOf(lists, levels, width, height, floor) {
  const ys = lists.flat().map(([, y]) => y);
  const first = 0;
  const last = Math.max(1, ...lists.map((list) => list.at(-1)?.[0] ?? 0));
  let low = floor ?? ys.reduce((a, b) => Math.min(a, b), Infinity);
  let high = ys.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!ys.length) [low, high] = [floor ?? 0, 1];
  for (const { y } of levels) {
    if (y < low) low = y;
    else if (y < high + (high - low)) high = Math.max(high, y); // no further than twice as high
  }
  if (high <= low) high = low + (Math.abs(low) || 1) * 0.1;
  const margin = (high - low) * 0.06;
  high += margin;
  if (floor === null) low -= margin;
  const w = width - LEFT - RIGHT;
  const t = height - TOP - BOTTOM;
  return {
    first, last, low, high,
    x: (x) => ((x - first) / (last - first)) * w,
    y: (y) => t - ((y - low) / (high - low)) * t,
    back: (px) => first + (px / w) * (last - first),
  };
}

/** Round numbers between two values, about so many. */
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) ?? rough;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k += 1) found.push(k * step);
  return found;
}

/** The lowest and highest point of every two pixels: peaks stay. */
function thin(points, width) {
  if (points.length <= width) return points;
  const size = Math.ceil((2 * points.length) / width);
  const kept = [];
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size);
    const low = part.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = part.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low[0] < high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

function nearest(points, x) {
  let [from, to] = [0, points.length - 1];
  if (to < 0) return null;
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (points[middle][0] < x) from = middle;
    else to = middle;
  }
  return Math.abs(points[from][0] - x) <= Math.abs(points[to][0] - x) ? points[from] : points[to];
}
