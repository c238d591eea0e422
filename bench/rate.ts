/**
 * Rate: how long things take. To wait for the device costs Deno about 10 ms, so many runs go into one
 * command buffer, and the time is divided by their number.
 */
import type { Device, Recorder } from "../src/gpu/mod.ts";
import type { Roofline } from "./roofline.ts";

/** Something to time. Its result has been checked against the oracle before. */
export interface Case {
  /** Cases of one group are compared with each other. */
  readonly group: string;
  readonly name: string;
  /** Floating-point operations of one run, or bytes that it has to move. */
  readonly work?: { readonly flops: number } | { readonly bytes: number };
  /** GPU bytes held while it runs. */
  readonly bytesHeld?: number;
  /** Runs in one command buffer under `Deno.bench`. */
  readonly runs: number;
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
const SECONDS = 0.2;
const MEASUREMENTS = 3;

/** Prints a table of figures and hands every case to `Deno.bench`. */
export async function bench(
  device: Device,
  title: string,
  cases: readonly Case[],
  roofline: Roofline,
): Promise<void> {
  console.log(`\n${title} on ${device.info.name}, ${device.info.profile} profile`);
  for (const figure of await figuresOf(device, cases, roofline)) console.log(lineOf(figure));
  for (const { group, name, runs, run } of cases) {
    const fn = () => submit(device, run, runs);
    Deno.bench({ name: `${name}, ${runs} runs`, group, n: 5, warmup: 1, fn });
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
  const columns = [`  ${`${group} ${name}`.padEnd(34)}${us.toFixed(1).padStart(11)} µs`];
  columns.push(`${dispatches} dispatch${dispatches === 1 ? "" : "es"}`.padStart(16));
  if (gflops !== undefined) columns.push(`${gflops.toFixed(1).padStart(8)} GFLOP/s`);
  if (gbytes !== undefined) columns.push(`${gbytes.toFixed(1).padStart(8)} GB/s   `);
  if (ofRoofline !== undefined) columns.push(`${(100 * ofRoofline).toFixed(0).padStart(4)} %`);
  if (bytesHeld !== undefined) columns.push(`${(bytesHeld / 2 ** 20).toFixed(1)} MB held`);
  return columns.join("");
}

async function figureOf(device: Device, one: Case, roofline: Roofline): Promise<Figure> {
  const { group, name, work, bytesHeld, run } = one;
  const seconds = await secondsOf(device, run);
  const record = device.record();
  run(record);
  const { dispatches } = record;
  record.submit();
  const us = Number((seconds * 1e6).toFixed(1));
  const held = bytesHeld === undefined ? {} : { bytesHeld };
  if (!work) return { group, name, us, dispatches, ...held };
  const perNanosecond = ("flops" in work ? work.flops : work.bytes) / seconds / 1e9;
  const rate = Number(perNanosecond.toFixed(2));
  const kind = "flops" in work ? { gflops: rate } : { gbytes: rate };
  const peak = "flops" in work ? roofline.gflops : roofline.gbytes;
  return { group, name, us, dispatches, ...kind, ofRoofline: Number((rate / peak).toFixed(3)) };
}

/** The median time of one run: the difference of two lengths, which leaves the waiting out. */
export async function secondsOf(device: Device, run: Case["run"]): Promise<number> {
  await submit(device, run, 1); // compiles
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
  const start = performance.now();
  await submit(device, run, runs);
  return (performance.now() - start) / 1000;
}

async function submit(device: Device, run: Case["run"], runs: number): Promise<void> {
  const record = device.record();
  for (let i = 0; i < runs; i++) run(record);
  record.submit();
  await device.done();
}
