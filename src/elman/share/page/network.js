// Stacked cells with a readout: one step at a time, or whole sequences in one or both directions.

import { Cells, multiply } from "./cells.js";

const BOTH = ["", "reverse."];

export class Network {
  constructor(weights, config) {
    this.weights = weights;
    this.config = config;
    const { hidden_size: units, num_layers: layers } = config;
    this.layers = Array.from({ length: layers }, (_, layer) =>
      directions(weights, `layer${layer}.`, config, units));
    this.outputs = config.num_classes ?? config.vocabulary_size;
  }

  /** What the first layer reads of a symbol: its row of the embedding, else its id. */
  symbol(id) {
    const { embedding_size: size } = this.config;
    return size ? this.weights["embedding.E"].subarray(id * size, (id + 1) * size) : id;
  }

  /** Logits of what is above: h·W_y + b_y. */
  readout(h) {
    const logits = new Float64Array(this.outputs);
    if (this.weights["readout.b_y"]) logits.set(this.weights["readout.b_y"]);
    multiply(this.weights["readout.W_y"], h, logits);
    return logits;
  }

  // -- one step at a time, forward -------------------------------------------------------

  zero() {
    return this.layers.map(([forward]) => forward.zero());
  }

  copy(states) {
    return states.map(({ h, c }) => ({ h: h.slice(), c: c && c.slice() }));
  }

  /** Read a symbol; changes the states. */
  step(id, states) {
    return this.layers.reduce((x, [forward], layer) => forward.step(x, states[layer]), this.symbol(id));
  }

  /** Logits of the symbol after this one. */
  predict(id, states) {
    return this.readout(this.step(id, states));
  }

  // -- whole sequences -------------------------------------------------------------------

  /** The outputs of the last layer at every step, and its last states, both directions side by side. */
  read(inputs) {
    return this.layers.reduce(({ outputs }, cells) => both(cells, outputs), { outputs: inputs });
  }
}

/** The cells of a layer; the second ones, if there are any, read from the end. */
export function directions(weights, prefix, config, units) {
  return BOTH.filter((direction) => weights[`${prefix}${direction}W_h`])
    .map((direction) => new Cells(weights, prefix + direction, config, units));
}

/** A layer that reads a whole sequence: {outputs, final}. */
export function both(cells, inputs) {
  const read = cells.map((one, backward) => {
    const state = one.zero();
    const found = (backward ? inputs.slice().reverse() : inputs).map((x) => one.step(x, state).slice());
    return { outputs: backward ? found.reverse() : found, last: state.h };
  });
  return {
    outputs: inputs.map((_, t) => sideBySide(read.map(({ outputs }) => outputs[t]))),
    final: sideBySide(read.map(({ last }) => last)),
  };
}

/** Vectors as one. */
export function sideBySide(vectors) {
  if (vectors.length === 1) return vectors[0];
  const whole = new Float32Array(vectors.reduce((sum, { length }) => sum + length, 0));
  vectors.reduce((at, vector) => {
    whole.set(vector, at);
    return at + vector.length;
  }, 0);
  return whole;
}

export function softmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const p = Float64Array.from(logits, (x) => Math.exp(x - most));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((x) => x / sum);
}

/** The place of the largest number, the first of equal ones. */
export function argmax(numbers) {
  let best = 0;
  for (let i = 1; i < numbers.length; i += 1) if (numbers[i] > numbers[best]) best = i;
  return best;
}
