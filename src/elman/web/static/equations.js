// The moves of "Follow the numbers": forward a symbol at a time, then backward an edge at a
// time; for each the equations with their numbers, as tables, products and outer products.

import { visible } from "./dom.js";

/** A number as it stands in tables and worked equations. */
export function figure(value) {
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size < 5e-4 ? value.toExponential(1) : size < 100
    ? value.toFixed(3) : value.toPrecision(4);
  return text.replaceAll("-", "−");
}

export const signed = (value) => (value < 0 ? `(${figure(value)})` : figure(value));
const column = (name, values, options = {}) => ({ name, values, ...options });
const zip = (f, ...lists) => lists[0].map((_, i) => f(...lists.map((list) => list[i])));
const add = (a, b) => zip((x, y) => x + y, a, b);
const times = (...lists) => zip((...xs) => xs.reduce((x, y) => x * y), ...lists);
const transpose = (rows) => rows[0].map((_, k) => rows.map((row) => row[k]));
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** All moves of an answer of /api/steps. Each is {phase, t, kind, layer, title, parts, marks}:
 * `marks` are the nodes and edges of the graph that it is about. */
export function movesOf(data) {
  const moves = [];
  for (let t = 0; t < data.steps; t += 1) moves.push(forwardMove(data, t));
  for (let t = data.steps - 1; t >= 0; t -= 1) moves.push(...backwardMoves(data, t));
  moves.forEach((move, number) => Object.assign(move, { number }));
  return moves;
}

const names = (data) => ({
  units: data.units.map((unit) => `${unit}`),
  symbols: data.symbol_texts.map(visible),
  dimensions: data.dimensions.map((d) => `${d}`),
});

const input = (data, t) => visible(data.text[data.start + t]);
const target = (data, t) => visible(data.text[data.start + t + 1]);
const at = (data, t) => data.start + t + 1;
const before = (data, t) => data.start + t;
const level = (data, layer) => (data.layers > 1 ? `^{(${layer + 1})}` : "");
const index = (data, t) => data.symbols.indexOf(data.ids[t]);

/** What a layer reads: its name, labels and values; null for one-hot symbols. */
function reads(data, t, layer) {
  if (layer > 0) {
    return { name: `h_{${at(data, t)}}${level(data, layer - 1)}`, labels: names(data).units,
      values: data.forward[t].layers[layer - 1].hidden };
  }
  if (!data.embedding_size) return null;
  return { name: `x_{${at(data, t)}}`, labels: names(data).dimensions, values: data.forward[t].embedding };
}

// -- forward -------------------------------------------------------------------------

function forwardMove(data, t) {
  const marks = [`x${t}`, `y${t}`, `p${t}`, `loss${t}`, `hy${t}`, `yp${t}`, `ploss${t}`];
  const parts = [];
  for (let l = 0; l < data.layers; l += 1) {
    marks.push(`h${t}.${l}`, `xh${t}.${l}`, `hh${t}.${l}`);
    parts.push(...({ rnn: rnnParts, lstm: lstmParts, gru: gruParts }[data.cell])(data, t, l),
      recurrentProduct(data, t, l));
  }
  parts.push(logits(data, t), probabilities(data, t));
  const p = data.forward[t].p[index(data, t + 1)];
  return {
    phase: "forward", t, kind: "read", layer: null, marks, parts,
    title: `Reads ${quote(input(data, t))}, and gives the next symbol, ${quote(target(data, t))}, `
      + `the probability ${figure(p)}`,
  };
}

const quote = (text) => `“${text}”`;

/** x·W_x, b and h_{t-1}·W_h of a gate, as columns. */
function sums(data, t, l, gate) {
  const layer = data.forward[t].layers[l];
  const b = data.bias ? data.weights[`layer${l}.b`].values[gate] : layer.xW[gate].map(() => 0);
  return { xW: layer.xW[gate], hW: layer.hW[gate], b, layer };
}

