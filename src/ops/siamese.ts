/** siamese: one augmentation of all images of a batch, and its transpose; see siamese.wgsl. */
import text from "../../kernels/siamese.wgsl" with { type: "text" };
import { link, type Recorder, type Tensor } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "../layers/op.ts";
import type { Augmentation } from "../oracle/siamese.ts";

const SOURCE = link("siamese.wgsl", { "siamese.wgsl": text });

export type { Augmentation, Places } from "../oracle/siamese.ts";

/** Words of an augmentation as the kernel reads it. */
export const DRAW_WORDS = 24;

/** The tensors of a batch, and which of its images are not padding. */
export interface SiameseTensors {
  /** {@linkcode DRAW_WORDS} of `packAugmentation`. */
  readonly draw: Tensor;
  /** [C, H, V, N]. */
  readonly from: Tensor;
  /** Out: [C, H, V, N]. */
  readonly to: Tensor;
  /** Scratch: [N]. */
  readonly mean: Tensor;
  readonly live: number;
}

/** to = the augmentation of the images `from`. */
export function augment(record: Recorder, t: SiameseTensors, planes: Planes): void {
  run(record, "forward", t, planes);
}

/** to = its transpose on what has come back to augmented images. */
export function augmentTranspose(record: Recorder, t: SiameseTensors, planes: Planes): void {
  run(record, "transpose", t, planes);
}

function run(
  record: Recorder,
  entry: string,
  { draw, from: src, to: dst, mean, live: LIVE }: SiameseTensors,
  planes: Planes,
): void {
  const { device } = dst;
  const overrides = {
    C: planes.channels,
    H: planes.height,
    V: planes.width,
    WG: device.profile.workgroup,
  };
  const [COUNT, N] = [dst.size / 4, mean.size / 4];
  const [means, change] = ["means", entry].map((name) => device.kernel(SOURCE, name, overrides));
  const sums = { sizes: { N, LIVE, COUNT: N }, bindings: { draw, src, mean } };
  record.dispatchEach(means!, { ...sums, turns: sizeOf(planes) });
  const bindings = { draw, src, dst, mean };
  record.dispatchEach(change!, { sizes: { N, LIVE, COUNT }, bindings, turns: 9 });
}

/** An augmentation as the kernel reads it. */
export function packAugmentation(augmentation: Augmentation): Float32Array<ArrayBuffer> {
  const words = new Float32Array(DRAW_WORDS);
  if ("map" in augmentation) {
    const { map: [a, b, c, d, e, f], cut: [top, bottom, left, right] } = augmentation;
    // (h, v) = A⁻¹(row, column); |A(p) − q| < 1 bounds p − A⁻¹(q) by the sums of the rows of |A⁻¹|.
    const determinant = a * e - b * d;
    const [ia, ib, id, ie] = [e, -b, -d, a].map((value) => value / determinant) as [
      number,
      number,
      number,
      number,
    ];
    const reach = [Math.abs(ia) + Math.abs(ib), Math.abs(id) + Math.abs(ie)] as const;
    words.set([a, b, c, reach[0] + ROUNDING, d, e, f, reach[1] + ROUNDING], 4);
    words.set([ia, ib, -ia * c - ib * f, top, id, ie, -id * c - ie * f, bottom], 12);
    words.set([left, right], 20);
  } else {
    const { offset, saturation, contrast } = augmentation;
    words.set([offset, saturation, contrast], 1);
    new Uint32Array(words.buffer)[0] = 1;
  }
  return words;
}

/** What the reach is widened by: a pixel at its very edge has no weight but for rounding. */
const ROUNDING = 1e-3;
