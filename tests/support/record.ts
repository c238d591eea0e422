/** Record: what tests of single operations share: a vector on the GPU, and a run of what is recorded. */
import type { Device, Recorder, Tensor } from "../../src/gpu/mod.ts";

/** Uploads a vector of numbers that f32 holds. */
export function load(device: Device, array: ArrayLike<number>): Tensor {
  return device.tensor([array.length]).write(Float32Array.from(array));
}

/** Runs what `record` records. */
export function run(device: Device, record: (record: Recorder) => void): void {
  const recorder = device.record();
  record(recorder);
  recorder.submit();
}
