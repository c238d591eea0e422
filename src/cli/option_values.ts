// option_values: turns the text after an option into its value, or says what was expected.
import { CommanderError } from "npm:commander@15.1.0";
import { quoted } from "../base/text.ts";
import { parse } from "npm:yaml@2.9.1";

/** The largest seed, that of an unsigned 32-bit integer. */
export const MAX_SEED = 2 ** 32 - 1;

/** A parser of the integers from `minimum` to `maximum` for the option `flag`. */
export function integer(flag: string, minimum: number, maximum = Infinity) {
  return (text: string): number => {
    const value = Number(text);
    const isInteger = /^\d+$/.test(text) && Number.isSafeInteger(value);
    if (isInteger && value >= minimum && value <= maximum) return value;
    const range = maximum === Infinity ? `≥ ${minimum}` : `from ${minimum} to ${maximum}`;
    throw badValue(flag, text, `an integer ${range}`);
  };
}

/** A parser of the numbers above 0 for the option `flag`. */
export function positive(flag: string) {
  return (text: string): number => {
    const value = Number(text);
    if (value > 0 && value < Infinity) return value;
    throw badValue(flag, text, "a number > 0");
  };
}

/** The FILE of `pretrained:FILE`. */
export function pretrained(text: string): string {
  const [, file] = /^pretrained:(.+)$/s.exec(text) ?? [];
  if (file === undefined) throw badValue("--init", text, "pretrained:FILE");
  return file;
}

const UNITS = ["B", "KB", "MB", "GB"];

/** A parser of sizes such as 512MB or 1.5GB, powers of 1024, into bytes. */
export function bytes(flag: string) {
  return (text: string): number => {
    const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMG]?B)$/i.exec(text) ?? [];
    if (number === undefined) throw badValue(flag, text, "a size such as 512MB or 2GB");
    return Math.floor(Number(number) * 1024 ** UNITS.indexOf(unit!.toUpperCase()));
  };
}

/** What a text says as a value in a YAML recipe, which has no aliases. */
function read(text: string): unknown {
  return parse(text, { maxAliasCount: 0, logLevel: "error" });
}

/** Collects the settings of every --set key=value; values are read as in a YAML recipe. */
export function assignment(text: string, earlier: Record<string, unknown> = {}) {
  const [, key, value] = /^(\w[^=]*)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined) throw badValue("--set", text, "key=value");
  try {
    return { ...earlier, [key]: read(value) };
  } catch {
    throw badValue("--set", text, "key=value with a value as in a YAML file");
  }
}

/** A name, or layers as in a YAML file; whether they make a network is the library's to say. */
export function architecture(text: string): unknown {
  if (!text.startsWith("[")) return text;
  try {
    return read(text);
  } catch {
    throw badValue("--arch", text, "a name, or a list of layers as in a YAML file");
  }
}

/** Collects the network of every --arch. */
export function architectures(text: string, earlier: unknown[] = []): unknown[] {
  return [...earlier, architecture(text)];
}

/** Collects the values of every --over key=value,value,…, each read as in a YAML recipe. */
export function alternatives(text: string, earlier: Record<string, unknown[]> = {}) {
  const [, key, list] = /^(\w[^=]*)=(.+)$/s.exec(text) ?? [];
  const values = list?.split(",") ?? [];
  const isNew = key !== undefined && !(key in earlier) && new Set(values).size === values.length;
  try {
    if (isNew && !values.includes("")) return { ...earlier, [key]: values.map((v) => read(v)) };
  } catch { /* said below */ }
  throw badValue("--over", text, "key=value,value,… with each key and value once");
}

/** A parser of comma-separated words, each one of `known`, for the option `flag`. */
export function words<T extends string>(flag: string, known: readonly T[]) {
  return (text: string): T[] => {
    const asked = text.split(",");
    const found = known.filter((word) => asked.includes(word));
    if (found.length === asked.length) return found;
    throw badValue(flag, text, `some of ${known.join(",")}`);
  };
}

function badValue(flag: string, got: string, expected: string): CommanderError {
  const message = `Cannot use ${flag}: got ${quoted(got)}, expected ${expected}`;
  return new CommanderError(2, "retort.badValue", message);
}
