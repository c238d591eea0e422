/** Regression: a table of numbers, one column of which the others are to tell, from a CSV file. */
import { quoted } from "../base/text.ts";
import { parseTable, readText } from "./csv.ts";

/** A table of N rows: D numbers each, and the number that they are to tell. */
export interface Regression {
  /** What the D columns are called. */
  readonly columns: readonly string[];
  /** What the column to tell is called. */
  readonly target: string;
  /** N. */
  readonly rows: number;
  /** [N, D], as the file has them. */
  readonly inputs: Float64Array;
  /** [N], as the file has them. */
  readonly targets: Float64Array;
}

/**
 * Reads the CSV file `path`, whose column `target` is to be told from all others.
 *
 * @throws {Deno.errors.NotFound} no such file
 * @throws {SyntaxError} no header, no such column, ragged rows, or a field that is no number; the message names row
 *   and column
 * @throws {RangeError} no rows
 */
export async function readRegression(path: string, target: string): Promise<Regression> {
  const { columns, rows } = parseTable(path, await readText(path, "a CSV file"), [target]);
  const targets = Float64Array.from(rows, ({ number, label }) => {
    const value = Number(label);
    if (Number.isFinite(value)) return value;
    throw new SyntaxError(
      `Cannot read ${path}, row ${number}: got ${quoted(label)} in column ${target}, expected a ` +
        `number; correct it, or leave out the row`,
    );
  });
  const inputs = new Float64Array(rows.length * columns.length);
  rows.forEach(({ values }, n) => inputs.set(values, n * columns.length));
  return { columns, target, rows: rows.length, inputs, targets };
}
