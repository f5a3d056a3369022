// Text to the ids of symbols, and back, as the model's training text was read: src/elman/text.

import { AROUND, words } from "./words.js";

/** Line ends, white space around a text, normal form and case, as the model's texts had them. */
export function treated(text, { strip, normalize, lowercase } = {}) {
  let clean = text.replace(/\r\n?/g, "\n");
  if (strip) clean = clean.replace(AROUND, "");
  if (normalize) clean = clean.normalize(normalize);
  return lowercase ? clean.toLowerCase() : clean;
}

export class Vocabulary {
  /** `kind` is char, byte or word; `symbols` are in the order of the ids. */
  constructor({ kind, symbols, words: rule = "" }, special = {}, separator = "\n") {
    Object.assign(this, { kind, symbols, rule, separator, ids: new Map(symbols.map((s, id) => [s, id])) });
    [this.unknown, this.begin, this.end] = ["<unk>", "<begin>", "<end>"].map((name) => special[name]);
  }

  get size() {
    return this.symbols.length;
  }

  /** What is read before a text: <begin>, else a newline; undefined without either. */
  get opening() {
    return this.begin ?? this.ids.get(this.kind === "byte" ? 10 : "\n");
  }

  /** Ids that no text has. */
  get special() {
    return [this.unknown, this.begin, this.end].filter((id) => id !== undefined);
  }

  /** The symbols of a text; of bytes numbers. */
  cut(text) {
    if (this.kind === "byte") return [...new TextEncoder().encode(text)];
    return this.kind === "word" ? words(text, this.rule) : Array.from(text);
  }

  /** Ids of a text; what the model does not know is `<unk>`, or an error with a sentence. */
  encode(text) {
    const found = this.cut(text);
    const missing = found.filter((symbol) => !this.ids.has(symbol));
    if (missing.length && this.unknown === undefined) {
      const named = [...new Set(missing)].slice(0, 20).map((symbol) => `“${symbol}”`);
      throw new Error(`the model does not know ${named.join(", ")}; leave it out`);
    }
    return found.map((symbol) => this.ids.get(symbol) ?? this.unknown);
  }

  /** What a symbol looks like: the end of a record is what ends one, a byte beyond ASCII is \xc3. */
  shown(id) {
    const symbol = this.symbols[id];
    if (typeof symbol !== "number") return id === this.end ? this.separator : symbol;
    return symbol < 128 ? String.fromCharCode(symbol) : `\\x${symbol.toString(16)}`;
  }

  /** A function that gives the text of each symbol as it comes; a character comes with its last byte. */
  decoder() {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return (id) => {
      const symbol = this.symbols[id];
      if (typeof symbol === "number") return decoder.decode(Uint8Array.of(symbol), { stream: true });
      return id === this.end ? this.separator : symbol;
    };
  }
}