function prefix(data, l) {
  return data.layers > 1 ? `Layer ${l + 1}: ` : "";
}

function source(data, t, l) {
  const read = reads(data, t, l);
  return read ? `${read.name}·W_x` : `W_x[${input(data, t)}]`;
}

function rnnParts(data, t, l) {
  const { xW, hW, b, layer } = sums(data, t, l, "a");
  const f = data.activation === "tanh" ? "tanh" : "ReLU";
  const a = zip((x, y, z) => x + y + z, xW, hW, b);
  return [{
    id: `h${l}`, name: `${prefix(data, l)}hidden state`, kind: "table", rows: names(data).units, of: "unit",
    equation: `h_{${at(data, t)}}${level(data, l)} = ${f}( ${source(data, t, l)} + h_{${before(data, t)}}·W_h + b )`,
    columns: [
      column(source(data, t, l), xW), column(`h_{${before(data, t)}}·W_h`, hW), column("b", b),
      column("sum a", a), column(`h_{${at(data, t)}}`, layer.hidden, { strong: true }),
    ],
    work: (r) => `${f}(${figure(xW[r])} + ${signed(hW[r])} + ${signed(b[r])}) = ${f}(${figure(a[r])}) = ${figure(layer.hidden[r])}`,
  }];
}

function lstmParts(data, t, l) {
  const { layer } = sums(data, t, l, "i");
  const { i, f, g, o } = layer.gates;
  const tanh = layer.cell.map(Math.tanh);
  return [{
    id: `h${l}`, name: `${prefix(data, l)}cell and hidden state`, kind: "table", rows: names(data).units, of: "unit",
    equation: `c_{${at(data, t)}} = f ⊙ c_{${before(data, t)}} + i ⊙ g      h_{${at(data, t)}}${level(data, l)} = o ⊙ tanh(c_{${at(data, t)}})`,
    columns: [
      column("f", f), column(`c_{${before(data, t)}}`, layer.cell_before), column("i", i), column("g", g),
      column(`c_{${at(data, t)}}`, layer.cell, { strong: true }), column("o", o),
      column("tanh c", tanh), column(`h_{${at(data, t)}}`, layer.hidden, { strong: true }),
    ],
    work: (r) => `c = ${figure(f[r])}·${signed(layer.cell_before[r])} + ${figure(i[r])}·${signed(g[r])} = ${figure(layer.cell[r])}, `
      + `h = ${figure(o[r])}·${signed(tanh[r])} = ${figure(layer.hidden[r])}`,
  }, gateParts(data, t, l)];
}

function gateParts(data, t, l) {
  return {
    id: `gates${l}`, name: `${prefix(data, l)}gates`, kind: "table", rows: names(data).units, of: "unit", gates: data.gates,
    by: (gate) => {
      const { xW, hW, b, layer } = sums(data, t, l, gate);
      const f = gate === "g" || gate === "n" ? "tanh" : "σ";
      const value = layer.gates[gate];
      if (gate === "n") return candidate(data, t, l, { xW, hW, b, layer });
      const a = zip((x, y, z) => x + y + z, xW, hW, b);
      return {
        equation: `${gate} = ${f}( ${source(data, t, l)} + h_{${before(data, t)}}·W_h + b )`,
        columns: [column(source(data, t, l), xW), column(`h_{${before(data, t)}}·W_h`, hW), column("b", b),
          column("sum a", a), column(gate, value, { strong: true })],
        work: (r) => `${f}(${figure(xW[r])} + ${signed(hW[r])} + ${signed(b[r])}) = ${f}(${figure(a[r])}) = ${figure(value[r])}`,
      };
    },
  };
}

