// CSV files: a table of numbers with a column of labels, read into a data set; and written.
// @ts-types="npm:@types/d3-dsv@3.0.7"
import { csvFormatRows, csvParseRows } from "npm:d3-dsv@3.0.2";
import { quoted } from "../base/text.ts";
import { permutation } from "../sets/batches.ts";
import { type Dataset, mostProbable, type Split } from "../sets/dataset.ts";
import { MOST_CLASSES } from "./encoded.ts";

/** A table as its file has it. */
export interface Table {
  /** Where it was read from. */
  readonly source: string;
  /** Names of the columns of numbers. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** A row of a table. */
export interface Row {
  /** As spreadsheets count: the header is row 1. */
  readonly number: number;
  /** In the order of the columns. */
  readonly values: Float64Array;
  /** What it has in the column of labels, a number in one spelling. */
  readonly label: string;
}

/** What the column of labels may be called, the preferred names first. */
const LABEL_NAMES = ["label", "labels", "class", "target"];

/** Of a single file one row in so many of each class is for testing. */
const ONE_IN = 5;

/**
 * Loads `path`: a folder with `train.csv` and `test.csv`, or one file, of which a fifth of each class's
 * rows, always the same, are the test set. All columns but the one of labels are numbers, [D, 1, 1] an
 * example. They are normalised by the mean and the standard deviation of each column of the training
 * rows, in float64, and kept as floats.
 *
 * Labels are numbers or names. Their distinct values in training, sorted, are the classes.
 *
 * @throws {Deno.errors.NotFound} no such file or folder
 * @throws {SyntaxError} no header, no column of labels, ragged rows, or a field that is no number; the
 *   message names row and column
 * @throws {RangeError} no rows, a constant column, a class of `test.csv` that `train.csv` has not, or too
 *   few or too many classes
 */
export async function loadCsv(path: string, name: string): Promise<Dataset> {
  const [train, test] = await isFolder(path)
    ? [await readTable(`${path}/train.csv`), await readTable(`${path}/test.csv`)]
    : heldOut(await readTable(path));
  return datasetOf(name, train, test);
}

/** The data set of two tables with the same columns. @throws as `loadCsv` does. */
export function datasetOf(name: string, train: Table, test: Table): Dataset {
  const { columns } = train;
  const classNames = classesOf(train);
  const { mean, std } = statistics(train);
  const split = (table: Table): Split => {
    const { rows } = reordered(table, columns);
    const images = new Float32Array(rows.length * columns.length);
    rows.forEach(({ values }, n) => {
      const at = n * columns.length;
      values.forEach((value, d) => images[at + d] = (value - mean[d]!) / std[d]!);
    });
    expectRange(table, columns, images);
    const labels = labelsOf(table, classNames);
    return { images, labels, count: rows.length };
  };
  const shape = { channels: columns.length, height: 1, width: 1, classes: classNames.length };
  const about = { name, ...shape, classNames, columns, mean, std };
  return { ...about, train: split(train), test: split(test) };
}

/** A number may be so far from all training rows that float32 has it as infinite. */
function expectRange({ source, rows }: Table, columns: readonly string[], images: Float32Array) {
  const wrong = images.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return;
  const { number } = rows[Math.floor(wrong / columns.length)]!;
  throw new RangeError(
    `Cannot read ${source}, row ${number}: got a number in column ` +
      `${
        columns[wrong % columns.length]
      } too far from those of the training rows, expected at most ` +
      `10³⁸ standard deviations; correct it, or remove the row`,
  );
}

/** What the numbers and labels of a table mean. */
export interface TableFormat {
  /** What the columns of numbers are called, [D]. */
  readonly columns: readonly string[];
  /** What the classes are called, [K]. */
  readonly classNames: readonly string[];
  /** Mean of each column, [D]. */
  readonly mean: readonly number[];
  /** Standard deviation of each column, [D]. */
  readonly std: readonly number[];
}

/**
 * A CSV file of examples: a header, then for each its numbers in the units of the data set and its most
 * probable class. Where any label is not of one class alone, a column p(CLASS) for each class follows;
 * without them `loadCsv` reads the file again.
 *
 * @param values [N, D], normalised. @param labels [N, K], probabilities.
 */
export function formatCsv(
  { columns, classNames, mean, std }: TableFormat,
  values: Float32Array,
  labels: Float32Array,
): string {
  const [D, K] = [columns.length, classNames.length];
  const isSoft = labels.some((p) => p !== 0 && p !== 1);
  const header = [...columns, LABEL_NAMES[0]!];
  if (isSoft) header.push(...classNames.map((name) => `p(${name})`));
  const classes = mostProbable(labels, K);
  const rows = Array.from({ length: values.length / D }, (_, n) => {
    const numbers = columns.map((_, d) => inUnits(values[n * D + d]!, mean[d]!, std[d]!));
    const soft = isSoft ? Array.from(labels.subarray(n * K, (n + 1) * K), String) : [];
    return [...numbers, classNames[classes[n]!]!, ...soft];
  });
  return `${csvFormatRows([header, ...rows])}\n`;
}

/** A normalised float in its units, in the fewest digits from which the same float is read again. */
function inUnits(value: number, mean: number, std: number): string {
  const number = value * std + mean;
  for (let digits = 6; digits < 17; digits++) {
    const short = Number(number.toPrecision(digits));
    if (Math.fround((short - mean) / std) === value) return String(short);
  }
  return String(number);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw missing(path, EXPECTED, error);
    throw error;
  }
}

