// The backward moves: the gradient on every edge, from the loss of a step to the step before.

import { cellMove } from "./gates.js";
import {
  column, add, times, names, input, target, at, symbols, transposed, index, reads, quote,
  several, figure, signed,
} from "./notation.js";

/** The moves of a step on the way back, an edge each. */
export function backwardMoves(data, t) {
  const moves = [lossMove(data, t), readoutMove(data, t)];
  for (let l = data.layers - 1; l >= 0; l -= 1) {
    moves.push(sumMove(data, t, l), cellMove(data, t, l), weightsMove(data, t, l), beforeMove(data, t, l));
    if (data.cell === "lstm") moves.push(cellBeforeMove(data, t, l));
    if (reads(data, t, l)) moves.push(belowMove(data, t, l));
  }
  return moves.map((move) => ({ phase: "backward", t, ...move }));
}

function lossMove(data, t) {
  const { p } = data.forward[t];
  const dy = data.backward[t].logits;
  const hot = p.map((_, v) => Number(v === index(data, t + 1)));
  return {
    kind: "loss", layer: null, marks: [`yp${t}`, `ploss${t}`, `y${t}`, `p${t}`],
    title: `From the loss to the logits: ${quote(target(data, t))} is pushed up, all other symbols down`,
    parts: [{
      id: "dy", name: "∂L/∂y", kind: "table", rows: names(data).symbols, of: "symbol", first: index(data, t + 1),
      equation: `${t === data.steps - 1 ? `${sumOfLosses(data)}      ` : ""}∂L/∂y_{${at(data, t)}} = p_{${at(data, t)}} − onehot(${target(data, t)})`,
      columns: [column(`p_{${at(data, t)}}`, p), column("onehot", hot), column(`∂L/∂y_{${at(data, t)}}`, dy, { strong: true })],
      work: (r) => `${figure(p[r])} − ${hot[r]} = ${figure(dy[r])}`,
    }],
  };
}

/** What L is: said where the way back begins. */
function sumOfLosses(data) {
  const losses = data.forward.map((_, t) => `loss_{${at(data, t)}}`);
  const sum = losses.length > 4 ? [losses[0], "…", losses.at(-1)] : losses;
  return `L = ${sum.join(" + ")} = ${figure(data.loss)}`;
}

function readoutMove(data, t) {
  const dy = { name: `∂L/∂y_{${at(data, t)}}`, labels: names(data).symbols, values: data.backward[t].logits };
  const top = data.layers - 1;
  const { h } = symbols(data, t, top);
  const { hidden } = data.forward[t].layers[top];
  const bias = data.bias ? `      ∂L/∂b_y  +=  ${dy.name}` : "";
  return {
    kind: "readout", layer: top, marks: [`hy${t}`], added: ["readout.W_y", "readout.b_y"],
    title: `Through the readout: to the hidden state, and into W_y${data.bias ? " and b_y" : ""}`,
    parts: [{
      id: "above", name: "∂y·W_yᵀ", kind: "product", of: "unit",
      equation: `∂y_{${at(data, t)}}·W_y^{T}   = what arrives at ${h} from its own loss`,
      vector: dy, matrix: data.weights["readout.W_y"].values, rows: names(data).units,
      addends: [], result: column("from y", data.backward[t].layers[top].above),
      whole: data.symbols.length === data.vocabulary_size,
    }, {
      id: "readout.W_y", name: "into W_y", kind: "outer",
      equation: `∂L/∂W_y  +=  ${transposed(h)}·${dy.name}${bias}`,
      rows: { name: h, labels: names(data).units, values: hidden }, columns: dy,
      matrix: data.backward[t].added["readout.W_y"].values,
    }],
  };
}

function sumMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const last = t === data.steps - 1;
  const { h, hNext } = symbols(data, t, l);
  const from = l === data.layers - 1 ? "y" : `layer ${l + 2}`;
  const columns = [column(`from ${from}`, edges.above),
    column(last ? "next step: none" : `from ${hNext}`, edges.next),
    column(`∂L/∂${h}`, edges.hidden, { strong: true })];
  return {
    kind: "sum", layer: l, marks: [`h${t}.${l}`],
    title: last ? `The last hidden state affects only ${from === "y" ? "its own loss" : from}`
      : "Two edges lead from a hidden state to the loss: their gradients add up",
    parts: [{
      id: "sum", name: "∂L/∂h", kind: "table", rows: names(data).units, of: "unit", alike: true, columns,
      equation: `∂L/∂${h} = from ${from}${last ? "" : ` + from ${hNext}`}      norm ${figure(edges.norm)}`,
      work: (r) => `${figure(edges.above[r])} + ${signed(edges.next[r])} = ${figure(edges.hidden[r])}`,
    }],
  };
}

/** The gradient of h_{t-1}·W_h: a GRU's differs from that of the pre-activations. */
const recurrent = (data, t, l) => data.backward[t].layers[l].u ?? data.backward[t].layers[l].a;

