// The unrolled graph in SVG: a column for every step, the values of every vector as a strip
// of coloured cells, under each the strip of its gradient once that has arrived.

import { spoken, svg, visible } from "./dom.js";
import { figure } from "./notation.js";
import { arrowheads, clip, line, shift, subscripted } from "./shapes.js";

const PITCH = 155; // from column to column
const STRIP = 100;
const LEFT = 148; // of the first column's middle
const [LOSS, P, BAR, BARS] = [14, 42, 14, 5];
const LOGITS = P + BAR * BARS + 28;
const [VALUE, GATE, GRADIENT] = [16, 9, 9];
const GAP = 38; // for an edge
const NORMS = 68;
const ENTERING = LEFT - PITCH + STRIP / 2 - 18; // left end of the state before the first step
const MONO = 6.7; // the width of a small letter

/** `choose(mark)` when a node or an edge is clicked. Returns `element`, `set(data, colours)`,
 * where colours(kind) is the palette of "value", "cell", "gate", "embedding", "logits",
 * "gradient" or "dlogits", and
 * `show(moves, position)`. */
export function graph({ choose }) {
  const picture = svg("svg", { class: "graph", role: "group" });
  let marks = new Map(); // name -> elements
  let data = null;

  function set(answer, colours) {
    data = answer;
    marks = new Map();
    const rows = layout(data);
    const width = LEFT + (data.steps - 0.5) * PITCH + 10;
    picture.setAttribute("viewBox", `0 0 ${width} ${rows.height}`);
    picture.setAttribute("width", width);
    picture.setAttribute("height", rows.height);
    picture.setAttribute("aria-label",
      `The network unrolled over ${data.steps} steps, from ${data.text[data.start]}`);
    const edges = svg("g", {});
    const nodes = svg("g", {});
    picture.replaceChildren(arrowheads(), nodes, edges); // the focus of an edge lies over the nodes
    for (let l = 0; l < data.layers; l += 1) nodes.append(entering(rows, l, colours));
    for (let t = 0; t < data.steps; t += 1) {
      drawEdges(edges, rows, t);
      drawColumn(nodes, rows, t, colours);
    }
    nodes.append(normsRow(rows), titles(rows));
    rove("x0");
  }

  /** What the rows are: once, on the left. */
  function titles(rows) {
    const title = (text, y) => svg("text", { class: "row-title", x: 2, y }, text);
    return svg("g", {}, title("loss", LOSS), title("probabilities", P + BAR * 2), title("logits", LOGITS + VALUE - 4),
      ...rows.layers.map(({ gates }) => title("hidden state", gates + 14)), // below what enters
      title("input", rows.input + 18));
  }

  // -- the keyboard --------------------------------------------------------------------

  /** All nodes and edges, in the order in which the network computes them. */
  function path() {
    const layers = Array.from({ length: data.layers }, (_, l) => l);
    const column = (t) => [`x${t}`, ...layers.flatMap((l) => ["xh", "hh", "cc", "h"].map((kind) => `${kind}${t}.${l}`)),
      ...["hy", "y", "yp", "p", "ploss", "loss"].map((kind) => `${kind}${t}`)];
    return data.forward.flatMap((_, t) => column(t)).filter((mark) => marks.has(mark));
  }

  /** The tab key stops at one of them; the arrow keys lead on. */
  function rove(mark) {
    for (const element of picture.querySelectorAll("[data-mark]")) {
      element.setAttribute("tabindex", element.dataset.mark === mark ? 0 : -1);
    }
  }

  picture.addEventListener("keydown", (event) => {
    const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const { mark } = event.target.dataset;
    if (!direction || !mark || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const order = path();
    const stride = event.shiftKey ? order.length / data.steps : 1; // the same one of the next step
    marks.get(order[order.indexOf(mark) + direction * stride])?.[0].focus();
  });

  const middle = (t) => LEFT + t * PITCH;

  function keep(name, element) {
    if (!marks.has(name)) marks.set(name, []);
    marks.get(name).push(element);
    return element;
  }

  // -- edges -------------------------------------------------------------------------

  function edge(parent, name, from, to, label, said, beside = 7) {
    const [dx, dy] = from[0] === to[0] ? [beside, 0] : [0, beside]; // the way back runs beside
    const hit = svg("path", { class: "edge-hit", d: line(from, to) });
    const ahead = svg("path", { class: "edge ahead", d: line(shift(from, -dx, -dy), shift(to, -dx, -dy)) });
    const back = svg("path", { class: "edge back", d: line(shift(to, dx, dy), shift(from, dx, dy)) });
    const group = svg("g", { ...button(name, said), class: "edge-group" }, hit, ahead, back);
    if (label) {
      const vertical = from[0] === to[0];
      const x = vertical ? from[0] + 18 : (from[0] + to[0]) / 2;
      const y = vertical ? (from[1] + to[1]) / 2 + 4 : from[1] + (label === "f" ? 19 : -15);
      group.append(subscripted(label, { class: "edge-label", x, y, "text-anchor": vertical ? "start" : "middle" }));
    }
    parent.append(keep(name, group));
  }

  function drawEdges(parent, rows, t) {
    const x = middle(t);
    const top = rows.layers.at(-1);
    edge(parent, `ploss${t}`, [x, P - 4], [x, LOSS + 14], null, `From the probabilities to the loss${step(t)}`);
    edge(parent, `yp${t}`, [x, LOGITS - 3], [x, P + BAR * BARS + 5], null, `From the logits to the probabilities${step(t)}`);
    edge(parent, `hy${t}`, [x, top.top - 3], [x, LOGITS + VALUE + GRADIENT + 6], "W_y", `Edge W_y, to the logits${step(t)}`);
    for (let l = 0; l < data.layers; l += 1) {
      const { hidden, cell, bottom } = rows.layers[l];
      const below = l ? rows.layers[l - 1].top : rows.input;
      edge(parent, `xh${t}.${l}`, [x, below - 3], [x, bottom + 5], "W_x", `Edge W_x, to the hidden state${step(t, l)}`);
      const from = t ? middle(t - 1) + STRIP / 2 + 5 : middle(-1) + STRIP / 2 + 16;
      const to = x - STRIP / 2 - 6;
      const along = hidden + VALUE / 2 + 4;
      edge(parent, `hh${t}.${l}`, [from, along], [to, along], "W_h", `Edge W_h, from the hidden state before${step(t, l)}`);
      if (cell) {
        const aside = t ? 10 : 0; // room for the letter of the cell
        edge(parent, `cc${t}.${l}`, [from + aside, cell + 8], [to, cell + 8], "f", `Edge of the forget gate, from the cell before${step(t, l)}`, 4);
      }
    }
  }

  /** Where a node or an edge is, for screen readers. */
  function step(t, layer = null) {
    const of = data.layers > 1 && layer !== null ? `, layer ${layer + 1}` : "";
    return `${of}, step ${t + 1} of ${data.steps}`;
  }

  // -- nodes -------------------------------------------------------------------------

  function node(name, said, ...children) {
    return keep(name, svg("g", { ...button(name, said), class: "node" }, ...children));
  }

  /** What makes a node or an edge a button. */
  function button(name, said) {
    return { "data-mark": name, role: "button", tabindex: -1, "aria-label": said, on: {
      click: () => choose(name), focus: () => rove(name),
      keydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(name);
      },
    } };
  }

  function strip(values, colours, x, y, height, kind) {
    const width = STRIP / values.length;
    return svg("g", { class: `strip ${kind}` },
      svg("rect", { class: "strip-frame", x: x - STRIP / 2, y, width: STRIP, height }),
      values.map((value, i) => svg("rect", {
        x: (x - STRIP / 2 + i * width).toFixed(2), y, width: width.toFixed(2), height,
        fill: colours.css(value), class: "strip-cell",
      }, svg("title", {}, figure(value)))));
  }

  function name(text, x, y, above = null) {
    return subscripted(text, { class: "node-name", x, y, "text-anchor": "end" }, above);
  }

  const ofLayer = (l) => (data.layers > 1 ? `(${l + 1})` : null);

  /** The state before the first step. */
  function entering(rows, l, colours) {
    const { hidden, cell } = rows.layers[l];
    const layer = data.forward[0].layers[l];
    return svg("g", { class: "node reached" },
      small(layer.hidden_before, colours("value"), hidden, VALUE), name(`h_${data.start}`, ENTERING - 6, hidden + 12, ofLayer(l)),
      ...(layer.cell ? [small(layer.cell_before, colours("cell"), cell, VALUE), name(`c_${data.start}`, ENTERING - 6, cell + 12, ofLayer(l))] : []));
  }

  function small(values, colours, y, height) {
    const width = 26;
    if (values.every((value) => value === 0)) {
      return svg("g", {}, svg("rect", { class: "strip-frame", x: ENTERING, y, width, height }),
        svg("text", { class: "zero", x: ENTERING + width / 2, y: y + 12, "text-anchor": "middle" }, "0"));
    }
    return svg("g", {}, values.map((value, i) => svg("rect", {
      x: ENTERING + (i * width) / values.length, y, width: width / values.length, height, fill: colours.css(value),
    })));
  }

  function drawColumn(parent, rows, t, colours) {
    const x = middle(t);
    const n = data.start + t + 1;
    const ahead = data.forward[t];
    const back = data.backward[t];
    const symbol = data.text[data.start + t];
    const token = clip(visible(symbol), 11);
    const wide = Math.max(44, 9.1 * token.length + 16);
    parent.append(node(`x${t}`, `Input x ${n}, ${spoken(symbol)}${step(t)}`,
      ahead.embedding ? strip(ahead.embedding, colours("embedding"), x, rows.input, VALUE, "value") : null,
      ahead.embedding ? strip(back.layers[0].x, colours("gradient"), x, rows.input + VALUE + 2, GRADIENT, "gradient") : null,
      svg("rect", { class: "token", x: x - wide / 2, y: rows.token, width: wide, height: 30, rx: 5 }),
      svg("text", { class: "token-text", x, y: rows.token + 20, "text-anchor": "middle" }, token),
      name(`x_${n}`, x - (ahead.embedding ? STRIP / 2 + 6 : wide / 2 + 8), ahead.embedding ? rows.input + 12 : rows.token + 20)));
    for (let l = 0; l < data.layers; l += 1) {
      const place = rows.layers[l];
      const layer = ahead.layers[l];
      const group = node(`h${t}.${l}`, `Hidden state h ${n}${step(t, l)}`,
        strip(layer.hidden, colours("value"), x, place.hidden, VALUE, "value"),
        strip(back.layers[l].hidden, colours("gradient"), x, place.hidden + VALUE + 2, GRADIENT, "gradient"),
        subscripted(`h_${n}`, { class: "node-name", x: x - STRIP / 2, y: place.top - 6 }, ofLayer(l)));
      Object.entries(layer.gates).forEach(([letter, values], k) => group.append(
        strip(values, colours("gate"), x, place.gates + k * (GATE + 1), GATE, "value"),
        svg("text", { class: "gate-name", x: x + STRIP / 2 + 4, y: place.gates + k * (GATE + 1) + 8 }, letter)));
      if (layer.cell) {
        group.append(strip(layer.cell, colours("cell"), x, place.cell, GATE, "value"),
          strip(back.layers[l].cell, colours("gradient"), x, place.cell + GATE + 1, 5, "gradient"),
          svg("text", { class: "gate-name", x: x + STRIP / 2 + 4, y: place.cell + 8 }, "c"));
      }
      parent.append(group);
    }
    parent.append(
      node(`y${t}`, `Logits y ${n}${step(t)}`, strip(ahead.logits, colours("logits"), x, LOGITS, VALUE, "value"),
        strip(back.logits, colours("dlogits"), x, LOGITS + VALUE + 2, GRADIENT, "gradient"),
        name(`y_${n}`, x - STRIP / 2 - 6, LOGITS + 12)),
      bars(t, x),
      node(`loss${t}`, `Loss ${figure(ahead.loss)}${step(t)}`, svg("text", { class: "loss", x, y: LOSS, "text-anchor": "middle" },
        svg("tspan", { class: "loss-word" }, "loss "), figure(ahead.loss))));
  }

  /** The likeliest symbols, and the one that came. */
  function bars(t, x) {
    const { p } = data.forward[t];
    const target = data.symbols.indexOf(data.ids[t + 1]);
    const order = p.map((_, v) => v).sort((a, b) => p[b] - p[a]);
    const shown = order.slice(0, BARS);
    if (!shown.includes(target)) shown[BARS - 1] = target;
    const texts = new Map(shown.map((v) => [v, clip(visible(data.symbol_texts[v]), 7)]));
    const longest = Math.max(...[...texts.values()].map((text) => text.length));
    const left = x - STRIP / 2 + Math.max(20, longest * MONO + 8);
    const room = x + STRIP / 2 - 30 - left;
    return node(`p${t}`, `Probabilities p ${data.start + t + 1}${step(t)}`, svg("rect", { class: "hit", x: x - STRIP / 2, y: P, width: STRIP, height: BAR * BARS }),
      shown.map((v, row) => {
        const y = P + row * BAR;
        const kind = v === target ? "target" : "";
        return svg("g", { class: `p-row ${kind}` },
          svg("text", { class: "p-symbol", x: left - 6, y: y + 11, "text-anchor": "end" }, texts.get(v)),
          svg("rect", { class: "p-bar", x: left, y: y + 2.5, width: Math.max(1, p[v] * room).toFixed(1), height: 9, rx: 1.5 }),
          svg("text", { class: "p-value", x: left + Math.max(1, p[v] * room) + 5, y: y + 11 }, p[v].toFixed(3)));
      }), name(`p_${data.start + t + 1}`, x - STRIP / 2 - 6, P + 11));
  }

  // -- how the norm travels back -------------------------------------------------------

  function normsRow(rows) {
    const l = data.layers - 1;
    const all = data.norms.all.map((layers) => layers[l]);
    const last = data.norms.last.map((layers) => layers[l]);
    const most = Math.max(...all, ...last);
    const base = rows.norms + NORMS - 18;
    const height = (value) => (most ? (value / most) * (NORMS - 44) : 0);
    const group = svg("g", { class: "norms" },
      svg("line", { class: "norm-base", x1: LEFT - STRIP / 2, x2: middle(data.steps - 1) + STRIP / 2, y1: base, y2: base }),
      svg("text", { class: "norm-title", x: LEFT - STRIP / 2 - 6, y: base - 20, "text-anchor": "end" }, "norm of"),
      subscripted("∂L/∂h_t", { class: "norm-title", x: LEFT - STRIP / 2 - 6, y: base - 4, "text-anchor": "end" }));
    all.forEach((value, t) => {
      const x = middle(t);
      keep(`norm${t}`, group.appendChild(svg("g", { class: "norm" },
        svg("rect", { class: "norm-bar", x: x - 30, y: base - height(value), width: 22, height: height(value) }),
        svg("rect", { class: "norm-last", x: x + 8, y: base - height(last[t]), width: 22, height: height(last[t]) }),
        svg("text", { class: "norm-value", x: x - 19, y: base - height(value) - 4, "text-anchor": "middle" }, figure(value)),
        svg("text", { class: "norm-value", x: x + 19, y: base - height(last[t]) - 4, "text-anchor": "middle" }, figure(last[t])),
        svg("text", { class: "norm-name", x: x - 19, y: base + 13, "text-anchor": "middle" }, "all"),
        svg("text", { class: "norm-name", x: x + 19, y: base + 13, "text-anchor": "middle" }, "last loss"))));
    });
    return group;
  }

  // -- where the story is --------------------------------------------------------------

  function show(moves, position) {
    for (const elements of marks.values()) {
      elements.forEach((element) => element.classList.remove("reached", "returned", "active"));
    }
    const apply = (name, style) => (marks.get(name) ?? []).forEach((element) => element.classList.add(style));
    moves.slice(0, position + 1).forEach((move) => {
      for (const name of move.marks) {
        // A hidden state has its gradient when both edges have arrived, not when one leaves.
        if (move.phase === "forward") apply(name, "reached");
        else apply(name, "returned");
      }
      if (move.kind === "sum" && move.layer === data.layers - 1) apply(`norm${move.t}`, "reached");
    });
    moves[position]?.marks.forEach((name) => apply(name, "active"));
  }

  return { element: picture, set, show, middle };
}

/** Where everything stands, from the loss at the top to the input and the norms. */
function layout(data) {
  const gates = data.cell === "rnn" ? 0 : data.gates.length;
  const layers = [];
  let y = LOGITS + VALUE + GRADIENT + 6 + GAP;
  for (let l = data.layers - 1; l >= 0; l -= 1) {
    const place = { top: y, hidden: y };
    y += VALUE + 2 + GRADIENT + 3;
    if (data.cell === "lstm") {
      place.cell = y;
      y += GATE + 8;
    }
    place.gates = y;
    y += gates * (GATE + 1);
    place.bottom = y;
    layers[l] = place;
    y += GAP + 2;
  }
  const token = data.embedding_size ? y + VALUE + GRADIENT + 8 : y;
  return { layers, input: y, token, norms: token + 34, height: token + 34 + NORMS };
}
