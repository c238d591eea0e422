/**
 * Fuzz: every parser on damaged files, with a watch over time.
 *
 *     deno task fuzz [--cases 10000] [--seed 1]
 */
import { parseArgs } from "node:util";
import type { Outcome, Report } from "./cases.ts";
import { PARSERS } from "./parsers.ts";

const OUTCOMES: readonly Outcome[] = [
  "read",
  "refused",
  "leaked",
  "corrupt",
  "crash",
  "hang",
  "memory",
];

/** Outcomes that are as they should be. */
const GOOD: readonly Outcome[] = ["read", "refused"];

/** Seconds that a case may take. */
const SECONDS = 5;

/** Seconds until the first: the process has to start. */
const START_SECONDS = 60;

/** How many cases of each parser had each outcome, and the reports of those that went wrong. */
export interface Findings {
  readonly counts: readonly Record<Outcome, number>[];
  readonly faults: readonly Report[];
}

/** Runs `cases` of each parser. */
export async function fuzz(seed: number, cases: number): Promise<Findings> {
  const counts = PARSERS.map(() =>
    Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  );
  const faults: Report[] = [];
  let next: { parser: number; which: number } | undefined = { parser: 0, which: 0 };
  const note = (report: Report) => {
    counts[report.parser]![report.outcome]++;
    if (!GOOD.includes(report.outcome)) faults.push(report);
    const { parser, which } = report;
    const isLast = which + 1 >= cases;
    if (!isLast) next = { parser, which: which + 1 };
    else next = parser + 1 < PARSERS.length ? { parser: parser + 1, which: 0 } : undefined;
  };
  while (next) {
    const end = await watched([seed, cases, next.parser, next.which], note);
    if (next && end !== "done") note({ ...next, outcome: end });
  }
  return { counts, faults };
}

/** Runs cases in a process of their own until it ends, or is ended. */
async function watched(
  args: number[],
  note: (report: Report) => void,
): Promise<"done" | "hang" | "crash"> {
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      `${import.meta.dirname}/cases.ts`,
      ...args.map(String),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let hangs = false;
  const end = () => {
    hangs = true;
    child.kill("SIGKILL");
  };
  let timer = setTimeout(end, START_SECONDS * 1000);
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    clearTimeout(timer);
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) note(JSON.parse(line));
    timer = setTimeout(end, SECONDS * 1000);
  }
  clearTimeout(timer);
  const { success } = await child.status;
  return hangs ? "hang" : success ? "done" : "crash";
}

/** The counts as a Markdown table. */
export function tableOf({ counts }: Findings): string {
  const row = (cells: readonly unknown[]) => `| ${cells.join(" | ")} |\n`;
  const head = row(["parser", ...OUTCOMES]) + row(["---", ...OUTCOMES.map(() => "---:")]);
  const rows = counts.map((count, p) =>
    row([PARSERS[p]!.name, ...OUTCOMES.map((outcome) => count[outcome])])
  );
  return head + rows.join("");
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      cases: { type: "string", default: "10000" },
      seed: { type: "string", default: "1" },
    },
  });
  const findings = await fuzz(Number(values.seed), Number(values.cases));
  console.log(tableOf(findings));
  for (const { parser, which, outcome, message = "" } of findings.faults) {
    console.error(`${PARSERS[parser]!.name}, case ${which}: ${outcome}. ${message}`);
  }
  Deno.exit(findings.faults.length === 0 ? 0 : 1);
}
