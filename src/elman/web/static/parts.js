// Words of Look inside: the parts of a layer, and what was searched.

const NAMES = {
  hidden: "Hidden state h", cell: "Cell c",
  i: "Input gate i", f: "Forget gate f", g: "Candidate g", o: "Output gate o",
  r: "Reset gate r", z: "Update gate z", n: "Candidate n",
};

export const nameOf = (part) =>
  part.startsWith("reverse.") ? `${NAMES[part.slice(8)]} (reverse direction)` : NAMES[part];

export const isSigned = (part) => !/(^|\.)[iforz]$/.test(part); // a sigmoid is never below zero

/** Where an answer of the interface was found. */
export function sourceOf({ source }) {
  if (!source) return "the text above.";
  const names = source.split(", ").map((name) => name.split("/").at(-1) || name);
  return `the training text, ${names.slice(0, 3).join(", ")}.`;
}
