// The numbers of the page, base64 of one array behind the other, as arrays again.

const KINDS = { float16: Uint16Array, float32: Float32Array, float64: Float64Array, uint32: Uint32Array };

/** Arrays by name; `layout` lists [name, kind, how many numbers] in the order of the bytes. */
export function arrays(base64, layout) {
  const { buffer } = decoded(base64);
  const found = {};
  let at = 0;
  for (const [name, kind, count] of layout) {
    const size = count * KINDS[kind].BYTES_PER_ELEMENT;
    const numbers = new KINDS[kind](buffer.slice(at, at + size));
    found[name] = kind === "float16" ? widened(numbers) : numbers;
    at += size;
  }
  return found;
}

function decoded(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Numbers of 16 bits, which JavaScript does not compute with, in 32 bits: one sign bit, five bits
 * of exponent and ten of fraction. */
function widened(halves) {
  const wide = new Float32Array(halves.length);
  for (let i = 0; i < wide.length; i += 1) {
    const [exponent, fraction] = [(halves[i] >> 10) & 31, halves[i] & 1023];
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    wide[i] = halves[i] >> 15 ? -size : size;
  }
  return wide;
}
