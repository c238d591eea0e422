/** pack: images and labels, chosen by index, to what networks read; its formulas are in pack.wgsl. */
import text from "../../kernels/pack.wgsl" with { type: "text" };
import { type Bindings, link, type Overrides, type Recorder, type Tensor } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "../layers/op.ts";

const SOURCE = link("pack.wgsl", { "pack.wgsl": text });

/** Images or labels on the GPU, and which of them to take. */
export interface Chosen {
  /** Bytes, four to a word; or images as floats, normalised before. */
  readonly bytes: Tensor;
  /** Whether they are floats; not when left out. */
  readonly floats?: boolean;
  /** [count], u32. */
  readonly indices: Tensor;
}

/**
 * x [C, H, V, N] = (bytes / 255 − mean) / std of the chosen images, or their floats as they are; padding
 * images are zero. With
 * `moves` [count] each image is moved and flipped as {@linkcode packMove} says.
 */
export function packImages(
  record: Recorder,
  { bytes, indices, floats = false }: Chosen,
  { scale, x, moves }: { scale: Tensor; x: Tensor; moves?: Tensor | undefined },
  planes: Planes,
): void {
  const images = x.size / sizeOf(planes);
  const bindings = { bytes, indices, scale, x, ...(moves && { moves }) };
  const entry = moves ? "crop_flip" : "images";
  run(record, entry, bindings, x.size, images, planes, { FLOATS: +floats });
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

/** y [K, N], one-hot labels of the chosen images, or with K = 1 whether it is class 1; padding images have none. */
export function packLabels(
  record: Recorder,
  { bytes, indices }: Chosen,
  { y }: { y: Tensor },
  classes: number,
): void {
  const label = { channels: classes, height: 1, width: 1 };
  run(record, "labels", { bytes, indices, y }, y.size, y.size / classes, label);
}

function run(
  record: Recorder,
  entry: string,
  bindings: Bindings & { indices: Tensor },
  size: number,
  images: number,
  { channels, height, width }: Planes,
  more: Overrides = {},
): void {
  const { device, size: LIVE } = bindings.indices;
  const { workgroup: WG } = device.profile;
  const overrides = { C: channels, PLANE: height * width, V: width, WG, ...more };
  const sizes = { N: images / 4, LIVE, COUNT: size / 4 };
  record.dispatchEach(device.kernel(SOURCE, entry, overrides), { sizes, bindings });
}
