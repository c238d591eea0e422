/** pack: bytes, chosen by index, to what networks read; its formulas are in pack.wgsl. */
import text from "../../kernels/pack.wgsl" with { type: "text" };
import { type Bindings, link, type Recorder, type Tensor } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "../layers/op.ts";

const SOURCE = link("pack.wgsl", { "pack.wgsl": text });

/** Bytes of images or labels on the GPU, four to a word, and which of them to take. */
export interface Chosen {
  readonly bytes: Tensor;
  /** [count], u32. */
  readonly indices: Tensor;
}

/**
 * x [C, H, V, N] = (bytes / 255 − mean) / std of the chosen images; padding images are zero. With
 * `moves` [count] each image is moved and flipped as {@linkcode packMove} says.
 */
export function packImages(
  record: Recorder,
  { bytes, indices }: Chosen,
  { scale, x, moves }: { scale: Tensor; x: Tensor; moves?: Tensor | undefined },
  planes: Planes,
): void {
  const images = x.size / sizeOf(planes);
  const bindings = { bytes, indices, scale, x, ...(moves && { moves }) };
  run(record, moves ? "crop_flip" : "images", bindings, x.size, images, planes);
}

/** How an image is moved: a crop `down` and `right` of it, −128…127 pixels, then flipped left to right. */
export interface Move {
  readonly down: number;
  readonly right: number;
  readonly flip: boolean;
}

/** A move as the kernel reads it. */
export function packMove({ down, right, flip }: Move): number {
  return down & 0xff | (right & 0xff) << 8 | (flip ? 1 << 16 : 0);
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
  const { device, size: LIVE } = bindings.indices;
  const overrides = { C: channels, PLANE: height * width, V: width, WG: device.profile.workgroup };
  const sizes = { N: images / 4, LIVE, COUNT: size / 4 };
  record.dispatchEach(device.kernel(SOURCE, entry, overrides), { sizes, bindings });
}
