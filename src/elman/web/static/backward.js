// The backward moves: the gradient on every edge, from the loss of a step to the step before.

import {
  column, add, times, dot, names, input, target, at, before, level, index, reads, quote, several,
  figure, signed,
} from "./notation.js";

/** The moves of a step on the way back, an edge each. */
export function backwardMoves(data, t) {
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
      columns: [column(`p_{${at(data, t)}}`, p), column("onehot", hot), column(`∂L/∂y_{${at(data, t)}}`, dy, { strong: true })],
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
      vector: { name: `∂L/∂y_{${at(data, t)}}`, labels: names(data).symbols, values: dy },
      matrix: data.weights["readout.W_y"].values, rows: names(data).units,
      result: column("from y", above), whole: data.symbols.length === data.vocabulary_size,
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
  const columns = [column(`from ${from}`, edges.above),
    column(last ? "from the next step: none" : `from h_{${at(data, t + 1)}}`, edges.next),
    column(`∂L/∂h_{${at(data, t)}}`, edges.hidden, { strong: true })];
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
    columns: [column(`∂L/∂h_{${at(data, t)}}`, dh), column(`h_{${at(data, t)}}`, hidden),
      column("slope", slope), column(`∂L/∂a_{${at(data, t)}}`, a.a, { strong: true })],
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
      columns: [column(`∂L/∂h_{${at(data, t)}}`, dh), column("o", o), column("tanh c", tanh),
        column(`from c_{${at(data, t + 1)}}`, next), column(`∂L/∂c_{${at(data, t)}}`, dc, { strong: true }),
        ...(gate === "o" ? [] : [column(gate, gates[gate]), ...({ i: [column("g", g)], f: [column(`c_{${before(data, t)}}`, old)], g: [column("i", i)] }[gate])]),
        column(`∂L/∂a_${gate}`, a[gate], { strong: true })],
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
    r: [`∂L/∂a_n ⊙ (h_{${before(data, t)}}·W_n + c_n) ⊙ r(1 − r)`, [column("∂L/∂a_n", a.n), column("h·W_n + c_n", inner), column("r", r)],
      (k) => `${figure(a.n[k])}·${signed(inner[k])}·${figure(r[k] * (1 - r[k]))}`],
  };
  return {
    gates: ["n", "z", "r"],
    by: (gate) => ({
      equation: `∂L/∂a_${gate} = ${sources[gate][0]}`,
      columns: [column(`∂L/∂h_{${at(data, t)}}`, dh), ...sources[gate][1],
        column(`∂L/∂a_${gate}`, a[gate], { strong: true })],
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
        columns: [column(a(gate), edges.a[gate], { strong: true }),
          column("b so far", soFar(data, t, `layer${l}.b`, gate))],
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
          vector: { name: gates ? `∂_${gate}` : `∂L/∂a_{${at(data, t)}}`, labels: names(data).units, values: u[gate] },
          matrix: M, rows: names(data).units,
          extra: gates ? column(`part of ${gate}`, M.map((row) => dot(row, u[gate]))) : null,
          result: column(`to h_{${before(data, t)}}`, edges.hidden_before),
          whole: data.units.length === data.hidden_size, sum: Boolean(gates),
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
        vector: { name: gates ? `∂L/∂a_${gate}` : `∂L/∂a_{${at(data, t)}}`, labels: names(data).units, values: edges.a[gate] },
        matrix: data.weights[`layer${l}.W_x`].values[gate], rows: names(data).units,
        result: column("to below", edges.x),
        whole: data.units.length === data.hidden_size, sum: Boolean(gates),
      }),
    }],
  };
}
