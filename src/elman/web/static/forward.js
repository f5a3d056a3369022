// The forward moves: a symbol is read, and the next one predicted; the equations of each cell.

import {
  column, zip, add, transpose, names, input, target, at, symbols, index, reads, quote, several,
  figure, signed,
} from "./notation.js";

/** The move in which a symbol is read. */
export function forwardMove(data, t) {
  const marks = [`x${t}`, `y${t}`, `p${t}`, `loss${t}`, `hy${t}`, `yp${t}`, `ploss${t}`];
  const parts = [];
  for (let l = 0; l < data.layers; l += 1) {
    marks.push(`h${t}.${l}`, `xh${t}.${l}`, `hh${t}.${l}`);
    if (data.cell === "lstm") marks.push(`cc${t}.${l}`);
    parts.push(...({ rnn: rnnParts, lstm: lstmParts, gru: gruParts }[data.cell])(data, t, l),
      recurrentProduct(data, t, l));
  }
  parts.push(logits(data, t), probabilities(data, t));
  const p = data.forward[t].p[index(data, t + 1)];
  return {
    phase: "forward", t, kind: "read", layer: null, marks, parts,
    title: `Reads ${quote(input(data, t))} and predicts ${quote(target(data, t))} with probability ${figure(p)}`,
  };
}

function prefix(data, l) {
  return data.layers > 1 ? `Layer ${l + 1}: ` : "";
}

/** A table of units. */
function table(data, l, id, name, part) {
  return { id: `${id}${l}`, name: `${prefix(data, l)}${name}`, kind: "table", rows: names(data).units, of: "unit", ...part };
}

/** f( x·W_x + h_{t-1}·W_h + b ) of a gate: the equation, its columns and its worked line. */
function affine(data, t, l, gate, f, result) {
  const { xW: { [gate]: xW }, hW: { [gate]: hW } } = data.forward[t].layers[l];
  const { hBefore, W_h, b } = symbols(data, t, l);
  const terms = [column(source(data, t, l), xW), column(`${hBefore}·${W_h}`, hW)];
  if (data.bias) terms.push(column(b, data.weights[`layer${l}.b`].values[gate]));
  const a = zip((...values) => values.reduce((x, y) => x + y), ...terms.map(({ values }) => values));
  return {
    equation: `${result.name} = ${f}( ${terms.map(({ name }) => name).join(" + ")} )`,
    columns: [...terms, column("sum a", a), result],
    work: (r) => `${f}(${[figure(xW[r]), ...terms.slice(1).map(({ values }) => signed(values[r]))].join(" + ")})`
      + ` = ${f}(${figure(a[r])}) = ${figure(result.values[r])}`,
  };
}

/** What a layer reads, times W_x: of a one-hot symbol a row of W_x. */
function source(data, t, l) {
  const read = reads(data, t, l);
  const { W_x } = symbols(data, t, l);
  return read ? `${read.name}·${W_x}` : `${W_x}[${input(data, t)}]`;
}

function rnnParts(data, t, l) {
  const f = data.activation === "tanh" ? "tanh" : "ReLU";
  const after = column(symbols(data, t, l).h, data.forward[t].layers[l].hidden, { strong: true });
  return [table(data, l, "h", "hidden state", affine(data, t, l, "a", f, after))];
}

function lstmParts(data, t, l) {
  const layer = data.forward[t].layers[l];
  const { h, c, cBefore } = symbols(data, t, l);
  const { i, f, g, o } = layer.gates;
  const tanh = layer.cell.map(Math.tanh);
  return [table(data, l, "h", "cell and hidden state", {
    equation: `${c} = f ⊙ ${cBefore} + i ⊙ g      ${h} = o ⊙ tanh(${c})`,
    columns: [
      column("f", f), column(cBefore, layer.cell_before), column("i", i), column("g", g),
      column(c, layer.cell, { strong: true }), column("o", o),
      column("tanh c", tanh), column(h, layer.hidden, { strong: true }),
    ],
    work: (r) => `c = ${figure(f[r])}·${signed(layer.cell_before[r])} + ${figure(i[r])}·${signed(g[r])} = ${figure(layer.cell[r])}, `
      + `h = ${figure(o[r])}·${signed(tanh[r])} = ${figure(layer.hidden[r])}`,
  }), gateParts(data, t, l)];
}