/** The candidate of a GRU: the reset gate acts on the product. */
function candidate(data, t, l, { xW, hW, b, layer }) {
  const c = data.bias ? data.weights[`layer${l}.c_n`].values : hW.map(() => 0);
  const inner = add(hW, c);
  const { r, n } = layer.gates;
  const a = zip((x, y, reset, u) => x + y + reset * u, xW, b, r, inner);
  return {
    equation: `n = tanh( ${source(data, t, l)} + b + r ⊙ (h_{${before(data, t)}}·W_h + c_n) )`,
    columns: [column(source(data, t, l), xW), column("b", b), column("r", r),
      column(`h_{${before(data, t)}}·W_h`, hW), column("c_n", c), column("sum a", a), column("n", n, { strong: true })],
    work: (k) => `tanh(${figure(xW[k])} + ${signed(b[k])} + ${figure(r[k])}·${signed(inner[k])}) = tanh(${figure(a[k])}) = ${figure(n[k])}`,
  };
}

function gruParts(data, t, l) {
  const layer = data.forward[t].layers[l];
  const { z, n } = layer.gates;
  const old = layer.hidden_before;
  return [{
    id: `h${l}`, name: `${prefix(data, l)}hidden state`, kind: "table", rows: names(data).units, of: "unit",
    equation: `h_{${at(data, t)}}${level(data, l)} = (1 − z) ⊙ n + z ⊙ h_{${before(data, t)}}`,
    columns: [column("z", z), column("n", n), column(`h_{${before(data, t)}}`, old),
      column(`h_{${at(data, t)}}`, layer.hidden, { strong: true })],
    work: (r) => `(1 − ${figure(z[r])})·${signed(n[r])} + ${figure(z[r])}·${signed(old[r])} = ${figure(layer.hidden[r])}`,
  }, gateParts(data, t, l)];
}

function recurrentProduct(data, t, l) {
  const layer = data.forward[t].layers[l];
  return {
    id: `product${l}`, name: `${prefix(data, l)}h·W_h`, kind: "product", of: "unit", gates: several(data),
    by: (gate) => ({
      equation: `h_{${before(data, t)}}·W_h${several(data) ? `, columns of ${gate}` : ""}`,
      vector: { name: `h_{${before(data, t)}}`, labels: names(data).units, values: layer.hidden_before },
      matrix: transpose(data.weights[`layer${l}.W_h`].values[gate]), rows: names(data).units,
      result: column("product", layer.hW[gate]),
      whole: data.units.length === data.hidden_size,
    }),
  };
}

const several = (data) => (data.gates.length > 1 ? data.gates : null);

function logits(data, t) {
  const y = data.forward[t].logits;
  const top = data.forward[t].layers.at(-1).hidden;
  const b = data.bias ? data.weights["readout.b_y"].values : y.map(() => 0);
  return {
    id: "y", name: "logits", kind: "product", of: "symbol",
    equation: `y_{${at(data, t)}} = h_{${at(data, t)}}·W_y + b_y`,
    vector: { name: `h_{${at(data, t)}}`, labels: names(data).units, values: top },
    matrix: transpose(data.weights["readout.W_y"].values), rows: names(data).symbols,
    extra: column("b_y", b), result: column(`y_{${at(data, t)}}`, y),
    whole: data.units.length === data.hidden_size,
  };
}

function probabilities(data, t) {
  const { logits: y, p, loss } = data.forward[t];
  const chosen = index(data, t + 1);
  const hot = y.map((_, v) => Number(v === chosen));
  return {
    id: "p", name: "probabilities and loss", kind: "table", rows: names(data).symbols, of: "symbol", first: chosen,
    equation: `p_{${at(data, t)}} = softmax(y_{${at(data, t)}})      loss_{${at(data, t)}} = −log p_{${at(data, t)}}[${target(data, t)}] = ${figure(loss)}`,
    columns: [column(`y_{${at(data, t)}}`, y), column(`p_{${at(data, t)}}`, p, { strong: true }), column("target", hot)],
    work: (r) => (r === chosen ? `−log ${figure(p[r])} = ${figure(loss)} nats`
      : `e^{y} / Σ e^{y} = ${figure(Math.exp(y[r]))} / ${figure(Math.exp(y[r]) / p[r])} = ${figure(p[r])}`),
  };
}

