// What each view is, in a sentence, and the words that it uses.

import { h } from "./dom.js";

const TERMS = {
  prompt: ["Prompt", "The text that the model reads before it writes. The command line calls it --prime."],
  temperature: ["Temperature", "How freely the model chooses: below 1 it plays safe, above 1 it takes risks, at 0 it always takes the likeliest symbol."],
  top: ["Top-k, top-p", "Draw from the k likeliest symbols only, or from the likeliest ones that together have probability p."],
  bits: ["Bits per character", "How surprised the model is on average: 0 bits if it knew every character, 1 bit if it were right every second time. Less is better."],
  held: ["Held out", "Text that the model never learned from. It shows whether the model understood the text or memorized it."],
  unit: ["Unit", "One number of the hidden state. Together they are all that the network remembers of what it has read."],
  gate: ["Gate", "A number from 0 to 1 for each unit that decides how much is forgotten, taken in or let out."],
  loss: ["Loss", "What training makes smaller: −ln p of the symbol that really came next, added up over the text."],
  gradient: ["Gradient", "How much the loss changes with each number. Training moves every weight a little against it."],
  bptt: ["Back-propagation through time", "The gradient travels from each loss back through all the steps before it."],
  chain: ["Markov chain", "Predicts the next symbol from the few before it by counting. A network that is no better has learned nothing new."],
  epoch: ["Step, epoch", "A step is one update of the weights. An epoch is one pass over the whole text."],
  rate: ["Learning rate", "How far a step moves the weights."],
  f1: ["Macro-F1", "The mean over the classes of how well each is found, so that rare classes count as much as frequent ones."],
  prefix: ["Prefix", "The beginning of a text. The table has a column for what the model thinks after each symbol."],
  marginal: ["Probability of a label", "How sure the model is of the label of one symbol, over all labellings of the line."],
};

const VIEWS = {
  write: ["The model writes, one symbol after the other. The darker a symbol, the more it surprised the model; click one to see what else could have come, and to continue from there.",
    ["prompt", "temperature", "top", "bits"]],
  inside: ["What the units of the network do while it reads a text. Follow one unit, or select a passage and find others where the same units are active.",
    ["unit", "gate"]],
  numbers: ["Every number of a few steps: forward to the loss, and backward to the gradient of each weight.",
    ["loss", "gradient", "bptt", "gate"]],
  learn: ["How the loss fell while the model learned, and what it wrote on the way.",
    ["loss", "bits", "held", "chain", "epoch", "rate"]],
  classify: ["Type a text, and see what the model thinks of it after every symbol.", ["prefix", "f1"]],
  tag: ["Type a line, and see the label of every symbol and what else it could be.", ["marginal", "bits"]],
};

/** The sentence of a view, and a button that shows its words. */
export function about(view) {
  const [sentence, terms] = VIEWS[view];
  return h("details", { class: "about" },
    h("summary", {}, h("span", { class: "note" }, sentence), " ",
      h("span", { class: "question", role: "img", "aria-label": "What do the words mean?" }, "?")),
    h("dl", { class: "terms note" }, terms.flatMap((name) =>
      [h("dt", {}, TERMS[name][0]), h("dd", {}, TERMS[name][1])])));
}
