/**
 * Cases: damaged files, read one after the other in a process of its own, since some may end it. For
 * each there is a line on stdout: its parser, its number, and what became of it. After one that took too
 * much memory the process ends, since its peak would be that of all later ones.
 *
 *     deno run -A tests/fuzz/cases.ts SEED CASES [PARSER CASE]    from a case on
 */
import { AssertionError } from "node:assert/strict";
import { mutated, Random } from "./mutations.ts";
import { type Parser, PARSERS } from "./parsers.ts";

/** What may become of a case. */
export type Outcome =
  | "read"
  | "refused"
  | "leaked"
  | "corrupt"
  | "crash"
  | "hang"
  | "memory";

/** A case and what became of it. */
export interface Report {
  /** Index among the parsers. */
  readonly parser: number;
  readonly which: number;
  readonly outcome: Outcome;
  /** What was said, where it is not as it should be. */
  readonly message?: string;
}

/** Bytes that a process may have. */
const BYTES = 2 ** 30;

/** The file of a case. */
export function fileOf(seed: number, parser: number, which: number): Uint8Array {
  const { seeds, inner = mutated } = PARSERS[parser]!;
  const random = new Random(seed, parser, which);
  const [bytes, other] = [random.of(seeds), random.of(seeds)];
  return (random.below(2) ? inner : mutated)(bytes, random, other);
}

/** A sentence of ours: what cannot be done, what was got, and what was expected. */
const SENTENCE = /^Cannot [^]+: [^]*got [^]*, expected /;

/** What engines, systems and libraries say. */
const FOREIGN =
  /of (undefined|null)|is not (a function|iterable|defined|an object)|typed array|array length|Unexpected |JSON at|in JSON|circular|call stack|os error|out of (bounds|range|memory)|ERR_|(Type|Range|Reference)Error/;

/** Reads a file and says what became of it. */
export async function outcomeOf(
  parser: Parser,
  bytes: Uint8Array,
  dir: string,
): Promise<Omit<Report, "parser" | "which">> {
  try {
    await parser.read(bytes, dir);
    return { outcome: "read" };
  } catch (error) {
    const message = error instanceof Error ? error.message : `${error}`;
    if (error instanceof AssertionError) return { outcome: "corrupt", message };
    const quoted = causesOf(error).some((cause) =>
      !SENTENCE.test(cause) && message.includes(cause)
    );
    if (SENTENCE.test(message) && !FOREIGN.test(message) && !quoted) return { outcome: "refused" };
    return { outcome: "leaked", message };
  }
}

function causesOf(error: unknown): string[] {
  if (!(error instanceof Error && error.cause instanceof Error)) return [];
  return [error.cause.message, ...causesOf(error.cause)].filter((message) => message !== "");
}

async function main([seed = 1, cases = 100, parser = 0, first = 0]: number[]): Promise<void> {
  const dir = await Deno.makeTempDir();
  const say = (report: Report) => console.log(JSON.stringify(report));
  let at = { parser, which: first };
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    say({ ...at, outcome: "crash", message: `unhandled: ${event.reason}` });
  });
  let peak = 0;
  for (let p = parser; p < PARSERS.length && peak <= BYTES; p++) {
    for (let which = p === parser ? first : 0; which < cases && peak <= BYTES; which++) {
      at = { parser: p, which };
      const result = await outcomeOf(PARSERS[p]!, fileOf(seed, p, which), dir);
      peak = await peakBytes();
      const message = `${Math.round(peak / 2 ** 20)} MB`;
      say({ ...at, ...(peak > BYTES ? { outcome: "memory", message } : result) });
    }
  }
  await Deno.remove(dir, { recursive: true });
}

/** The most memory that this process has had; what it has now where the system does not tell. */
async function peakBytes(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(status) ?? [];
  return kilobytes === undefined ? Deno.memoryUsage().rss : 1024 * Number(kilobytes);
}

if (import.meta.main) await main(Deno.args.map(Number));
