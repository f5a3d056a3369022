// A text in words and marks as Unicode divides it (UAX #29), by its rules and not by a browser's:
// those look words of Thai or Chinese up in dictionaries, and some cut "e.g." at its full stop.

const WHITE = "\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // str.isspace
const RUNS = new RegExp(`[${WHITE}]|[^${WHITE}]+`, "gu");
const SPACE_BEFORE = new RegExp(` ?[\\p{L}\\p{N}_]+(?:['’][\\p{L}\\p{N}_]+)*| ?[^\\p{L}\\p{N}_${WHITE}]+|[${WHITE}]`, "gu");
export const AROUND = new RegExp(`^[${WHITE}]+|[${WHITE}]+$`, "gu");

// What a character is to the rules; the first that fits.
const COMPLEX = "\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}\\p{sc=Tale}\\p{sc=Talu}\\p{sc=Lana}\\p{sc=Tavt}\\p{sc=Ahom}";
const KINDS = [
  ["other", "\\u200b"],
  ["letter", "\\u070f"],
  ["joiner", "\\u200d"],
  ["extend", "\\p{M}\\p{Gr_Ext}\\p{EMod}"],
  ["numeric", "\\p{Nd}\\u19da\\u0600-\\u0605\\u06dd\\u0890\\u0891\\u08e2\\u{110bd}\\u{110cd}\\u066b"],
  ["format", "\\p{Cf}"],
  ["quote", "'"],
  ["quotes", '"'],
  ["midLetter", ":\\xb7\\u0387\\u055f\\u05f4\\u2027\\ufe13\\ufe55\\uff1a"],
  ["midNumber", ",;\\u037e\\u0589\\u060c\\u060d\\u066c\\u07f8\\u2044\\ufe50\\ufe54\\uff0c\\uff1b"],
  ["midBoth", ".\\u2018\\u2019\\u2024\\ufe52\\uff07\\uff0e"],
  ["katakana", "\\p{sc=Kana}\\u3031-\\u3035\\u309b\\u309c\\u30a0\\u30fc\\uff70"],
  ["joins", "\\p{Pc}\\u202f"],
  ["flag", "\\p{RI}"],
  ["other", `\\p{Ideo}\\p{sc=Hira}${COMPLEX}`],
  ["letter", "\\p{Alphabetic}\\xb8\\u02c2-\\u02c5\\u02d2-\\u02d7\\u02de\\u02df\\u02e5-\\u02eb\\u02ed\\u02ef-\\u02ff"
    + "\\u055a-\\u055c\\u055e\\u058a\\u05f3\\ua708-\\ua716\\ua720\\ua721\\ua789\\ua78a\\uab5b"],
].map(([kind, set]) => [kind, new RegExp(`[${set}]`, "u")]);
const HEBREW = /(?=\p{Lo})\p{sc=Hebr}/u;
const PICTURE = /^\p{ExtPict}/u;
const ATTACHED = new Set(["joiner", "extend", "format"]);
const known = new Map();

/** Words, marks and white space; joined they are the text again. `rule` is that of the model. */
export function words(text, rule) {
  if (rule !== "uax29") return text.match(SPACE_BEFORE) ?? [];
  return (text.match(RUNS) ?? []).flatMap(cut);
}

function cut(run) {
  const units = unitsOf(run);
  const found = [];
  for (let i = 0; i < units.length; i += 1) {
    if (i && together(units, i)) found.push(found.pop() + units[i].text);
    else found.push(units[i].text);
  }
  return found;
}

/** Characters, each with the marks behind it, and what they are. */
function unitsOf(run) {
  const units = [];
  for (const character of run) {
    const kind = kindOf(character);
    if (units.length && ATTACHED.has(kind)) units.at(-1).text += character;
    else units.push({ text: character, kind });
  }
  return units;
}

function kindOf(character) {
  if (!known.has(character)) {
    const kind = KINDS.find(([, set]) => set.test(character))?.[0] ?? "other";
    known.set(character, kind === "letter" && HEBREW.test(character) ? "hebrew" : kind);
  }
  return known.get(character);
}

const isLetter = (kind) => kind === "letter" || kind === "hebrew";
const inLetters = (kind) => ["midLetter", "midBoth", "quote"].includes(kind);
const inNumbers = (kind) => ["midNumber", "midBoth", "quote"].includes(kind);
const inWord = (kind) => isLetter(kind) || kind === "numeric";

/** Whether no word ends before a unit: the rules WB3c and WB5 to WB16. */
function together(units, i) {
  const [before, a, b, behind] = [i - 2, i - 1, i, i + 1].map((at) => units[at]?.kind);
  if (units[i - 1].text.endsWith("\u200d") && PICTURE.test(units[i].text)) return true;
  if (inWord(a) && inWord(b)) return true;
  if (isLetter(a) && inLetters(b) && isLetter(behind)) return true;
  if (isLetter(before) && inLetters(a) && isLetter(b)) return true;
  if (a === "hebrew" && (b === "quote" || (b === "quotes" && behind === "hebrew"))) return true;
  if (before === "hebrew" && a === "quotes" && b === "hebrew") return true;
  if (before === "numeric" && inNumbers(a) && b === "numeric") return true;
  if (a === "numeric" && inNumbers(b) && behind === "numeric") return true;
  if (a === "katakana" && b === "katakana") return true;
  if (b === "joins" && (inWord(a) || a === "katakana" || a === "joins")) return true;
  if (a === "joins" && (inWord(b) || b === "katakana")) return true;
  return a === "flag" && b === "flag" && flagsBefore(units, i) % 2 === 1;
}

function flagsBefore(units, i) {
  let count = 0;
  while (units[i - 1 - count]?.kind === "flag") count += 1;
  return count;
}