/** The gradient of the pre-activations, of one of several gates: its name and values. */
function preactivation(data, t, l, gate) {
  const name = several(data) ? `∂L/∂a_${gate}` : `∂L/∂${symbols(data, t, l).a}`;
  return { name, labels: names(data).units, values: data.backward[t].layers[l].a[gate] };
}

function weightsMove(data, t, l) {
  const { hBefore, W_h } = symbols(data, t, l);
  const u = recurrent(data, t, l);
  const scaled = (gate) => (data.cell === "gru" && gate === "n" ? "(∂L/∂a_n ⊙ r)" : preactivation(data, t, l, gate).name);
  const units = names(data).units;
  const parts = [{
    id: `layer${l}.W_h`, name: "into W_h", kind: "outer", gates: several(data),
    by: (gate) => ({
      equation: `∂L/∂${W_h}  +=  ${transposed(hBefore)}·${scaled(gate)}`,
      rows: { name: hBefore, labels: units, values: data.forward[t].layers[l].hidden_before },
      columns: { name: scaled(gate), labels: units, values: u[gate] },
      matrix: data.backward[t].added[`layer${l}.W_h`].values[gate],
    }),
  }, reads(data, t, l) ? intoAll(data, t, l) : intoRow(data, t, l)];
  if (data.cell === "gru" && data.bias) parts.push(intoInnerBias(data, t, l));
  return {
    kind: "weights", layer: l, marks: [`h${t}.${l}`, `xh${t}.${l}`],
    added: [`layer${l}.W_h`, `layer${l}.W_x`, `layer${l}.b`, `layer${l}.c_n`],
    title: `Into the weights: every step adds to the same ${data.bias ? "W_h, W_x and b" : "W_h and W_x"}`, parts,
  };
}

/** Into W_x where the layer reads a vector: an outer product. */
function intoAll(data, t, l) {
  const read = reads(data, t, l);
  const { W_x, b } = symbols(data, t, l);
  return {
    id: `layer${l}.W_x`, name: "into W_x", kind: "outer", gates: several(data),
    by: (gate) => {
      const a = preactivation(data, t, l, gate);
      return {
        equation: `∂L/∂${W_x}  +=  ${transposed(read.name)}·${a.name}${data.bias ? `      ∂L/∂${b}  +=  ${a.name}` : ""}`,
        rows: read, columns: a, matrix: data.backward[t].added[`layer${l}.W_x`].values[gate],
      };
    },
  };
}

/** Into W_x where the layer reads a one-hot symbol: into one row. */
function intoRow(data, t, l) {
  const { W_x, b } = symbols(data, t, l);
  return {
    id: `layer${l}.W_x`, name: data.bias ? "into W_x and b" : "into W_x", kind: "table", rows: names(data).units, of: "unit", gates: several(data),
    by: (gate) => {
      const { name, values } = preactivation(data, t, l, gate);
      return {
        equation: `∂L/∂${W_x}[${input(data, t)}]  +=  ${name}${data.bias ? `      ∂L/∂${b}  +=  ${name}` : ""}      (only this row of ${W_x} was used)`,
        columns: [column(name, values, { strong: true }),
          ...(data.bias ? [column(`∂L/∂${b} so far`, soFar(data, t, `layer${l}.b`, gate))] : [])],
        work: (r) => `the row of ${quote(input(data, t))}${data.bias ? " and b each get" : " gets"} ${figure(values[r])}`,
      };
    },
  };
}

/** Into the bias of a GRU that stands inside the bracket, behind r. */
function intoInnerBias(data, t, l) {
  const { c_n } = symbols(data, t, l);
  const { a: { n: a }, u: { n: u } } = data.backward[t].layers[l];
  const { r } = data.forward[t].layers[l].gates;
  return {
    id: `layer${l}.c_n`, name: "into c_n", kind: "table", rows: names(data).units, of: "unit",
    equation: `∂L/∂${c_n}  +=  ∂L/∂a_n ⊙ r`,
    columns: [column("∂L/∂a_n", a), column("r", r), column("∂L/∂a_n ⊙ r", u, { strong: true }),
      column(`∂L/∂${c_n} so far`, soFar(data, t, `layer${l}.c_n`))],
    work: (k) => `${figure(a[k])}·${figure(r[k])} = ${figure(u[k])}`,
  };
}

/** The sum of what the steps from the last to t add to a bias. */
function soFar(data, t, parameter, gate = null) {
  return data.backward.slice(t).map((step) => step.added[parameter].values)
    .map((values) => (gate === null ? values : values[gate])).reduce(add);
}

/** The parts of a move along an edge with a matrix, `edge` = {id, of, rows, to, W, letter,
 * parts, values, matrix, direct, result, note}. Of several gates: their shares and what else
 * arrives added up, and then the product that each share is. */