/** What `loadCsv` reads, for messages. */
const EXPECTED = "a CSV file, or a folder with train.csv and test.csv";

function missing(path: string, expected: string, cause: Error): Error {
  const got = cause instanceof Deno.errors.IsADirectory ? "a folder" : "no such file";
  return new Deno.errors.NotFound(
    `Cannot read ${path}: got ${got}, expected ${expected}; check the path`,
    { cause },
  );
}

async function readTable(source: string): Promise<Table> {
  return parseTable(source, await readText(source, EXPECTED), LABEL_NAMES);
}

/** The text of a file. @throws {Deno.errors.NotFound} no such file; the message says what was expected. */
export async function readText(source: string, expected: string): Promise<string> {
  return await Deno.readTextFile(source).catch((error) => {
    const { NotFound, IsADirectory } = Deno.errors;
    const isNone = error instanceof NotFound || error instanceof IsADirectory;
    throw isNone ? missing(source, expected, error) : error;
  });
}

/**
 * Reads the text of a CSV file: a header, and rows of numbers with a label each.
 *
 * @param source what messages call it. @param labels what the column of labels may be called, preferred first.
 * @throws {SyntaxError} no header, no column of labels, ragged rows, or a field that is no number
 * @throws {RangeError} no rows
 */
export function parseTable(source: string, text: string, labels: readonly string[]): Table {
  const [header = [], ...records] = csvParseRows(
    text.replace(/^\ufeff/, ""),
    (fields) => fields.map((field) => field.trim()),
  );
  const at = labelColumn(source, header, labels);
  const rows: Row[] = [];
  records.forEach((fields, i) => {
    if (fields.length === 1 && fields[0] === "") return; // a blank line
    rows.push(readRow(source, header, at, fields, i + 2));
  });
  if (rows.length === 0) {
    throw new RangeError(
      `Cannot read ${source}: got no rows below the header, expected one for each example; check ` +
        `the file`,
    );
  }
  return { source, columns: header.filter((_, i) => i !== at), rows };
}

/** Which column has the labels; the header must name every column, and no two alike. */
function labelColumn(
  source: string,
  header: readonly string[],
  labels: readonly string[],
): number {
  const refuse = (got: string, next: string) =>
    new SyntaxError(
      `Cannot read ${source}: got ${got}, expected a header that names every column, one of them ` +
        `${labels[0]}; ${next}`,
    );
  if (header.length === 0 || header.join("") === "") throw refuse("no header", "add one");
  const name = labels.find((name) => header.includes(name));
  const names = header.map((column) => quoted(column)).join(", ");
  if (name === undefined) {
    throw refuse(`the columns ${names}`, "name a column so, and separate by commas");
  }
  const twice = header.find((column, i) => header.indexOf(column) !== i);
  if (twice !== undefined) {
    throw refuse(`two columns ${quoted(twice)}`, "rename or remove one");
  }
  if (header.includes("")) {
    throw refuse(
      `a column without a name among ${names}`,
      "name it, or remove it where it only numbers the rows",
    );
  }
  if (header.length === 1) throw refuse(`the column ${names} alone`, "add columns of numbers");
  return header.indexOf(name);
}