// -- backward ------------------------------------------------------------------------

function backwardMoves(data, t) {
  const moves = [lossMove(data, t), readoutMove(data, t)];
  for (let l = data.layers - 1; l >= 0; l -= 1) {
    moves.push(sumMove(data, t, l), cellMove(data, t, l), weightsMove(data, t, l), beforeMove(data, t, l));
    if (l > 0) moves.push(belowMove(data, t, l));
  }
  return moves.map((move) => ({ phase: "backward", t, ...move }));
}

function lossMove(data, t) {
  const { p } = data.forward[t];
  const dy = data.backward[t].logits;
  const hot = p.map((_, v) => Number(v === index(data, t + 1)));
  return {
    kind: "loss", layer: null, marks: [`yp${t}`, `ploss${t}`, `y${t}`, `p${t}`],
    title: `From the loss to the logits: what was too likely is pushed down, ${quote(target(data, t))} up`,
    parts: [{
      id: "dy", name: "∂L/∂y", kind: "table", rows: names(data).symbols, of: "symbol", first: index(data, t + 1),
      equation: `∂L/∂y_{${at(data, t)}} = p_{${at(data, t)}} − onehot(${target(data, t)})`,
      columns: [column(`p_{${at(data, t)}}`, p), column("onehot", hot), column(`∂L/∂y_{${at(data, t)}}`, dy, { strong: true, gradient: true })],
      work: (r) => `${figure(p[r])} − ${hot[r]} = ${figure(dy[r])}`,
    }],
  };
}

function readoutMove(data, t) {
  const dy = data.backward[t].logits;
  const { above } = data.backward[t].layers.at(-1);
  const top = data.forward[t].layers.at(-1).hidden;
  return {
    kind: "readout", layer: data.layers - 1, marks: [`hy${t}`], added: ["readout.W_y", "readout.b_y"],
    title: "Through the readout: to the hidden state, and into W_y and b_y",
    parts: [{
      id: "above", name: "∂y·W_yᵀ", kind: "product", of: "unit",
      equation: `∂y_{${at(data, t)}}·W_y^{T}   = what arrives at h_{${at(data, t)}} from its own loss`,
      vector: { name: `∂L/∂y_{${at(data, t)}}`, labels: names(data).symbols, values: dy, gradient: true },
      matrix: data.weights["readout.W_y"].values, rows: names(data).units,
      result: column("from y", above, { gradient: true }), whole: data.symbols.length === data.vocabulary_size,
    }, outer(data, t, "readout.W_y", `∂L/∂W_y  +=  h_{${at(data, t)}}^{T}·∂L/∂y_{${at(data, t)}}      ∂L/∂b_y  +=  ∂L/∂y_{${at(data, t)}}`,
      { name: `h_{${at(data, t)}}`, labels: names(data).units, values: top },
      { name: `∂L/∂y_{${at(data, t)}}`, labels: names(data).symbols, values: dy }, "into W_y")],
  };
}

function outer(data, t, parameter, equation, rows, columns, name) {
  return { id: parameter, name, kind: "outer", equation, rows, columns, matrix: data.backward[t].added[parameter].values };
}

function sumMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const last = t === data.steps - 1;
  const from = l === data.layers - 1 ? "y" : `layer ${l + 2}`;
  const columns = [column(`from ${from}`, edges.above, { gradient: true }),
    column(last ? "from the next step: none" : `from h_{${at(data, t + 1)}}`, edges.next, { gradient: true }),
    column(`∂L/∂h_{${at(data, t)}}`, edges.hidden, { strong: true, gradient: true })];
  return {
    kind: "sum", layer: l, marks: [`h${t}.${l}`],
    title: last ? "The last hidden state: its own loss is all that it leads to"
      : "Two edges lead from a hidden state to the loss: their gradients add up",
    parts: [{
      id: "sum", name: "∂L/∂h", kind: "table", rows: names(data).units, of: "unit", columns,
      equation: `∂L/∂h_{${at(data, t)}}${level(data, l)} = from ${from} + from h_{${at(data, t + 1)}}      norm ${figure(edges.norm)}`,
      work: (r) => `${figure(edges.above[r])} + ${signed(edges.next[r])} = ${figure(edges.hidden[r])}`,
    }],
  };
}

