/**
 * Rate: how fast an op does its work. To wait for the device costs Deno about 10 ms, so many runs go
 * into one command buffer, and the time is divided by their number.
 */
import type { Device, Recorder } from "../../src/gpu/mod.ts";

/** Something to time. Its result has been checked against the oracle before. */
export interface Case {
  /** Cases of one group are compared with each other. */
  readonly group: string;
  readonly name: string;
  /** Floating-point operations of one run, or bytes that it has to move. */
  readonly work: { readonly flops: number } | { readonly bytes: number };
  /** Runs in one command buffer under `Deno.bench`. */
  readonly runs: number;
  readonly run: (record: Recorder) => void;
}

/** A measurement in the table lasts at least this long, so that the waiting hardly counts. */
const SECONDS = 0.25;
const MEASUREMENTS = 3;

/** Prints a table of rates, hands every case to `Deno.bench`, and gives the seconds of each. */
export async function bench(
  device: Device,
  title: string,
  cases: readonly Case[],
): Promise<number[]> {
  const times: number[] = [];
  console.log(`\n${title} on ${device.info.name}, ${device.info.profile} profile`);
  for (const { group, name, work, runs, run } of cases) {
    const seconds = await secondsOf(device, run);
    times.push(seconds);
    const time = `${(seconds * 1e6).toFixed(1)} µs`;
    console.log(
      `  ${`${group} ${name}`.padEnd(34)}${time.padStart(14)}   ${rateOf(work, seconds)}`,
    );
    Deno.bench({
      name: `${name}, ${runs} runs`,
      group,
      n: 5,
      warmup: 1,
      fn: () => submit(device, run, runs),
    });
  }
  return times;
}

/** The median time of one run. */
async function secondsOf(device: Device, run: Case["run"]): Promise<number> {
  await submit(device, run, 1); // compiles
  let runs = 1;
  let seconds = await time(device, run, runs);
  while (seconds < SECONDS) {
    runs = Math.ceil(runs * Math.min(10, Math.max(1.5, 1.2 * SECONDS / seconds)));
    seconds = await time(device, run, runs);
  }
  const all = [seconds];
  while (all.length < MEASUREMENTS) all.push(await time(device, run, runs));
  return all.sort((a, b) => a - b)[MEASUREMENTS >> 1]! / runs;
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

function rateOf(work: Case["work"], seconds: number): string {
  if ("flops" in work) return `${(work.flops / seconds / 1e9).toFixed(2)} GFLOP/s`;
  return `${(work.bytes / seconds / 1e9).toFixed(2)} GB/s`;
}
