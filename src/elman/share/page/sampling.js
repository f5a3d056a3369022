// How a language model writes: what src/elman/tasks/language/sampling.py does, from the same
// random numbers.

import { argmax, softmax } from "./network.js";
import { Random } from "./random.js";

const ALTERNATIVES = 8;
const DEFAULTS = { prime: "", length: 200, temperature: 1, topK: 0, topP: 1, seed: 0, stop: "" };

/** A request with all that it leaves out; an error with a sentence for what cannot be. */
/** Symbols that one call writes: nobody can stop it. */
export const LONGEST = 100_000;

export function checked(request) {
  if (request === null || typeof request !== "object") throw new Error("what to write is an object, as in {prime: \"a\"}");
  const unknown = Object.keys(request).find((name) => !Object.hasOwn(DEFAULTS, name));
  if (unknown) throw new Error(`there is no ${unknown}; there are ${Object.keys(DEFAULTS).join(", ")}`);
  const given = Object.entries(request).filter(([, value]) => value !== undefined);
  const options = { ...DEFAULTS, ...Object.fromEntries(given) };
  const refuse = (name, wanted) => {
    throw new Error(`${name} must be ${wanted}, not ${String(options[name])}`);
  };
  for (const name of ["prime", "stop"]) if (typeof options[name] !== "string") refuse(name, "a text");
  for (const name of ["length", "topK", "seed"]) {
    if (!Number.isSafeInteger(options[name]) || options[name] < 0) refuse(name, "a whole number from 0");
  }
  if (options.length > LONGEST) refuse("length", `at most ${LONGEST}`);
  for (const name of ["temperature", "topP"]) if (typeof options[name] !== "number") refuse(name, "a number");
  if (!(options.temperature >= 0 && options.temperature < Infinity)) refuse("temperature", "0 or more");
  if (!(options.topP > 0 && options.topP <= 1)) refuse("topP", "above 0 and at most 1");
  return options;
}

/** Probabilities of the next symbol after temperature, top-k and top-p. */
export function distribution(logits, { temperature, topK, topP }) {
  if (temperature === 0) {
    const certain = new Float64Array(logits.length);
    certain[argmax(logits)] = 1;
    return certain;
  }
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const p = softmax(logits.map((x) => (x - most) / temperature));
  const cut = topK > 0 && topK < p.length;
  if (!cut && topP === 1) return p;
  const order = Array.from(p.keys()).sort((a, b) => p[b] - p[a]);
  if (cut) for (const id of order.slice(topK)) p[id] = 0;
  const limit = topP * p.reduce((a, b) => a + b, 0);
  let before = 0;
  for (const id of topP < 1 ? order : []) {
    const own = p[id];
    if (before >= limit) p[id] = 0;
    before += own;
  }
  return p;
}

/** The symbol at a uniform number: the inverse of the cumulative distribution. */
function choose(p, uniform) {
  const wanted = uniform * p.reduce((a, b) => a + b, 0);
  let [sum, last] = [0, 0];
  for (let id = 0; id < p.length; id += 1) {
    if (p[id] === 0) continue;
    sum += p[id];
    last = id;
    if (sum > wanted) return id;
  }
  return last;
}

/** Symbol after symbol of what follows a prime: {id, text, probability, alternatives}; in a model of
 * records also {text} of the prime before every further one. `written` are ids that stand behind the
 * prime already. `watched` false leaves out what only eyes need. Nothing is given where there is
 * nothing to show yet: whoever asks may pause there. */