function cellMove(data, t, l) {
  const part = { rnn: rnnBack, lstm: lstmBack, gru: gruBack }[data.cell](data, t, l);
  return {
    kind: "cell", layer: l, marks: [`h${t}.${l}`],
    title: data.cell === "rnn" ? `Through ${data.activation === "tanh" ? "tanh: where it is flat, little passes" : "ReLU: where it is off, nothing passes"}`
      : "Through the gates: each takes a share",
    parts: [{ id: "a", name: "∂L/∂a", kind: "table", rows: names(data).units, of: "unit", ...part }],
  };
}

function rnnBack(data, t, l) {
  const { hidden: dh, a } = data.backward[t].layers[l];
  const { hidden } = data.forward[t].layers[l];
  const tanh = data.activation === "tanh";
  const slope = hidden.map((h) => (tanh ? 1 - h * h : Number(h > 0)));
  return {
    equation: tanh ? `∂L/∂a_{${at(data, t)}} = ∂L/∂h_{${at(data, t)}} ⊙ (1 − h_{${at(data, t)}}^{2})`
      : `∂L/∂a_{${at(data, t)}} = ∂L/∂h_{${at(data, t)}} ⊙ [h_{${at(data, t)}} > 0]`,
    columns: [column(`∂L/∂h_{${at(data, t)}}`, dh, { gradient: true }), column(`h_{${at(data, t)}}`, hidden),
      column("slope", slope), column(`∂L/∂a_{${at(data, t)}}`, a.a, { strong: true, gradient: true })],
    work: (r) => `${figure(dh[r])} · ${figure(slope[r])} = ${figure(a.a[r])}`,
  };
}

function lstmBack(data, t, l) {
  const { hidden: dh, cell: dc, next_cell: next, a } = data.backward[t].layers[l];
  const { gates, cell, cell_before: old } = data.forward[t].layers[l];
  const { i, f, g, o } = gates;
  const tanh = cell.map(Math.tanh);
  const one = (x) => x.map((v) => 1 - v);
  const square = (x) => x.map((v) => 1 - v * v);
  const through = {
    i: ["∂L/∂c ⊙ g ⊙ i(1 − i)", times(dc, g, i, one(i))],
    f: [`∂L/∂c ⊙ c_{${before(data, t)}} ⊙ f(1 − f)`, times(dc, old, f, one(f))],
    g: ["∂L/∂c ⊙ i ⊙ (1 − g^{2})", times(dc, i, square(g))],
    o: ["∂L/∂h ⊙ tanh(c) ⊙ o(1 − o)", times(dh, tanh, o, one(o))],
  };
  return {
    gates: data.gates,
    by: (gate) => ({
      equation: `∂L/∂c_{${at(data, t)}} = from c_{${at(data, t + 1)}} + ∂L/∂h ⊙ o ⊙ (1 − tanh(c)^{2})      ∂L/∂a_${gate} = ${through[gate][0]}`,
      columns: [column(`∂L/∂h_{${at(data, t)}}`, dh, { gradient: true }), column("o", o), column("tanh c", tanh),
        column(`from c_{${at(data, t + 1)}}`, next, { gradient: true }), column(`∂L/∂c_{${at(data, t)}}`, dc, { strong: true, gradient: true }),
        ...(gate === "o" ? [] : [column(gate, gates[gate]), ...({ i: [column("g", g)], f: [column(`c_{${before(data, t)}}`, old)], g: [column("i", i)] }[gate])]),
        column(`∂L/∂a_${gate}`, a[gate], { strong: true, gradient: true })],
      work: (r) => `∂L/∂c = ${figure(next[r])} + ${signed(dh[r])}·${figure(o[r])}·${figure(1 - tanh[r] ** 2)} = ${figure(dc[r])}, `
        + `∂L/∂a_${gate} = ${figure(through[gate][1][r])}`,
    }),
  };
}

