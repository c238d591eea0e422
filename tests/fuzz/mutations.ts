/** Mutations: bytes damaged as disks, cut connections and bad programs damage them, and as no program would. */
import { threefry2x32 } from "../../src/base/threefry.ts";

/** Random integers of one case, the same for the same seed, parser and case. */
export class Random {
  readonly #seed: number;
  readonly #parser: number;
  readonly #case: number;
  #drawn = 0;

  constructor(seed: number, parser: number, which: number) {
    this.#seed = seed;
    this.#parser = parser;
    this.#case = which;
  }

  /** An integer from 0 to `limit` − 1. */
  below(limit: number): number {
    const [word] = threefry2x32(this.#seed, this.#parser, this.#case, this.#drawn++);
    return Math.floor(word / 2 ** 32 * limit);
  }

  /** One of `values`. */
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}

/** Texts that parsers trip over. */
const WORDS = [
  "NaN",
  "Infinity",
  "-1",
  "-5",
  "1e999",
  "1e-999",
  "0",
  "4294967296",
  "99999999999999999999",
  "null",
  "true",
  "{}",
  "[]",
  '""',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\n",
  "\r\n",
  "\t",
  "\0",
  "\u001b[2J",
  "&a ",
  "*a",
  "<<: *a",
  "!!binary ",
  "%YAML 9\n",
  "---\n",
  "__proto__",
  "constructor",
  "../../etc",
  "ü四💥",
  "\ufeff",
  "\ufffd",
  "# ",
  "- ",
  "? ",
  "|",
  "'",
]; // deno-fmt-ignore

/** Numbers at which counts go wrong. */
export const EXTREMES = [
  0n, 1n, 2n, 127n, 128n, 255n, 256n, 0x7fffn, 0x8000n, 0xffffn, 2n ** 24n, 2n ** 30n, 2n ** 31n - 1n,
  2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n,
];

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  flipped,
  flipped,
  withExtreme,
  withExtreme,
  withWord,
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => splice(bytes, ...span(bytes, random), new Uint8Array()),
  (bytes, random) => {
    const [from, to] = span(bytes, random);
    return splice(bytes, to, to, bytes.subarray(from, to));
  },
  (bytes, random, other) =>
    splice(bytes, ...span(bytes, random), other.subarray(...span(other, random))),
  (bytes, random, other) => {
    const at = random.below(Math.min(bytes.length, other.length) + 1);
    return splice(bytes, at, bytes.length, other.subarray(at));
  },
  (bytes, random) => {
    const [from, to] = span(bytes, random);
    const noise = Uint8Array.from({ length: to - from }, () => random.below(256));
    return splice(bytes, from, to, noise);
  },
];

/** `bytes` with one to four mutations; `other` is what parts are taken from. */
export function mutated(bytes: Uint8Array, random: Random, other: Uint8Array): Uint8Array {
  let result = bytes;
  for (let n = 1 + random.below(4); n > 0; n--) {
    result = random.of(MUTATIONS)(result, random, other);
  }
  return Uint8Array.from(result);
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let n = 1 + random.below(3); n > 0 && copy.length > 0; n--) {
    const at = random.below(copy.length);
    copy[at]! ^= 1 << random.below(8);
  }
  return copy;
}

/** An extreme number of one to eight bytes in either order, somewhere. */
function withExtreme(bytes: Uint8Array, random: Random): Uint8Array {
  const size = random.of([1, 2, 4, 8]);
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, random.of(EXTREMES), true);
  const field = number.subarray(0, size);
  if (random.below(2)) field.reverse();
  const copy = Uint8Array.from(bytes);
  copy.set(field.subarray(0, copy.length), random.below(Math.max(1, copy.length - size)));
  return copy;
}

function withWord(bytes: Uint8Array, random: Random): Uint8Array {
  const word = new TextEncoder().encode(random.of(WORDS));
  const at = random.below(bytes.length + 1);
  return splice(bytes, at, at + (random.below(2) ? word.length : 0), word);
}

/** Two offsets, mostly near each other. */
function span(bytes: Uint8Array, random: Random): [number, number] {
  const from = random.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + random.below(1 << random.below(10)))];
}

/** `bytes` with `inserted` in place of those between two offsets. */
export function splice(
  bytes: Uint8Array,
  from: number,
  to: number,
  inserted: Uint8Array,
): Uint8Array {
  const rest = bytes.subarray(Math.min(to, bytes.length));
  const result = new Uint8Array(from + inserted.length + rest.length);
  result.set(bytes.subarray(0, from));
  result.set(inserted, from);
  result.set(rest, from + inserted.length);
  return result;
}
