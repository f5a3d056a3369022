// A Markov chain: the counts of src/elman/tasks/language/ngram.py, looked up in sorted keys.

export class Chain {
  /** `ngram.keysN` and `ngram.countsN` of the grams of N symbols; a key is the place of the gram
   * without its last symbol, times the size of the vocabulary, plus its last symbol. */
  constructor(weights, { order, vocabulary_size: size }, barrier) {
    Object.assign(this, { order, size, barrier, levels: [] });
    for (let n = 1; weights[`ngram.keys${n}`]; n += 1) {
      this.levels.push({ keys: weights[`ngram.keys${n}`], counts: weights[`ngram.counts${n}`] });
    }
  }

  /** The last symbols that were read. */
  zero() {
    return { read: [] };
  }

  copy({ read }) {
    return { read: [...read] };
  }

  step(id, state) {
    state.read = [...state.read, id].slice(-Math.max(1, this.order));
  }

  /** Logarithms of the probabilities of the symbol after this one. */
  predict(id, state) {
    this.step(id, state);
    let p = new Float64Array(this.size).fill(1 / this.size);
    for (let length = 0; length < this.levels.length && length <= this.order; length += 1) {
      const context = this.context(state.read, length);
      if (context >= 0) p = this.leaning(p, this.levels[length], context);
    }
    return p.map(Math.log);
  }

  /** The place of the last `length` symbols among the grams of their length; -1 where they are new. */
  context(read, length) {
    if (read.length < length) return -1;
    let place = 0;
    for (let n = 0; n < length && place >= 0; n += 1) {
      const wanted = place * this.size + read[read.length - length + n];
      const { keys } = this.levels[n];
      const at = firstFrom(keys, wanted);
      place = keys[at] === wanted ? at : -1;
    }
    return place;
  }

  /** (count + d·p) / (all counts + d), d being how many different symbols came behind the context. */
  leaning(p, { keys, counts }, context) {
    const [start, end] = [firstFrom(keys, context * this.size), firstFrom(keys, (context + 1) * this.size)];
    let [total, distinct] = [0, 0];
    for (let at = start; at < end; at += 1) {
      total += counts[at];
      distinct += counts[at] > 0;
    }
    if (total === 0) return p;
    const found = p.map((x) => distinct * x);
    for (let at = start; at < end; at += 1) found[keys[at] % this.size] += counts[at];
    return found.map((x) => x / (total + distinct));
  }
}

/** The place of the first key that is not below a number. */
function firstFrom(keys, wanted) {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
