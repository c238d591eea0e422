/** pack: bytes, chosen by index, to what networks read; its formulas are in pack.wgsl. */
import source from "../../kernels/pack.wgsl" with { type: "text" };
import type { Bindings, Recorder, Tensor } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "./op.ts";

/** Bytes of images or labels on the GPU, four to a word, and which of them to take. */
export interface Chosen {
  readonly bytes: Tensor;
  /** [count], u32. */
  readonly indices: Tensor;
}

/** x [C, H, V, N] = (bytes / 255 − mean) / std of the chosen images; padding images are zero. */
export function packImages(
  record: Recorder,
  { bytes, indices }: Chosen,
  { scale, x }: { scale: Tensor; x: Tensor },
  planes: Planes,
): void {
  const images = x.size / sizeOf(planes);
  run(record, "images", { bytes, indices, scale, x }, x.size, images, planes);
}

/** y [K, N], one-hot labels of the chosen images; padding images have none. */
export function packLabels(
  record: Recorder,
  { bytes, indices }: Chosen,
  { y }: { y: Tensor },
  classes: number,
): void {
  const label = { channels: 1, height: 1, width: 1 };
  run(record, "labels", { bytes, indices, y }, y.size, y.size / classes, label);
}

function run(
  record: Recorder,
  entry: string,
  bindings: Bindings & { indices: Tensor },
  size: number,
  images: number,
  { channels, height, width }: Planes,
): void {
  const { device, size: COUNT } = bindings.indices;
  const overrides = { C: channels, PLANE: height * width, N: images / 4, COUNT };
  const kernel = device.kernel("pack", source, entry, {
    ...overrides,
    WG: device.profile.workgroup,
  });
  record.dispatchEach(kernel, bindings, size / 4);
}
