// The forward moves: a symbol is read, and the next one predicted; the equations of each cell.

import {
  column, zip, add, transpose, names, input, target, at, before, level, index, reads, quote,
  several, figure, signed,
} from "./notation.js";

/** The move in which a symbol is read. */
export function forwardMove(data, t) {
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