function gruBack(data, t, l) {
  const { hidden: dh, a } = data.backward[t].layers[l];
  const { gates, hidden_before: old, hW } = data.forward[t].layers[l];
  const { r, z, n } = gates;
  const c = data.bias ? data.weights[`layer${l}.c_n`].values : n.map(() => 0);
  const inner = add(hW.n, c);
  const sources = {
    n: [`∂L/∂h ⊙ (1 − z) ⊙ (1 − n^{2})`, [column("z", z), column("n", n)],
      (k) => `${figure(dh[k])}·${figure(1 - z[k])}·${figure(1 - n[k] ** 2)}`],
    z: [`∂L/∂h ⊙ (h_{${before(data, t)}} − n) ⊙ z(1 − z)`, [column(`h_{${before(data, t)}}`, old), column("n", n), column("z", z)],
      (k) => `${figure(dh[k])}·${signed(old[k] - n[k])}·${figure(z[k] * (1 - z[k]))}`],
    r: [`∂L/∂a_n ⊙ (h_{${before(data, t)}}·W_n + c_n) ⊙ r(1 − r)`, [column("∂L/∂a_n", a.n, { gradient: true }), column("h·W_n + c_n", inner), column("r", r)],
      (k) => `${figure(a.n[k])}·${signed(inner[k])}·${figure(r[k] * (1 - r[k]))}`],
  };
  return {
    gates: ["n", "z", "r"],
    by: (gate) => ({
      equation: `∂L/∂a_${gate} = ${sources[gate][0]}`,
      columns: [column(`∂L/∂h_{${at(data, t)}}`, dh, { gradient: true }), ...sources[gate][1],
        column(`∂L/∂a_${gate}`, a[gate], { strong: true, gradient: true })],
      work: (k) => `${sources[gate][2](k)} = ${figure(a[gate][k])}`,
    }),
  };
}

/** The gradient of h_{t-1}·W_h: a GRU's differs from that of the pre-activations. */
const recurrent = (data, t, l) => data.backward[t].layers[l].u ?? data.backward[t].layers[l].a;

function weightsMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const old = data.forward[t].layers[l].hidden_before;
  const read = reads(data, t, l);
  const u = recurrent(data, t, l);
  const a = (gate) => (several(data) ? `∂L/∂a_${gate}` : `∂L/∂a_{${at(data, t)}}`);
  const scaled = (gate) => (data.cell === "gru" && gate === "n" ? `(∂L/∂a_n ⊙ r)` : a(gate));
  const added = data.backward[t].added;
  const parts = [{
    id: `layer${l}.W_h`, name: "into W_h", kind: "outer", gates: several(data),
    by: (gate) => ({
      equation: `∂L/∂W_h  +=  h_{${before(data, t)}}^{T}·${scaled(gate)}`,
      rows: { name: `h_{${before(data, t)}}`, labels: names(data).units, values: old },
      columns: { name: scaled(gate), labels: names(data).units, values: u[gate] },
      matrix: added[`layer${l}.W_h`].values[gate],
    }),
  }];
  if (read) {
    parts.push({
      id: `layer${l}.W_x`, name: "into W_x", kind: "outer", gates: several(data),
      by: (gate) => ({
        equation: `∂L/∂W_x  +=  ${read.name}^{T}·${a(gate)}      ∂L/∂b  +=  ${a(gate)}`,
        rows: read, columns: { name: a(gate), labels: names(data).units, values: edges.a[gate] },
        matrix: added[`layer${l}.W_x`].values[gate],
      }),
    });
  } else {
    parts.push({
      id: `layer${l}.W_x`, name: "into W_x and b", kind: "table", rows: names(data).units, of: "unit", gates: several(data),
      by: (gate) => ({
        equation: `∂L/∂W_x[${input(data, t)}]  +=  ${a(gate)}      ∂L/∂b  +=  ${a(gate)}      no other row of W_x was read`,
        columns: [column(a(gate), edges.a[gate], { strong: true, gradient: true }),
          column("b so far", soFar(data, t, `layer${l}.b`, gate), { gradient: true })],
        work: (r) => `the row of ${quote(input(data, t))} and b each get ${figure(edges.a[gate][r])}`,
      }),
    });
  }
  return {
    kind: "weights", layer: l, marks: [`h${t}.${l}`, `xh${t}.${l}`],
    added: [`layer${l}.W_h`, `layer${l}.W_x`, `layer${l}.b`, `layer${l}.c_n`, ...(l ? [] : ["embedding.E"])],
    title: "Into the weights: every step adds to the same W_h, W_x and b", parts,
  };
}

