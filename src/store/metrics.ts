// metrics.jsonl: one JSON object a line, one line a record, cut back cleanly when a run resumes; keys in snake_case.
import { writeAtomic } from "../base/atomic.ts";
import { camelKeys, snakeKeys } from "../base/casing.ts";
import { readIfPresent } from "../base/read_if_present.ts";

/** One line of the log. JSON has no NaN or infinity: such a value is written as null. */
export interface MetricsRecord {
  /** The outer iteration the record is of, from 0. */
  iteration: number;
  /** Anything JSON can hold. */
  [key: string]: unknown;
}

/**
 * The records of the log at `path`; none where there is no log. The log is a by-product of a run, and a machine that
 * loses power may leave half a line of it anywhere: what is no record is passed over.
 */
export async function readMetrics(path: string): Promise<MetricsRecord[]> {
  const text = await readIfPresent(path) ?? "";
  return text.split("\n").map(parseRecord).filter((record) => record !== undefined);
}

/** An open metrics log. Dispose of it (`using`) to close the file. */
export class MetricsLog implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /**
   * Opens the log at `path`. Without `resumeFrom` it starts empty. With it, records up to and
   * including that iteration are kept; later ones are dropped, and so are lines that are no records.
   *
   * @throws {Error} the file cannot be written
   */
  static async open(path: string, resumeFrom?: number): Promise<MetricsLog> {
    const records = resumeFrom === undefined ? [] : await readMetrics(path);
    const kept = records.filter(({ iteration }) => iteration <= resumeFrom!);
    await writeAtomic(path, kept.map(lineOf).join(""));
    return new MetricsLog(await Deno.open(path, { append: true }));
  }

  /**
   * Writes one record as one line, at once.
   *
   * @throws {RangeError} `iteration` is not a non-negative integer
   */
  append(record: MetricsRecord): void {
    if (!isIteration(record.iteration)) {
      throw new RangeError(
        `Cannot log metrics: got iteration ${record.iteration}, expected a non-negative ` +
          `integer; count iterations from 0`,
      );
    }
    const bytes = new TextEncoder().encode(lineOf(record));
    for (let written = 0; written < bytes.length;) {
      written += this.#file.writeSync(bytes.subarray(written));
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function lineOf(record: MetricsRecord): string {
  return `${JSON.stringify(snakeKeys(record))}\n`;
}

function parseRecord(line: string): MetricsRecord | undefined {
  try {
    const value = camelKeys(JSON.parse(line));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is MetricsRecord {
  return typeof value === "object" && value !== null && "iteration" in value &&
    isIteration(value.iteration);
}

function isIteration(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
