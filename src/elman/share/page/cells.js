// The three cells, forward and one step at a time: the equations of src/elman/cells.

const GATES = { rnn: 1, lstm: 4, gru: 3 };

/** y += W·x. W has for every y a row of as many weights as x is long, so that the inner loop runs
 * along memory; four rows at a time share what is read of x, and wait less for each other. */
export function multiply(W, x, y) {
  const columns = x.length;
  const inFours = y.length - (y.length % 4);
  let a = 0;
  let row = 0;
  for (; row < inFours; row += 4) {
    const b = a + columns;
    const c = b + columns;
    const d = c + columns;
    let sumA = 0;
    let sumB = 0;
    let sumC = 0;
    let sumD = 0;
    for (let i = 0; i < columns; i += 1) {
      const value = x[i];
      sumA += W[a + i] * value;
      sumB += W[b + i] * value;
      sumC += W[c + i] * value;
      sumD += W[d + i] * value;
    }
    y[row] += sumA;
    y[row + 1] += sumB;
    y[row + 2] += sumC;
    y[row + 3] += sumD;
    a += 4 * columns;
  }
  for (; row < y.length; row += 1, a += columns) {
    let sum = 0;
    for (let i = 0; i < columns; i += 1) sum += W[a + i] * x[i];
    y[row] += sum;
  }
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The cells of a layer in one direction. A state is {h, c}; only an LSTM has c. */
export class Cells {
  constructor(weights, prefix, { cell, activation }, units) {
    this.cell = cell;
    this.activate = activation === "relu" ? (x) => Math.max(0, x) : Math.tanh;
    [this.W_x, this.W_h, this.b, this.c_n] = ["W_x", "W_h", "b", "c_n"].map((name) => weights[prefix + name]);
    this.units = units;
    this.z = new Float64Array(GATES[cell] * units); // x·W_x + b
    this.u = new Float64Array(GATES[cell] * units); // h·W_h, of a GRU
  }

  zero() {
    return { h: new Float32Array(this.units), c: this.cell === "lstm" ? new Float32Array(this.units) : null };
  }

  /** Read x, a vector or the id of a symbol, whose row of W_x is looked up; changes the state. */
  step(x, state) {
    this.enter(x);
    this[this.cell](state);
    return state.h;
  }

  enter(x) {
    const { z, b, W_x } = this;
    if (b) z.set(b);
    else z.fill(0);
    if (typeof x !== "number") return multiply(W_x, x, z);
    const row = x * z.length;
    for (let i = 0; i < z.length; i += 1) z[i] += W_x[row + i];
  }

  rnn({ h }) {
    const { z, activate } = this;
    multiply(this.W_h, h, z);
    for (let i = 0; i < h.length; i += 1) h[i] = activate(z[i]);
  }

  lstm({ h, c }) {
    const { z, units: H } = this;
    multiply(this.W_h, h, z);
    for (let i = 0; i < H; i += 1) {
      c[i] = sigmoid(z[H + i]) * c[i] + sigmoid(z[i]) * Math.tanh(z[2 * H + i]);
      h[i] = sigmoid(z[3 * H + i]) * Math.tanh(c[i]);
    }
  }

  gru({ h }) {
    const { z, u, units: H, c_n } = this;
    u.fill(0);
    if (c_n) u.set(c_n, 2 * H);
    multiply(this.W_h, h, u);
    for (let i = 0; i < H; i += 1) {
      const reset = sigmoid(z[i] + u[i]);
      const n = Math.tanh(z[2 * H + i] + reset * u[2 * H + i]);
      h[i] = n + sigmoid(z[H + i] + u[H + i]) * (h[i] - n);
    }
  }
}
