// The wide part: rows of a table for the n-grams of a text, by the hash of src/elman/nn/wide.py.
// Every intermediate is below 2^53, so these numbers are exact.

const [PRIME, FACTOR, MIX, PLACE] = [67108859, 48271, 2654435, 40503];
const [BEGIN, END, FIRST] = [1, 2, 3]; // codes of the borders, and of symbol 0

/** Rows of all n-grams of a text, of 1 to `longest` symbols. */
export function ngrams(ids, rows, longest) {
  return hashes(ids, longest).flatMap((mixed) => mixed.map((hash) => hash % rows));
}

/** For every symbol the rows of the n-grams that hold it or touch it, each with its place beside it. */
export function ngramsAround(ids, rows, longest) {
  const found = ids.map(() => []);
  hashes(ids, longest).forEach((mixed, i) => {
    const n = i + 1;
    for (let place = 0; place < n + 2; place += 1) {
      for (let t = 0; t < ids.length; t += 1) {
        const start = t + 1 - n + place; // among the symbols between their borders
        if (start < 0 || start >= mixed.length) continue;
        found[t].push((mixed[start] + (place + 1) * PLACE) % rows);
      }
    }
  });
  return found;
}

/** logits += Σ W[row] / √count over some rows. */
export function addRows(W, rows, logits) {
  const scale = 1 / Math.sqrt(Math.max(1, rows.length));
  for (const row of rows) {
    const at = row * logits.length;
    for (let i = 0; i < logits.length; i += 1) logits[i] += scale * W[at + i];
  }
}

/** For n = 1, 2, … the hashes of the n-grams that begin at each place, the border before the text first. */
function hashes(ids, longest) {
  const codes = [BEGIN, ...ids.map((id) => id + FIRST), END];
  const found = [];
  let before = codes.map(() => 0);
  for (let n = 1; n <= Math.min(longest, codes.length); n += 1) {
    const shorter = before;
    before = Array.from({ length: codes.length + 1 - n }, (_, i) => (shorter[i] * FACTOR + codes[i + n - 1]) % PRIME);
    found.push(before.map((hash) => (hash * MIX) % PRIME));
  }
  return found;
}
