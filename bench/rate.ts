/**
 * Rate: how long things take. To wait for the device may cost Deno 10 ms, so many runs go into one
 * submission, and the time is divided by their number.
 */
import { type Device, type Groups, type Kernel, Recorder, type Run } from "../src/gpu/mod.ts";
import type { Roofline } from "./roofline.ts";

/** Something to time. Its result has been checked against the oracle before. */
export interface Case {
  /** Cases of one group are compared with each other. */
  readonly group: string;
  readonly name: string;
  /** Floating-point operations of one run, or that the bytes count which its kernels are bound to. */
  readonly work?: { readonly flops: number } | "bytes";
  /** GPU bytes held while it runs. */
  readonly bytesHeld?: number;
  readonly run: (record: Recorder) => void;
}

/** What a case came to. */
export interface Figure {
  readonly group: string;
  readonly name: string;
  /** Median microseconds of a run. */
  readonly us: number;
  readonly dispatches: number;
  /** GFLOP/s or GB/s, and the part of the adapter's roofline that this is. */
  readonly gflops?: number;
  readonly gbytes?: number;
  readonly ofRoofline?: number;
  readonly bytesHeld?: number;
}

/** A measurement lasts at least this long, so that the waiting hardly counts. */
const SECONDS = 0.1;
const MEASUREMENTS = 3;

/** Prints a table of figures and hands every case to `Deno.bench`. */
export async function bench(
  device: Device,
  title: string,
  cases: readonly Case[],
  roofline: Roofline,
): Promise<void> {
  console.log(`\n${title} on ${device.info.name}, ${device.info.profile} profile`);
  const figures = await figuresOf(device, cases, roofline);
  for (const figure of figures) console.log(lineOf(figure));
  for (const { group, name, run } of cases) {
    const times = figures.filter((figure) => figure.group === group).map(({ us }) => us);
    const runs = 2 ** Math.max(0, Math.ceil(Math.log2(SECONDS * 1e6 / Math.max(...times))));
    const record = recordOf(device, run, runs);
    const fn = () => submit(device, record);
    Deno.bench({
      name: `${name}, ${runs} run${runs === 1 ? "" : "s"}`,
      group,
      n: 5,
      warmup: 1,
      fn,
    });
  }
}

/** Times every case. */
export async function figuresOf(
  device: Device,
  cases: readonly Case[],
  roofline: Roofline,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const one of cases) figures.push(await figureOf(device, one, roofline));
  return figures;
}

/** A figure in one line. */
export function lineOf(figure: Figure): string {
  const { group, name, us, dispatches, gflops, gbytes, ofRoofline, bytesHeld } = figure;
  const columns = [`  ${`${group} ${name}`.padEnd(57)}${us.toFixed(1).padStart(11)} µs`];
  columns.push(`${dispatches} dispatch${dispatches === 1 ? "" : "es"}`.padStart(16));
  if (gflops !== undefined) columns.push(`${gflops.toFixed(1).padStart(8)} GFLOP/s`);
  if (gbytes !== undefined) columns.push(`${gbytes.toFixed(1).padStart(8)} GB/s   `);
  if (ofRoofline !== undefined) columns.push(`${(100 * ofRoofline).toFixed(0).padStart(4)} %`);
  if (bytesHeld !== undefined) columns.push(`  ${(bytesHeld / 2 ** 20).toFixed(1)} MB held`);
  return columns.join("");
}

async function figureOf(device: Device, one: Case, roofline: Roofline): Promise<Figure> {
  const { group, name, work, bytesHeld, run } = one;
  const seconds = await secondsOf(device, run);
  const { dispatches, bytes } = countOf(device, run);
  const us = Number((seconds * 1e6).toFixed(1));
  const held = bytesHeld === undefined ? {} : { bytesHeld };
  if (!work) return { group, name, us, dispatches, ...held };
  const isOfBytes = work === "bytes";
  const rate = Number(((isOfBytes ? bytes : work.flops) / seconds / 1e9).toFixed(2));
  const kind = isOfBytes ? { gbytes: rate } : { gflops: rate };
  const ofRoofline = Number((rate / (isOfBytes ? roofline.gbytes : roofline.gflops)).toFixed(3));
  return { group, name, us, dispatches, ...kind, ofRoofline, ...held };
}

/** Adds up the bytes that kernels are bound to. */
class Counter extends Recorder {
  bytes = 0;

  override dispatch(kernel: Kernel, run: Run, groups: Groups): void {
    for (const tensor of new Set(Object.values(run.bindings))) this.bytes += tensor?.bytes ?? 0;
    super.dispatch(kernel, run, groups);
  }
}

function countOf(device: Device, run: Case["run"]): Counter {
  const counter = new Counter(device);
  run(counter);
  return counter;
}

/** The median time of one run: the difference of two lengths, which leaves the waiting out. */
export async function secondsOf(device: Device, run: Case["run"]): Promise<number> {
  await submit(device, recordOf(device, run, 1)); // compiles
  let runs = 1;
  while (await time(device, run, runs) < SECONDS) runs *= 2;
  const all: number[] = [];
  while (all.length < MEASUREMENTS) {
    const [once, twice] = [await time(device, run, runs), await time(device, run, 2 * runs)];
    all.push((twice - once) / runs);
  }
  return all.sort((a, b) => a - b)[MEASUREMENTS >> 1]!;
}

async function time(device: Device, run: Case["run"], runs: number): Promise<number> {
  const record = recordOf(device, run, runs);
  const start = performance.now();
  await submit(device, record);
  return (performance.now() - start) / 1000;
}

function recordOf(device: Device, run: Case["run"], runs: number): Recorder {
  const record = device.record();
  for (let i = 0; i < runs; i++) run(record);
  return record;
}

async function submit(device: Device, record: Recorder): Promise<void> {
  record.submit();
  await device.done();
}
