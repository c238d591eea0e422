/** minibatch: some of the distilled images by index, and what comes back to them; see minibatch.wgsl. */
import text from "../../kernels/minibatch.wgsl" with { type: "text" };
import { link, type Recorder, type Tensor } from "../gpu/mod.ts";

const SOURCE = link("minibatch.wgsl", { "minibatch.wgsl": text });

/** The sizes of arrays of images, padding included. */
export interface MinibatchSizes {
  /** Images of a minibatch, and of all; `live` of a minibatch are no padding. */
  readonly images: number;
  readonly all: number;
  readonly live: number;
}

/** out[rows, images] = a[rows, all] at `indices` [live]. */
export function gather(record: Recorder, t: Tensors, sizes: MinibatchSizes): void {
  run(record, "gather", t, sizes, t.out.size);
}

/** out[rows, all] at `indices` [live] += a[rows, images]. */
export function scatter(record: Recorder, t: Tensors, sizes: MinibatchSizes): void {
  run(record, "scatter", t, sizes, t.a.size);
}

interface Tensors {
  readonly a: Tensor;
  readonly indices: Tensor;
  readonly out: Tensor;
}

function run(
  record: Recorder,
  entry: string,
  { a, indices, out }: Tensors,
  { images: N, all: ALL, live: LIVE }: MinibatchSizes,
  COUNT: number,
): void {
  const WG = out.device.profile.workgroup;
  const kernel = out.device.kernel(SOURCE, entry, { N, ALL, WG });
  record.dispatchEach(kernel, { sizes: { LIVE, COUNT }, bindings: { a, indices, out } });
}
