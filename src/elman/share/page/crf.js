// The linear chain of labels: the most probable labelling, and every label's probability, from the
// scores of the labels at every step; src/elman/nn/chain.py derives both.

/** `emissions` is an array of scores (C) for every step. Viterbi 1967. */
export function viterbi(emissions, { A, start, end }) {
  const C = start.length;
  const best = [Float64Array.from(start, (score, label) => score + emissions[0][label])];
  const from = (before, label) => before.map((score, other) => score + A[other * C + label]);
  for (const scores of emissions.slice(1)) {
    const before = best.at(-1);
    best.push(scores.map((score, label) => score + largest(from(before, label))));
  }
  const labels = [place(best.at(-1).map((score, label) => score + end[label]))];
  for (let t = emissions.length - 2; t >= 0; t -= 1) labels.unshift(place(from(best[t], labels[0])));
  return labels;
}

/** Probabilities (C) of the labels at every step, by the forward and the backward algorithm. */
export function marginals(emissions, { A, start, end }) {
  const C = start.length;
  const E = Float64Array.from(A, (score) => Math.exp(score));
  const w = emissions.map((scores, t) => scaled(t ? scores : scores.map((score, label) => score + start[label])));
  const alpha = [w[0]];
  for (const factor of w.slice(1)) {
    const before = alpha.at(-1);
    alpha.push(even(factor.map((x, label) => x * before.reduce((sum, y, other) => sum + y * E[other * C + label], 0))));
  }
  let beta = scaled(Float64Array.from(end));
  const found = [];
  for (let t = emissions.length - 1; t >= 0; t -= 1) {
    found.unshift(even(alpha[t].map((x, label) => x * beta[label])));
    const behind = beta.map((x, label) => x * w[t][label]);
    beta = even(beta.map((_, label) => behind.reduce((sum, y, other) => sum + y * E[label * C + other], 0)));
  }
  return found;
}

const largest = (numbers) => numbers.reduce((a, b) => Math.max(a, b), -Infinity);
const place = (numbers) => numbers.indexOf(largest(numbers));

/** exp, divided by the largest, so that nothing overflows. */
function scaled(scores) {
  const most = largest(scores);
  return scores.map((score) => Math.exp(score - most));
}

/** Numbers whose sum is 1. */
function even(numbers) {
  const sum = numbers.reduce((a, b) => a + b, 0);
  return numbers.map((x) => x / sum);
}
