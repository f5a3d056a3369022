// The random numbers of `elman sample`: NumPy's default_rng(seed), which is PCG64 (O'Neill 2014)
// with the state that its SeedSequence makes of a seed. Same seed, same numbers, same text.

const MASK = (1n << 128n) - 1n;
const LOW = (1n << 64n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

export class Random {
  constructor(seed) {
    const [a, b, c, d] = states(seed);
    this.increment = ((((c << 64n) | d) << 1n) | 1n) & MASK;
    this.state = 0n;
    this.step();
    this.state = (this.state + ((a << 64n) | b)) & MASK;
    this.step();
  }

  step() {
    this.state = (this.state * MULTIPLIER + this.increment) & MASK;
  }

  /** 64 random bits: both halves of the state, mixed and turned. */
  bits() {
    this.step();
    const mixed = ((this.state >> 64n) ^ this.state) & LOW;
    const turn = this.state >> 122n;
    return ((mixed >> turn) | (mixed << (64n - turn))) & LOW;
  }

  /** A number from 0 to below 1. */
  uniform() {
    return Number(this.bits() >> 11n) / 2 ** 53;
  }

  /** The first whole number below `end` that is drawn from it (Lemire 2019); `end` is below 2^32. */
  below(end) {
    if (end === 1) return 0;
    const [range, halves] = [BigInt(end), []];
    const drawn = () => {
      if (!halves.length) {
        const bits = this.bits();
        halves.push(bits & 0xffffffffn, bits >> 32n);
      }
      return halves.shift() * range;
    };
    const least = (1n << 32n) % range;
    let product = drawn();
    while ((product & 0xffffffffn) < least) product = drawn();
    return Number(product >> 32n);
  }
}

/** Four numbers of 64 bits from a seed, as NumPy's SeedSequence makes them. */
function states(seed) {
  const pool = mixed(words(seed));
  const hashed = hasher(0x8b51f9dd, 0x58f38ded);
  const found = Array.from({ length: 8 }, (_, i) => BigInt(hashed(pool[i % 4])));
  return [0, 2, 4, 6].map((i) => found[i] | (found[i + 1] << 32n));
}

/** A whole number in words of 32 bits, the low one first. */
function words(number) {
  const found = [];
  for (let rest = BigInt(number); rest || !found.length; rest >>= 32n) found.push(Number(rest & 0xffffffffn));
  return found;
}

function mixed(entropy) {
  const hashed = hasher(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hashed(entropy[i] ?? 0));
  const into = (place, value) => {
    const sum = Math.imul(0xca01f9dd, pool[place]) - Math.imul(0x4973f715, value);
    pool[place] = (sum ^ (sum >>> 16)) >>> 0;
  };
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) if (from !== to) into(to, hashed(pool[from]));
  }
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to += 1) into(to, hashed(word));
  return pool;
}

/** A hash whose constant goes on with every value. */
function hasher(constant, factor) {
  return (value) => {
    const before = constant;
    constant = Math.imul(constant, factor);
    const product = Math.imul(value ^ before, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}