function alongMatrix(data, edge) {
  const { id, of, rows, to, W, letter, parts, values, matrix, direct = [], result, note = "" } = edge;
  const product = {
    id, name: `∂${letter}·${W.split("^")[0]}ᵀ`, kind: "product", of, gates: several(data),
    by: (gate) => {
      const name = several(data) ? `∂L/∂${letter}_${gate}` : `∂L/∂${edge.vector}`;
      return {
        equation: several(data) ? `part of ${gate}  =  ${name}·${transposed(W)}, columns of ${gate}${edge.noteOf?.(gate) ?? ""}`
          : `${to}  ${name}·${transposed(W)}${note}`,
        vector: { name, labels: names(data).units, values: values[gate] }, matrix: matrix[gate], rows, addends: [],
        result: several(data) ? column(`part of ${gate}`, parts[gate]) : result,
        whole: data.units.length === data.hidden_size,
      };
    },
  };
  if (!several(data)) return [product];
  const terms = [...data.gates.map((gate) => column(`part of ${gate}`, parts[gate])), ...direct];
  return [{
    id: `${id} sum`, name: "sum", kind: "table", rows, of, alike: true, columns: [...terms, { ...result, strong: true }],
    equation: `${to}  Σ_{${data.gates.join(" ")}} ∂L/∂${edge.vector}·${transposed(W)}${direct.map(({ name }) => ` + ${name}`).join("")}${note}`,
    work: (r) => `${terms.map((term) => signed(term.values[r])).join(" + ")} = ${figure(result.values[r])}`,
  }, product];
}

function beforeMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const { h, hBefore, a, W_h } = symbols(data, t, l);
  const gru = data.cell === "gru";
  const u = gru ? `u_{${at(data, t)}}` : a;
  return {
    kind: "before", layer: l, marks: [`hh${t}.${l}`],
    title: t === 0 ? "Back to the initial state, where the gradient stops"
      : gru ? "Back in time through the same W_h at every step, and around it where z keeps the state"
        : "Back in time, through the same W_h at every step",
    parts: alongMatrix(data, {
      id: "before", of: "unit", rows: names(data).units, to: `∂L/∂${hBefore}  ${t ? "gets" : "would get"}`,
      W: W_h, letter: gru ? "u" : "a", vector: u, parts: edges.uW, values: recurrent(data, t, l),
      matrix: data.weights[`layer${l}.W_h`].values,
      direct: gru ? [column(`∂L/∂${h} ⊙ z`, times(edges.hidden, data.forward[t].layers[l].gates.z))] : [],
      result: column(`to ${hBefore}`, edges.hidden_before),
      note: `      norm ${figure(edges.norm_before)}${gru ? `      ${u} = ${hBefore}·${W_h}` : ""}`,
      noteOf: (gate) => (gru ? `      u_${gate} = ${hBefore}·${W_h}, so ∂L/∂u_${gate} = ∂L/∂a_${gate}${gate === "n" ? " ⊙ r" : ""}` : ""),
    }),
  };
}

/** The way back of an LSTM that no matrix stands in. */
function cellBeforeMove(data, t, l) {
  const { cell, cell_before: result } = data.backward[t].layers[l];
  const { f } = data.forward[t].layers[l].gates;
  const { c, cBefore } = symbols(data, t, l);
  return {
    kind: "cell before", layer: l, marks: [`cc${t}.${l}`],
    title: t === 0 ? "To the cell that entered: there the gradient is cut off"
      : "Back in time along the cell: multiplied only by the forget gate",
    parts: [{
      id: "cell", name: "∂c ⊙ f", kind: "table", rows: names(data).units, of: "unit",
      equation: `∂L/∂${cBefore}  ${t ? "gets" : "would get"}  ∂L/∂${c} ⊙ f`,
      columns: [column(`∂L/∂${c}`, cell), column("f", f), column(`to ${cBefore}`, result, { strong: true })],
      work: (r) => `${figure(cell[r])}·${figure(f[r])} = ${figure(result[r])}`,
    }],
  };
}

/** Down to what the layer reads: the layer below, or the embedding of the symbol. */
function belowMove(data, t, l) {
  const edges = data.backward[t].layers[l];
  const { a, W_x } = symbols(data, t, l);
  const { name, labels } = reads(data, t, l);
  const row = `E[${input(data, t)}]`;
  return {
    kind: "below", layer: l, marks: l ? [`xh${t}.${l}`] : [`xh${t}.0`, `x${t}`],
    added: l ? [] : ["embedding.E"],
    title: l ? "Down to the layer below, which this one reads" : `Down to the embedding: the row of ${quote(input(data, t))} gets it`,
    parts: alongMatrix(data, {
      id: "x", of: l ? "unit" : "dimension", rows: labels, to: `∂L/∂${name}  ${l ? "gets" : "="}`,
      W: W_x, letter: "a", vector: a, parts: edges.aW, values: edges.a, matrix: data.weights[`layer${l}.W_x`].values,
      result: column(l ? `to ${name}` : `∂L/∂${name}`, edges.x),
      note: l ? "" : `      ${name} = ${row}      ∂L/∂${row}  +=  ∂L/∂${name}`,
    }),
  };
}
