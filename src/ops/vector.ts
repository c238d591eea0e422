/** vector: algebra on flat arrays; its kernels and formulas are in vector.wgsl. */
import text from "../../kernels/vector.wgsl" with { type: "text" };
import { type Bindings, type Device, link, type Recorder, type Tensor } from "../gpu/mod.ts";

const SOURCE = link("vector.wgsl", { "vector.wgsl": text });

/** out += a. */
export function add(record: Recorder, t: { a: Tensor; out: Tensor }): void {
  run(record, "add", t);
}

/** out = a − η · b, with η the first word of `eta`. */
export function descend(
  record: Recorder,
  t: { a: Tensor; b: Tensor; eta: Tensor; out: Tensor },
): void {
  run(record, "descend", t);
}

/** out −= η · mean over networks of a [networks, …], with η the first word of `eta`. */
export function accumulate(
  record: Recorder,
  t: { a: Tensor; eta: Tensor; out: Tensor },
  networks: number,
): void {
  const sizes = { R: networks, COUNT: t.a.size / networks / 4 };
  const kernel = kernelOf(t.out.device, "accumulate", {});
  record.dispatchEach(kernel, { sizes, bindings: t, turns: networks });
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

/** Adam's state for one parameter array, and the constants of the step in `hyper` (6 floats). */
export interface AdamTensors extends Bindings {
  a: Tensor;
  out: Tensor;
  moment1: Tensor;
  moment2: Tensor;
  hyper: Tensor;
  /** What the gradient is multiplied by, in its first word. */
  factor: Tensor;
}

/** One step of Adam: `out` moves against the gradient `a`. */
export function adam(record: Recorder, t: AdamTensors): void {
  run(record, "adam", t);
}

/** The words of `hyper` for Adam's step `t` (from 1). */
export function adamStep(
  t: number,
  rate: number,
  beta1: number,
  beta2: number,
): Float32Array<ArrayBuffer> {
  return Float32Array.of(rate, beta1, beta2, 1 - beta1 ** t, 1 - beta2 ** t, 1e-8);
}

/** A step of gradient descent with momentum: v = μ · v + a, then out −= η · v, with v in `moment1`. */
export function momentum(
  record: Recorder,
  t: { a: Tensor; moment1: Tensor; eta: Tensor; out: Tensor },
  mu: number,
): void {
  run(record, "momentum", t, { SCALE: mu });
}

/** out = softplus(a). */
export function softplus(record: Recorder, t: { a: Tensor; out: Tensor }): void {
  run(record, "softplus", t);
}

/** out = b · softplus′(a). */
export function softplusVjp(record: Recorder, t: { a: Tensor; b: Tensor; out: Tensor }): void {
  run(record, "softplusVjp", t);
}

/** vec4s that a lane of the one workgroup adds up, at most: llvmpipe leaves longer loops. */
const MOST_PER_LANE = 60_000;

/** A sum over `a` by one workgroup. @throws RangeError for more than its lanes can sum. */
function reduce(
  record: Recorder,
  entry: string,
  t: { a: Tensor; out: Tensor },
  SCALE: number,
): void {
  const { device, size } = t.a;
  const COUNT = Math.ceil(size / 4);
  const WG = [device.profile.workgroup, 256].find((lanes) => COUNT / lanes < MOST_PER_LANE);
  if (WG === undefined) {
    throw new RangeError(
      `Cannot sum an array: got ${size} numbers, expected fewer than ${
        4 * 256 * MOST_PER_LANE
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
