// The page of a tagger: its view is that of `elman serve`, with an interface that computes here.

import { h } from "../../web/static/dom.js";
import { mount } from "../../web/static/tag.js";
import { arrays } from "./tensors.js";
import { marginals, viterbi } from "./crf.js";
import { Network, argmax, both, directions, sideBySide, softmax } from "./network.js";
import { breathe, needed, open } from "./shell.js";
import { Vocabulary, treated } from "./vocabulary.js";
import { addRows, ngramsAround } from "./wide.js";

const LONGEST = 4000; // characters that are typed
const LIKELY = 8; // labels of a symbol that are shown

export function start(about, weights) {
  const tagger = new Tagger(about, arrays(weights, about.layout));
  const { classes, name, vocabulary: { kind: tokens, symbols: vocabulary } } = about;
  const shell = open(about, "tag");
  const root = h("section", { id: "view-tag", class: "view" });
  shell.main.append(root);
  mount(root, shell.context({
    model: { name, tokens, vocabulary, classes },
    limits: { tag: LONGEST },
    post: async (_, { text }, signal) => ({ lines: await tagged(tagger, text, signal) }),
  }));
  shell.expose({
    tag: async (text) => tagged(tagger, needed(text)),
    logits: (text) => tagger.emissions(tagger.cut(needed(text))).map((scores) => Array.from(scores)),
  }, tagger);
}

class Tagger {
  constructor(about, weights) {
    const { config, vocabulary, special, letters } = about;
    Object.assign(this, { about, weights, config, classes: about.classes });
    this.vocabulary = new Vocabulary(vocabulary, special);
    this.network = new Network(weights, config);
    if (config.transitions) {
      const [A, start, end] = ["A", "start", "end"].map((name) => weights[`chain.${name}`]);
      this.chain = { A, start, end };
    }
    if (!letters) return;
    this.letters = new Vocabulary({ kind: "char", symbols: letters }, { "<unk>": letters.indexOf("<unk>") });
    this.spelling = directions(weights, "letters.", config, config.letter_size);
    this.shapes = new Map(); // of words that were read by their letters
  }

  /** The symbols of a line: its characters, or what stands between its spaces, tabs and line ends. */
  cut(line) {
    return this.vocabulary.kind === "char" ? Array.from(line) : line.match(/[^ \t\r\n]+/g) ?? [];
  }

  /** A symbol treated as those of the training were; a character that would become two stays. */
  clean(symbol) {
    const { lowercase, normalize } = this.about.treatment;
    if (!lowercase && !normalize) return symbol;
    const clean = treated(symbol, { lowercase, normalize });
    return this.vocabulary.kind === "char" && Array.from(clean).length !== 1 ? symbol : clean;
  }

  /** Scores (C) of the labels of every symbol; long sequences are read in windows that overlap. */
  emissions(symbols) {
    const clean = symbols.map((symbol) => this.clean(symbol));
    const found = [];
    for (const { from, to, first, last } of windows(clean.length, this.config.seq_len)) {
      found.push(...this.scores(clean.slice(from, to)).slice(first - from, last - from));
    }
    return found;
  }

  scores(symbols) {
    const { network, config, vocabulary } = this;
    const ids = symbols.map((symbol) => vocabulary.ids.get(symbol) ?? vocabulary.unknown);
    const inputs = ids.map((id, t) => (this.letters
      ? sideBySide([network.symbol(id), this.shape(symbols[t])]) : network.symbol(id)));
    const scores = network.read(inputs).outputs.map((output) => network.readout(output));
    if (config.wide) {
      ngramsAround(ids, config.wide, config.wide_ngrams)
        .forEach((rows, t) => addRows(this.weights["wide.W"], rows, scores[t]));
    }
    return scores;
  }

  /** What the letters of a word say: the last states of the cells that read them. */
  shape(word) {
    if (!this.shapes.has(word)) {
      const ids = this.letters.encode(word).slice(0, this.about.longest_word);
      this.shapes.set(word, both(this.spelling, ids).final);
    }
    return this.shapes.get(word);
  }
}

/** Where a sequence is read, and which of its symbols count: inside, away from the edges. */
function* windows(length, most) {
  const margin = Math.floor(most / 4);
  for (let counted = 0; counted < length;) {
    const from = counted ? Math.max(0, Math.min(counted - margin, length - most)) : 0;
    const to = Math.min(from + most, length);
    const last = to === length ? length : to - margin;
    yield { from, to, first: counted, last };
    counted = last;
  }
}

/** The lines that POST /api/tag answers: of every symbol its label, and what else it could be. */
async function tagged(tagger, text, signal) {
  const lines = [];
  for (const line of text.split("\n")) {
    const symbols = tagger.cut(line);
    lines.push(symbols.length ? labelled(tagger, symbols) : []);
    await breathe();
    signal?.throwIfAborted();
  }
  return lines;
}

function labelled(tagger, symbols) {
  const { classes, chain, vocabulary } = tagger;
  const scores = tagger.emissions(symbols);
  const labels = chain ? viterbi(scores, chain) : scores.map(argmax);
  const probabilities = chain ? marginals(scores, chain) : scores.map(softmax);
  return symbols.map((text, t) => {
    const p = probabilities[t];
    const likely = classes.map((label, i) => [label, p[i]]).sort((a, b) => b[1] - a[1]).slice(0, LIKELY);
    const unknown = !vocabulary.ids.has(tagger.clean(text));
    return { text, label: classes[labels[t]], probability: p[labels[t]], likely, unknown };
  });
}
