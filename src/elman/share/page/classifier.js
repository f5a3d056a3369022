// The page of a classifier: its view is that of `elman serve`, with an interface that computes here.

import { h } from "../../web/static/dom.js";
import { mount } from "../../web/static/classify.js";
import { arrays } from "./tensors.js";
import { Network, argmax, softmax } from "./network.js";
import { breathe, needed, open } from "./shell.js";
import { Vocabulary, treated } from "./vocabulary.js";
import { addRows, ngrams } from "./wide.js";

const LONGEST = 200; // characters that are typed: every prefix of them is read
const KEPT = 2000; // prefixes whose probabilities are known already

export function start(about, weights) {
  const classifier = new Classifier(about, arrays(weights, about.layout));
  const { classes } = about;
  const shell = open(about, "classify");
  const root = h("section", { id: "view-classify", class: "view" });
  shell.main.append(root);
  mount(root, shell.context({
    model: { name: about.name, tokens: about.vocabulary.kind, vocabulary: about.vocabulary.symbols, classes },
    limits: { classify: LONGEST },
    post: (_, { text }, signal) => prefixes(classifier, classes, text, signal),
  }));
  shell.expose({
    classify: async (text) => {
      const probabilities = Array.from(classifier.probabilities(classifier.logits(classifier.encode(needed(text)))));
      return { classes, probabilities, prediction: classes[argmax(probabilities)] };
    },
    logits: (text) => Array.from(classifier.logits(classifier.encode(needed(text)))),
  }, classifier);
}

class Classifier {
  constructor(about, weights) {
    Object.assign(this, { weights, config: about.config, treatment: about.treatment });
    this.temperature = about.temperature;
    this.vocabulary = new Vocabulary(about.vocabulary, about.special);
    this.network = new Network(weights, about.config);
    this.known = new Map(); // the probabilities of prefixes
  }

  /** Ids of a text, as many as the model reads. */
  encode(text) {
    const ids = this.vocabulary.encode(treated(text, this.treatment));
    if (!ids.length) throw new Error("the text is empty: it has no class");
    return Object.assign(ids.slice(0, this.config.seq_len), { cut: ids.length > this.config.seq_len });
  }

  logits(ids) {
    const { network, config } = this;
    const logits = network.readout(this.pooled(network.read(ids.map((id) => network.symbol(id)))));
    if (config.wide) addRows(this.weights["wide.W"], ngrams(ids, config.wide, config.wide_ngrams), logits);
    return logits;
  }

  /** One vector of all steps: the last states, or unit by unit the mean or the largest. */
  pooled({ outputs, final }) {
    const { pooling } = this.config;
    if (pooling === "last") return final;
    const join = pooling === "mean" ? (a, b) => a + b / outputs.length : Math.max;
    const first = pooling === "mean" ? 0 : -Infinity;
    return final.map((_, unit) => outputs.reduce((found, output) => join(found, output[unit]), first));
  }

  probabilities(logits) {
    return softmax(logits.map((x) => x / this.temperature));
  }

  /** The probabilities of ids that may have been read before. */
  remembered(ids) {
    const name = ids.join();
    if (!this.known.has(name)) {
      if (this.known.size > KEPT) this.known.clear();
      this.known.set(name, Array.from(this.probabilities(this.logits(ids))));
    }
    return this.known.get(name);
  }
}

/** What POST /api/classify answers: the classes after every prefix. */
async function prefixes(classifier, classes, text, signal) {
  const { vocabulary } = classifier;
  const ids = classifier.encode(text);
  const probabilities = [];
  for (let length = 1; length <= ids.length; length += 1) {
    probabilities.push(classifier.remembered(ids.slice(0, length)));
    await breathe();
    signal?.throwIfAborted();
  }
  return {
    classes, probabilities, cut: ids.cut,
    symbols: Array.from(ids, (id) => vocabulary.shown(id)),
    prediction: classes[argmax(probabilities.at(-1))],
    unknown: ids.filter((id) => id === vocabulary.unknown).length,
  };
}
