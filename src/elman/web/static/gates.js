// The backward move through the bends and gates of a cell, to its pre-activations.

import { column, add, times, names, symbols, figure, signed } from "./notation.js";

export function cellMove(data, t, l) {
  const part = { rnn: rnnBack, lstm: lstmBack, gru: gruBack }[data.cell](data, t, l);
  return {
    kind: "cell", layer: l, marks: [`h${t}.${l}`],
    title: data.cell === "rnn" ? `Through ${data.activation === "tanh" ? "tanh: where the curve is flat, little of the gradient gets through" : "ReLU: where the unit is off, no gradient gets through"}`
      : "Through the gates: each gets part of the gradient",
    parts: [{ id: "a", name: "∂L/∂a", kind: "table", rows: names(data).units, of: "unit", ...part }],
  };
}

function rnnBack(data, t, l) {
  const { hidden: dh, a: { a } } = data.backward[t].layers[l];
  const { hidden } = data.forward[t].layers[l];
  const { h, a: name } = symbols(data, t, l);
  const tanh = data.activation === "tanh";
  const slope = hidden.map((value) => (tanh ? 1 - value * value : Number(value > 0)));
  return {
    equation: `∂L/∂${name} = ∂L/∂${h} ⊙ ${tanh ? `(1 − ${h} ⊙ ${h})` : `[${h} > 0]`}`,
    columns: [column(`∂L/∂${h}`, dh), column(h, hidden),
      column("slope", slope), column(`∂L/∂${name}`, a, { strong: true })],
    work: (r) => `${figure(dh[r])} · ${figure(slope[r])} = ${figure(a[r])}`,
  };
}

function lstmBack(data, t, l) {
  const { hidden: dh, cell: dc, next_cell: next, a } = data.backward[t].layers[l];
  const { gates, cell, cell_before: old } = data.forward[t].layers[l];
  const { h, c, cBefore, cNext } = symbols(data, t, l);
  const last = t === data.steps - 1;
  const { i, f, g, o } = gates;
  const tanh = cell.map(Math.tanh);
  const one = (x) => x.map((v) => 1 - v);
  const square = (x) => x.map((v) => 1 - v * v);
  const through = {
    i: ["∂L/∂c ⊙ g ⊙ i(1 − i)", times(dc, g, i, one(i))],
    f: [`∂L/∂c ⊙ ${cBefore} ⊙ f(1 − f)`, times(dc, old, f, one(f))],
    g: ["∂L/∂c ⊙ i ⊙ (1 − g^{2})", times(dc, i, square(g))],
    o: ["∂L/∂h ⊙ tanh(c) ⊙ o(1 − o)", times(dh, tanh, o, one(o))],
  };
  const others = { i: [column("g", g)], f: [column(cBefore, old)], g: [column("i", i)] };
  return {
    gates: data.gates,
    by: (gate) => ({
      equation: `∂L/∂${c} = ${last ? "" : `from ${cNext} + `}∂L/∂${h} ⊙ o ⊙ (1 − tanh(c)^{2})      ∂L/∂a_${gate} = ${through[gate][0]}`,
      columns: [column(`∂L/∂${h}`, dh), column("o", o), column("tanh c", tanh),
        ...(last ? [] : [column(`from ${cNext}`, next)]), column(`∂L/∂${c}`, dc, { strong: true }),
        ...(gate === "o" ? [] : [column(gate, gates[gate]), ...others[gate]]),
        column(`∂L/∂a_${gate}`, a[gate], { strong: true })],
      work: (r) => `∂L/∂c = ${last ? "" : `${figure(next[r])} + `}${signed(dh[r])}·${figure(o[r])}·${figure(1 - tanh[r] ** 2)} = ${figure(dc[r])}, `
        + `∂L/∂a_${gate} = ${figure(through[gate][1][r])}`,
    }),
  };
}

function gruBack(data, t, l) {
  const { hidden: dh, a } = data.backward[t].layers[l];
  const { gates, hidden_before: old, hW } = data.forward[t].layers[l];
  const { h, hBefore, W_h, c_n } = symbols(data, t, l);
  const { r, z, n } = gates;
  const inner = data.bias ? add(hW.n, data.weights[`layer${l}.c_n`].values) : hW.n;
  const bracket = data.bias ? `(u_n + ${c_n})` : "u_n";
  const sources = {
    n: [`∂L/∂${h} ⊙ (1 − z) ⊙ (1 − n^{2})`, [column(`∂L/∂${h}`, dh), column("z", z), column("n", n)],
      (k) => `${figure(dh[k])}·${figure(1 - z[k])}·${figure(1 - n[k] ** 2)}`],
    z: [`∂L/∂${h} ⊙ (${hBefore} − n) ⊙ z(1 − z)`, [column(`∂L/∂${h}`, dh), column(hBefore, old), column("n", n), column("z", z)],
      (k) => `${figure(dh[k])}·${signed(old[k] - n[k])}·${figure(z[k] * (1 - z[k]))}`],
    r: [`∂L/∂a_n ⊙ ${bracket} ⊙ r(1 − r)      u_n = ${hBefore}·${W_h}, columns of n`,
      [column("∂L/∂a_n", a.n), column(bracket, inner), column("r", r)],
      (k) => `${figure(a.n[k])}·${signed(inner[k])}·${figure(r[k] * (1 - r[k]))}`],
  };
  return {
    gates: ["n", "z", "r"],
    by: (gate) => ({
      equation: `∂L/∂a_${gate} = ${sources[gate][0]}`,
      columns: [...sources[gate][1], column(`∂L/∂a_${gate}`, a[gate], { strong: true })],
      work: (k) => `${sources[gate][2](k)} = ${figure(a[gate][k])}`,
    }),
  };
}
