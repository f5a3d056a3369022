// A text to begin with: the first of some that the model can read, else symbols that it knows.

export function startOf({ vocabulary, tokens }, texts) {
  const letters = tokens === "word" ? /^ ?\p{L}{2,}$/u : /^\p{L}$/u;
  const known = new Set(vocabulary);
  const found = vocabulary.filter((symbol) => letters.test(symbol));
  // Words of older models take the space before them along.
  const between = tokens === "word" && !found.some((symbol) => symbol.startsWith(" ")) ? " " : "";
  const few = (found.length > 2 ? found : vocabulary.filter((symbol) => symbol.trim())).slice(0, 6).join(between);
  if (tokens === "byte") return texts[0];
  return tokens === "word" ? few : texts.find((text) => [...text].every((c) => known.has(c))) ?? few;
}