function gateParts(data, t, l) {
  const { gates } = data.forward[t].layers[l];
  return table(data, l, "gates", "gates", {
    gates: data.gates,
    by: (gate) => (gate === "n" ? candidate(data, t, l)
      : affine(data, t, l, gate, gate === "g" ? "tanh" : "σ", column(gate, gates[gate], { strong: true }))),
  });
}

/** The candidate of a GRU: the reset gate acts on the product. */
function candidate(data, t, l) {
  const { xW: { n: xW }, hW: { n: hW }, gates: { r, n } } = data.forward[t].layers[l];
  const { hBefore, W_h, b, c_n } = symbols(data, t, l);
  const bias = data.bias ? [column(b, data.weights[`layer${l}.b`].values.n)] : [];
  const inside = data.bias ? [column(c_n, data.weights[`layer${l}.c_n`].values)] : [];
  const inner = data.bias ? add(hW, inside[0].values) : hW;
  const outer = data.bias ? add(xW, bias[0].values) : xW;
  const a = zip((x, reset, u) => x + reset * u, outer, r, inner);
  const product = `${hBefore}·${W_h}`;
  return {
    equation: `n = tanh( ${[source(data, t, l), ...bias.map(({ name }) => name)].join(" + ")}`
      + ` + r ⊙ (${[product, ...inside.map(({ name }) => name)].join(" + ")}) )`,
    columns: [column(source(data, t, l), xW), ...bias, column("r", r), column(product, hW), ...inside,
      column("sum a", a), column("n", n, { strong: true })],
    work: (k) => `tanh(${figure(xW[k])}${bias.map(({ values }) => ` + ${signed(values[k])}`).join("")}`
      + ` + ${figure(r[k])}·${signed(inner[k])}) = tanh(${figure(a[k])}) = ${figure(n[k])}`,
  };
}

function gruParts(data, t, l) {
  const { gates: { z, n }, hidden, hidden_before: old } = data.forward[t].layers[l];
  const { h, hBefore } = symbols(data, t, l);
  return [table(data, l, "h", "hidden state", {
    equation: `${h} = (1 − z) ⊙ n + z ⊙ ${hBefore}`,
    columns: [column("z", z), column("n", n), column(hBefore, old), column(h, hidden, { strong: true })],
    work: (r) => `(1 − ${figure(z[r])})·${signed(n[r])} + ${figure(z[r])}·${signed(old[r])} = ${figure(hidden[r])}`,
  }), gateParts(data, t, l)];
}

function recurrentProduct(data, t, l) {
  const layer = data.forward[t].layers[l];
  const { hBefore, W_h } = symbols(data, t, l);
  return {
    id: `product${l}`, name: `${prefix(data, l)}h·W_h`, kind: "product", of: "unit", gates: several(data),
    by: (gate) => ({
      equation: `${hBefore}·${W_h}${several(data) ? `, columns of ${gate}` : ""}`,
      vector: { name: hBefore, labels: names(data).units, values: layer.hidden_before },
      matrix: transpose(data.weights[`layer${l}.W_h`].values[gate]), rows: names(data).units,
      addends: [], result: column("product", layer.hW[gate]),
      whole: data.units.length === data.hidden_size,
    }),
  };
}

function logits(data, t) {
  const { h } = symbols(data, t, data.layers - 1);
  const y = `y_{${at(data, t)}}`;
  return {
    id: "y", name: "logits", kind: "product", of: "symbol",
    equation: `${y} = ${h}·W_y${data.bias ? " + b_y" : ""}`,
    vector: { name: h, labels: names(data).units, values: data.forward[t].layers.at(-1).hidden },
    matrix: transpose(data.weights["readout.W_y"].values), rows: names(data).symbols,
    addends: data.bias ? [column("b_y", data.weights["readout.b_y"].values)] : [],
    result: column(y, data.forward[t].logits),
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
    columns: [column(`y_{${at(data, t)}}`, y), column("target", hot), column(`p_{${at(data, t)}}`, p, { strong: true })],
    work: (r) => (r === chosen ? `−log ${figure(p[r])} = ${figure(loss)} nats`
      : `e^{y} / Σ e^{y} = ${figure(Math.exp(y[r]))} / ${figure(Math.exp(y[r]) / p[r])} = ${figure(p[r])}`),
  };
}
