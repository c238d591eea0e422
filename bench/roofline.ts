/** Roofline: the adapter's best arithmetic and bandwidth, and what a dispatch costs. */
import assert from "node:assert/strict";
import { type Device, link, type Recorder } from "../src/gpu/mod.ts";
import { secondsOf } from "./rate.ts";
import text from "./roofline.wgsl" with { type: "text" };

/** What the adapter does at best. */
export interface Roofline {
  /** f32 multiplications and additions from registers. */
  readonly gflops: number;
  /** Bytes read and written by a copy too large for the caches. */
  readonly gbytes: number;
  /** Microseconds of an empty dispatch on the GPU, and of recording one on the CPU. */
  readonly usPerDispatch: number;
  readonly usPerRecording: number;
}

const SOURCE = link("roofline.wgsl", { "roofline.wgsl": text });

const TURNS = 2000;
const COPIED = 2 ** 22; // vec4s: 64 MB read, 64 MB written

/** Measures, after checking the kernels' results. */
export async function measureRoofline(device: Device): Promise<Roofline> {
  const { workgroup: WG, name } = device.profile;
  const invocations = name === "software" ? 2 ** 11 : 2 ** 18;
  const kernel = (entry: string) => device.kernel(SOURCE, entry, { TURNS, WG });
  using a = device.tensor([COPIED, 4]).write(new Float32Array(COPIED * 4).fill(0.5));
  using copied = device.tensor([COPIED, 4]);
  using few = device.tensor([invocations, 4]);
  const groups = Math.ceil(invocations / WG);
  const toFew = { sizes: { COUNT: invocations }, bindings: { a, out: few } };
  const toAll = { sizes: { COUNT: COPIED }, bindings: { a, out: copied } };
  const fma = (record: Recorder) =>
    record.dispatch(kernel("fma"), { ...toFew, turns: TURNS }, [groups]);
  const copy = (record: Recorder) => record.dispatchEach(kernel("copy"), toAll);
  const empty = (record: Recorder) => record.dispatch(kernel("empty"), toFew, [1]);
  const record = device.record();
  [fma, copy].forEach((run) => run(record));
  record.submit();
  const sum = TURNS / 2 * 0.25 * 16; // half the turns add ¼ to each of 16 terms of an element
  assert.ok((await few.read()).every((value) => value === sum), "the sums are wrong");
  assert.ok((await copied.read()).every((value) => value === 0.5), "the copy is wrong");
  const flops = 2 * 4 * 16 * TURNS * invocations;
  return {
    gflops: Number((flops / await secondsOf(device, fma) / 1e9).toFixed(1)),
    gbytes: Number((32 * COPIED / await secondsOf(device, copy) / 1e9).toFixed(1)),
    usPerDispatch: Number((await secondsOf(device, empty) * 1e6).toFixed(1)),
    usPerRecording: Number((recording(device, empty) * 1e6).toFixed(1)),
  };
}

/** One line. */
export function describeRoofline(
  { gflops, gbytes, usPerDispatch, usPerRecording }: Roofline,
): string {
  return `Roofline: ${gflops} GFLOP/s in f32, ${gbytes} GB/s; a dispatch costs ${usPerDispatch} µs, ` +
    `recording it ${usPerRecording} µs`;
}

function recording(device: Device, run: (record: Recorder) => void): number {
  const record = device.record();
  const start = performance.now();
  for (let i = 0; i < 4000; i++) run(record);
  const seconds = (performance.now() - start) / 1000;
  record.submit();
  return seconds / 4000;
}
