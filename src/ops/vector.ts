/** vector: algebra on flat arrays; its kernels and formulas are in vector.wgsl. */
import source from "../../kernels/vector.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import { bindable, viewOf, windowsOf } from "./theta_window.ts";

/** out = a − η · b, with η the first word of `eta`. */
export function descend(
  record: Recorder,
  t: { a: Tensor; b: Tensor; eta: Tensor; out: Tensor },
): void {
  run(record, "descend", t);
}

/** out += a. */
export function add(record: Recorder, t: { a: Tensor; out: Tensor }): void {
  run(record, "add", t);
}

/** out −= η · mean over networks of a [networks, …]. */
export function accumulate(
  record: Recorder,
  t: { a: Tensor; eta: Tensor; out: Tensor },
  networks: number,
): void {
  const SIZE = t.a.size / networks;
  const kernel = kernelOf(t.out.device, "accumulate", { SIZE, NETWORKS: networks });
  record.dispatchEach(kernel, t, SIZE);
}

/** out[0] = scale · Σ a, summed in a fixed order by one workgroup. */
export function mean(record: Recorder, t: { a: Tensor; out: Tensor }, scale: number): void {
  record.dispatch(kernelOf(t.a.device, "mean", { SCALE: scale, ...oneGroup(t.a) }), t, [1]);
}

/**
 * factor[0] shortens the gradient `a` to `limit` times the running mean of its length, which is kept
 * in factor[1] (0 before the first), as RaT-BPTT does against the spikes of unrolled gradients.
 */
export function clip(record: Recorder, t: { a: Tensor; factor: Tensor }, limit: number): void {
  const kernel = kernelOf(t.a.device, "clip", { SCALE: limit, ...oneGroup(t.a) });
  record.dispatch(kernel, { a: t.a, out: t.factor }, [1]);
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

/**
 * Lanes of the one workgroup that sums `a`: enough that none goes round more often than llvmpipe lets
 * it, 65 535 times, after which it silently stops. @throws RangeError for more than that can sum.
 */
function oneGroup({ device, size }: Tensor): { WG: number } {
  const WG = [device.profile.workgroup, 256].find((lanes) => size / lanes < 60_000);
  if (WG === undefined) {
    throw new RangeError(
      `Cannot sum an array: got ${size} numbers, expected fewer than ${256 * 60_000}; use fewer ` +
        `steps or images`,
    );
  }
  return { WG };
}

/** An element of `out` an invocation; arrays of its size go by the same windows. */
function run(
  record: Recorder,
  entry: string,
  bindings: Bindings & { out: Tensor },
  overrides: Record<string, number> = {},
): void {
  const { out } = bindings;
  const kernel = kernelOf(out.device, entry, overrides);
  if (bindable(out)) return record.dispatchEach(kernel, bindings, out.size);
  for (const [start, size] of windowsOf(out)) {
    const part = (tensor: Tensor) =>
      tensor.size === out.size ? viewOf(tensor, start, size) : tensor;
    const parts = Object.entries(bindings).map(([name, tensor]) => [name, part(tensor)]);
    record.dispatchEach(kernel, Object.fromEntries(parts), size);
  }
}

function kernelOf(device: Device, entry: string, more: Record<string, number>) {
  const overrides = { SIZE: 0, NETWORKS: 1, SCALE: 1, WG: device.profile.workgroup, ...more };
  return device.kernel("vector", source, entry, overrides);
}