export function* write(model, request, written = [], watched = true) {
  const { network, vocabulary } = model;
  const options = checked(request);
  const random = new Random(options.seed);
  const prime = model.encode(options.prime);
  const primed = network.zero();
  const opening = openingOf(vocabulary, prime, random);
  for (const id of opening.slice(0, -1)) {
    network.step(id, primed);
    yield;
  }
  const again = options.prime ? [{ text: model.clean(options.prime) }] : []; // before further records
  let behind = vocabulary.end === undefined ? written : written.slice(written.lastIndexOf(vocabulary.end) + 1);
  if (written.length && !behind.length) yield* again;
  let left = options.length;
  let found = finder(options.stop);
  while (left > 0) {
    const states = network.copy(primed);
    const textOf = vocabulary.decoder();
    let last = opening.at(-1);
    for (const id of behind) {
      network.step(last, states);
      textOf(id);
      last = id;
      yield;
    }
    let mayEnd = prime.length + behind.length > 0; // a record of nothing is none
    for (; left > 0 && (last !== vocabulary.end || !mayEnd); left -= 1) {
      const logits = network.predict(last, states);
      last = next(logits, vocabulary, options, random, mayEnd);
      if (last === vocabulary.end && certain(options)) return; // the same record again would follow
      mayEnd = true;
      const text = textOf(last);
      yield { id: last, text, ...(watched ? thought(logits, last, vocabulary) : {}) };
      if (found(text)) return;
    }
    behind = [];
    if (left === 0) return;
    yield* again;
    if (options.prime) found = finder(options.stop); // it is not written: it does not stop anything
  }
}

/** The symbols of a text with their probabilities: {id, text, probability}, as `elman score` has them. */
export function* surprises({ network, vocabulary, clean }, text) {
  const { begin, end, separator, kind, size } = vocabulary;
  const whole = clean(text);
  const records = begin === undefined ? [whole] : whole.split(separator);
  if (!records.some(Boolean)) throw new Error("Paste a text first.");
  for (const record of records.filter(Boolean)) {
    const [states, textOf, cut] = [network.zero(), vocabulary.decoder(), vocabulary.cut(record)];
    const ids = [...vocabulary.encode(record), ...(end === undefined ? [] : [end])];
    let last = vocabulary.opening;
    for (const [place, id] of ids.entries()) {
      const p = last === undefined ? 1 / size : softmax(network.predict(last, states))[id];
      yield { id, text: kind === "byte" || id === end ? textOf(id) : cut[place], probability: p };
      last = id;
    }
  }
}

/** What is read before the first choice: <begin> and the prime, or a symbol at random without either. */
function openingOf(vocabulary, prime, random) {
  if (vocabulary.begin !== undefined) return [vocabulary.begin, ...prime];
  if (prime.length) return prime;
  const ordinary = vocabulary.symbols.map((_, id) => id).filter((id) => !vocabulary.special.includes(id));
  return [ordinary[random.below(ordinary.length)]];
}

const certain = ({ temperature, topK }) => temperature === 0 || topK === 1;

function next(logits, { unknown, begin, end }, options, random, mayEnd) {
  const open = Float64Array.from(logits);
  for (const id of [unknown, begin]) if (id !== undefined) open[id] = -Infinity;
  const chosen = choose(distribution(open, options), random.uniform());
  if (chosen !== end || mayEnd) return chosen;
  // Drawn again, not forbidden from the start: that would change the other texts, too.
  open[end] = -Infinity;
  return choose(distribution(open, options), random.uniform());
}

/** What the model thought of a symbol before temperature and the like, and of others there. */
function thought(logits, id, vocabulary) {
  const p = softmax(logits);
  const likely = [];
  for (let other = 0; other < p.length; other += 1) {
    if (other === vocabulary.unknown || other === vocabulary.begin) continue;
    if (likely.length === ALTERNATIVES && p[other] <= p[likely.at(-1)]) continue;
    likely.splice(likely.findLastIndex((one) => p[one] >= p[other]) + 1, 0, other);
    likely.length = Math.min(likely.length, ALTERNATIVES);
  }
  return { probability: p[id], alternatives: likely.map((one) => [one, vocabulary.shown(one), p[one]]) };
}

/** A function that says of a text, piece by piece, whether it holds `stop` by now. */
function finder(stop) {
  let seen = "";
  return (piece) => {
    if (!stop) return false;
    seen = (seen + piece).slice(-stop.length - piece.length);
    return seen.includes(stop);
  };
}