/** The sum of what the steps from the last to t add to a bias. */
function soFar(data, t, parameter, gate) {
  const added = data.backward.slice(t).map((step) => step.added[parameter]?.values[gate]);
  return added[0] ? added.reduce(add) : data.units.map(() => 0);
}

function beforeMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const u = recurrent(data, t, l);
  const gates = several(data);
  const direct = data.cell === "gru" ? `  +  ∂L/∂h_{${at(data, t)}} ⊙ z` : "";
  const { hidden_before: old } = data.forward[t].layers[l];
  return {
    kind: "before", layer: l, marks: [`hh${t}.${l}`],
    title: t === 0 ? "To the state that entered: there the gradient is cut off"
      : "Back in time: the same W_h again, and so at every step",
    parts: [{
      id: "before", name: "∂a·W_hᵀ", kind: "product", of: "unit", gates,
      by: (gate) => {
        const M = data.weights[`layer${l}.W_h`].values[gate];
        return {
          equation: `∂L/∂h_{${before(data, t)}}  ${t ? "gets" : "would get"}  ${gates ? `Σ_{${gates.join(" ")}} ` : ""}∂L/∂${data.cell === "gru" ? "u" : "a"}_{${at(data, t)}}·W_h^{T}${direct}      norm ${figure(edges.norm_before)}`,
          vector: { name: gates ? `∂_${gate}` : `∂L/∂a_{${at(data, t)}}`, labels: names(data).units, values: u[gate], gradient: true },
          matrix: M, rows: names(data).units,
          extra: gates ? column(`part of ${gate}`, M.map((row) => dot(row, u[gate])), { gradient: true, cut: true }) : null,
          result: column(`to h_{${before(data, t)}}`, edges.hidden_before, { gradient: true }),
          whole: data.units.length === data.hidden_size, sum: Boolean(gates), old,
        };
      },
    }],
  };
}

function belowMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const gates = several(data);
  return {
    kind: "below", layer: l, marks: [`xh${t}.${l}`],
    title: "Down to the layer below, which this one reads",
    parts: [{
      id: "x", name: "∂a·W_xᵀ", kind: "product", of: "unit", gates,
      by: (gate) => ({
        equation: `∂L/∂h_{${at(data, t)}}${level(data, l - 1)}  gets  ${gates ? `Σ_{${gates.join(" ")}} ` : ""}∂L/∂a_{${at(data, t)}}·W_x^{T}`,
        vector: { name: gates ? `∂L/∂a_${gate}` : `∂L/∂a_{${at(data, t)}}`, labels: names(data).units, values: edges.a[gate], gradient: true },
        matrix: data.weights[`layer${l}.W_x`].values[gate], rows: names(data).units,
        result: column("to below", edges.x, { gradient: true }),
        whole: data.units.length === data.hidden_size, sum: Boolean(gates),
      }),
    }],
  };
}
