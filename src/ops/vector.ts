/** vector: algebra on flat arrays; its kernels and formulas are in vector.wgsl. */
import text from "../../kernels/vector.wgsl" with { type: "text" };
import {
  type Bindings,
  type Device,
  link,
  MOST_TURNS,
  type Recorder,
  type Tensor,
} from "../gpu/mod.ts";

const SOURCE = link("vector.wgsl", { "vector.wgsl": text });

/** out += a. */
export function add(record: Recorder, t: { a: Tensor; out: Tensor }): void {
  run(record, "add", t);
}

/** out[0] = scale · Σ a, summed in a fixed order by one workgroup. */
export function mean(record: Recorder, t: { a: Tensor; out: Tensor }, scale: number): void {
  reduce(record, "mean", t, scale);
}

/**
 * factor[0] shortens the gradient `a` to `limit` times the running mean of its length, which is kept
 * in factor[1] (0 before the first), as RaT-BPTT does against the spikes of unrolled gradients.
 */
export function clip(record: Recorder, t: { a: Tensor; factor: Tensor }, limit: number): void {
  reduce(record, "clip", { a: t.a, out: t.factor }, limit);
}

/** A parameter array, its gradient and velocity, and the constants of the step in `hyper` (6 floats). */
export interface SgdTensors extends Bindings {
  a: Tensor;
  out: Tensor;
  /** The velocity, or Adam's first moment. */
  moment1: Tensor;
  hyper: Tensor;
  /** What the gradient is multiplied by, in its first word. */
  factor: Tensor;
}

/** The same with the state of Adam. */
export interface AdamTensors extends SgdTensors {
  moment2: Tensor;
}

/** One step of Adam: `out` moves against the gradient `a`. */
export function adam(record: Recorder, t: AdamTensors): void {
  run(record, "adam", t);
}

/** One step of gradient descent with momentum: `out` moves against `moment1`, the velocity. */
export function sgd(record: Recorder, t: SgdTensors): void {
  run(record, "sgd", t);
}

/** The words of `hyper` for a step of gradient descent with momentum. */
export function sgdStep(rate: number, momentum: number): Float32Array<ArrayBuffer> {
  return Float32Array.of(rate, momentum, 0, 0, 0, 0);
}

/** The words of `hyper` for Adam's step `t` (from 1). */
export function adamStep(
  t: number,
  rate: number,
  beta1: number,
  beta2: number,
): Float32Array<ArrayBuffer> {
  const [b1, b2] = [Math.fround(beta1), Math.fround(beta2)]; // as the kernel has them
  return Float32Array.of(rate, b1, b2, 1 - b1 ** t, 1 - b2 ** t, 1e-8);
}

/** out = softplus(a). */
export function softplus(record: Recorder, t: { a: Tensor; out: Tensor }): void {
  run(record, "softplus", t);
}

/** out = b · softplus′(a). */
export function softplusVjp(record: Recorder, t: { a: Tensor; b: Tensor; out: Tensor }): void {
  run(record, "softplusVjp", t);
}

/** out = 1 / (1 + exp −a). */
export function sigmoid(record: Recorder, t: { a: Tensor; out: Tensor }): void {
  run(record, "sigmoid", t);
}

/** out = b · y · (1 − y) where `a` is y, a sigmoid. */
export function sigmoidVjp(record: Recorder, t: { a: Tensor; b: Tensor; out: Tensor }): void {
  run(record, "sigmoidVjp", t);
}

/** A sum over `a` by one workgroup. @throws RangeError for more than its lanes can sum. */
function reduce(
  record: Recorder,
  entry: string,
  t: { a: Tensor; out: Tensor },
  SCALE: number,
): void {
  const { device, size } = t.a;
  const COUNT = Math.ceil(size / 4);
  const WG = [device.profile.workgroup, 256].find((lanes) => COUNT / lanes < MOST_TURNS);
  if (WG === undefined) {
    throw new RangeError(
      `Cannot sum an array: got ${size} numbers, expected fewer than ${
        4 * 256 * MOST_TURNS
      }; use ` +
        `fewer steps or images`,
    );
  }
  const run = { sizes: { COUNT }, bindings: { ...t }, turns: Math.ceil(COUNT / WG) };
  record.dispatch(kernelOf(device, entry, { SCALE, WG }), run, [1]);
}

/** Goes through the vec4s of `out`. */
function run(
  record: Recorder,
  entry: string,
  bindings: Bindings & { out: Tensor },
  overrides: Record<string, number> = {},
): void {
  const { device, size } = bindings.out;
  const sizes = { COUNT: Math.ceil(size / 4) };
  record.dispatchEach(kernelOf(device, entry, overrides), { sizes, bindings });
}

function kernelOf(device: Device, entry: string, overrides: Record<string, number>) {
  return device.kernel(SOURCE, entry, { SCALE: 1, WG: device.profile.workgroup, ...overrides });
}
