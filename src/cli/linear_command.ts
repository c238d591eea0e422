// linear_command: the linear case, in closed form and as the trainer finds it, beside theory.
import type { LinearResult } from "../../mod.ts";
import { describeDuration, table } from "./session.ts";
import type { Outcome, Session } from "./session.ts";

/** The flags of `linear`. */
export interface LinearFlags {
  /** CSV file of a table. */
  csv?: string;
  /** Its column that the others are to tell. */
  target?: string;
  /** Rows of a problem that is drawn. */
  rows?: number;
  /** Columns of a problem that is drawn. */
  dims?: number;
  /** Seed of everything random. */
  seed: number;
  /** Folder of the results. */
  out: string;
}

/** Shows what M distilled points can do for a linear model, and what they cannot. */
export async function linearCommand(session: Session, flags: LinearFlags): Promise<Outcome> {
  const { retort } = session;
  const { csv, target, rows = 200, dims = 8, seed, out } = flags;
  expectOneProblem(session, flags);
  if (csv === undefined && rows <= dims) {
    throw new retort.UsageError(
      `Cannot use --rows: got ${rows}, expected more than the ${dims} columns of --dims`,
    );
  }
  const read = csv === undefined ? undefined : await retort.readRegression(csv, target!);
  using device = await retort.openDevice();
  const start = performance.now();
  const problem = read ?? await retort.drawnRegression(device, { rows, dims, seed });
  const result = await retort.linear(device, problem, {
    seed,
    out,
    ...(!session.quiet && { onProgress: (line: string) => session.note(line) }),
  });
  const seconds = (performance.now() - start) / 1000;
  return {
    values: { ...result, seconds },
    lines: [
      ...describeProblem(result, csv),
      ...describeClosedForm(result),
      `Excess loss left by one step, in % of that of θ₀ (mean of ${result.networks} held-out θ₀)`,
      ...describePoints(result),
      `Took ${describeDuration(seconds)}; adapter ${result.adapter}`,
      `Plot ${result.files[1]}`,
    ],
  };
}

/** Refuses flags of a table that is read beside those of one that is drawn, and half of either. */
function expectOneProblem({ retort }: Session, { csv, target, rows, dims }: LinearFlags): void {
  if ((csv === undefined) !== (target === undefined)) {
    const [got, other] = csv === undefined ? ["--target", "--csv"] : ["--csv", "--target"];
    throw new retort.UsageError(`Cannot use ${got}: got no ${other}, expected both`);
  }
  if (csv === undefined) return;
  for (const [flag, given] of Object.entries({ "--rows": rows, "--dims": dims })) {
    if (given === undefined) continue;
    throw new retort.UsageError(
      `Cannot use ${flag}: got --csv too, expected one of them; the table has its rows and columns`,
    );
  }
}

function describeProblem(result: LinearResult, csv: string | undefined): string[] {
  const { rows, columns, target, explained, eigenvalues, seed } = result;
  const [most, least] = [eigenvalues[0]!, eigenvalues.at(-1)!].map((value) => value.toPrecision(2));
  return [
    `${
      csv ?? "Drawn problem"
    }: ${rows} rows, ${columns.length} columns, seed ${seed}; a linear model ` +
    `explains ${percent(explained)} % of ${target}`,
    `Eigenvalues of dᵀd/N from ${most} to ${least}`,
  ];
}

function describeClosedForm({ rows, columns, closedForm }: LinearResult): string[] {
  const { remainder, determinant, optimum, found } = closedForm;
  const D = columns.length;
  return [
    `Closed form, M = ${D}: d̃ = ${rows}·I, t̃ = ${rows}·θ*, η̃ = ${D}/${rows}²`,
    `  dᵀd(I − η̃/M d̃ᵀd̃) is ${remainder.toExponential(0)} of dᵀd, det(η̃/M d̃ᵀd̃) ${determinant}, ` +
    `θ* off by ${optimum.toExponential(0)}; one step leaves ${percent(found)} %`,
  ];
}

/** A line for each M, in columns. */
function describePoints({ points }: LinearResult): string[] {
  return table([
    ["M", "found", "outside its rows", "bound", "largest eigenvectors"],
    ...points.map(({ count, found, outside, bound, aligned }) => [
      `${count}`,
      ...[found, outside, bound, aligned].map(percent),
    ]),
  ]);
}

/** "27.8", "0", or "2e-12" where that is not told by one decimal. */
function percent(share: number): string {
  const value = 100 * share;
  return value === 0 || value >= 0.05 ? value.toFixed(value === 0 ? 0 : 1) : value.toExponential(0);
}