function readRow(
  source: string,
  header: readonly string[],
  at: number,
  fields: readonly string[],
  number: number,
): Row {
  const refuse = (got: string, expected: string, next: string) =>
    new SyntaxError(
      `Cannot read ${source}, row ${number}: got ${got}, expected ${expected}; ${next}`,
    );
  if (fields.length !== header.length) {
    throw refuse(
      `${fields.length} ${fields.length === 1 ? "field" : "fields"}`,
      `${header.length} as in the header`,
      "correct the row",
    );
  }
  const label = fields[at]!;
  if (label === "") throw refuse(`nothing in column ${header[at]}`, "a value", "fill it in");
  const values = fields.flatMap((field, i) => {
    if (i === at) return [];
    const value = Number(field);
    if (field !== "" && Number.isFinite(value)) return [value];
    const got = field === "" ? "nothing" : quoted(field);
    const next = "correct it, or leave out the row or the column";
    throw refuse(`${got} in column ${header[i]}`, "a number", next);
  });
  return { number, values: Float64Array.from(values), label: numeral(label) };
}

/** A label that is a number in one spelling: "1.0" and "1" are the same class. */
function numeral(label: string): string {
  return Number.isFinite(Number(label)) ? String(Number(label)) : label;
}

/** A table without a fifth of the rows of each class, and those; in the order of the file. */
function heldOut(table: Table): [Table, Table] {
  const { source, columns, rows } = table;
  const shuffled = Array.from(permutation(rows.length, 0, 0), (index) => rows[index]!);
  const byClass = Map.groupBy(shuffled, ({ label }) => label);
  const tested = new Set(
    [...byClass.values()].flatMap((alike) => alike.slice(0, Math.floor(alike.length / ONE_IN))),
  );
  if (tested.size === 0) {
    throw new RangeError(
      `Cannot divide ${source} into training and test rows: got ${rows.length}, expected ${ONE_IN} ` +
        `or more of a class; add rows, or give a folder with train.csv and test.csv`,
    );
  }
  const part = (isTested: boolean) => rows.filter((row) => tested.has(row) === isTested);
  return [{ source, columns, rows: part(false) }, { source, columns, rows: part(true) }];
}

/** The distinct labels: numbers by size, names by their letters. */
function classesOf({ source, rows }: Table): string[] {
  const classes = [...new Set(rows.map(({ label }) => label))];
  if (classes.length < 2 || classes.length > MOST_CLASSES) {
    throw new RangeError(
      `Cannot read ${source}: got ${classes.length} different labels, expected 2 to ` +
        `${MOST_CLASSES}; check which column is called ${LABEL_NAMES[0]}`,
    );
  }
  const areNumbers = classes.every((label) => Number.isFinite(Number(label)));
  return areNumbers ? classes.sort((a, b) => Number(a) - Number(b)) : classes.sort();
}

function labelsOf({ source, rows }: Table, classes: readonly string[]): Uint8Array {
  return Uint8Array.from(rows, ({ label, number }) => {
    const k = classes.indexOf(label);
    if (k >= 0) return k;
    throw new RangeError(
      `Cannot read ${source}, row ${number}: got class ${label}, expected one of the training ` +
        `rows, ${classes.join(", ")}; correct the label or remove the row`,
    );
  });
}

/** The table with its columns in the order of `columns`. */
function reordered(table: Table, columns: readonly string[]): Table {
  const from = columns.map((column) => table.columns.indexOf(column));
  if (from.includes(-1) || table.columns.length !== columns.length) {
    throw new SyntaxError(
      `Cannot read ${table.source}: got the columns ${
        table.columns.join(", ")
      }, expected those of ` +
        `the training rows, ${columns.join(", ")}; give both files the same columns`,
    );
  }
  const rows = table.rows.map((row) => {
    return { ...row, values: Float64Array.from(from, (i) => row.values[i]!) };
  });
  return { ...table, columns, rows };
}

/** Mean and standard deviation of each column. */
function statistics({ source, columns, rows }: Table): { mean: number[]; std: number[] } {
  const mean = columns.map((_, d) =>
    rows.reduce((sum, { values }) => sum + values[d]!, 0) / rows.length
  );
  const std = columns.map((column, d) => {
    const first = rows[0]!.values[d]!;
    if (rows.every(({ values }) => values[d] === first)) {
      throw new RangeError(
        `Cannot read ${source}: got ${first} in every training row of column ${column}, expected two ` +
          `values or more to normalise by; leave the column out`,
      );
    }
    const squares = rows.reduce((sum, { values }) => sum + (values[d]! - mean[d]!) ** 2, 0);
    const std = Math.sqrt(squares / rows.length);
    if (std > 0 && std < Infinity) return std;
    throw new RangeError(
      `Cannot read ${source}: got numbers in column ${column} whose standard deviation is ${std} in ` +
        `float64, expected one to normalise by; correct the numbers, or scale the column`,
    );
  });
  return { mean, std };
}
