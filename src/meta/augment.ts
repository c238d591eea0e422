/**
 * Augment: random crops and reflections of the real batch, as CIFAR-10's in the code of Wang et al.
 * 2018: reflected at its borders an image is 4 pixels larger on every side, a crop of its own size is
 * taken, and half of them are flipped left to right. The draws are here, the pixels on the GPU
 * (pack.wgsl).
 */
import { threefry2x32 } from "../base/threefry.ts";
import { packMove } from "../ops/pack.ts";

/** Augmentations of the real batch by name. */
export const AUGMENTATIONS = ["none", "crop-flip"] as const;

/** Pixels that a crop is moved by at most; an image must have more rows and columns. */
export const PADDING = 4;

/** Sets these draws apart from others of the same seed: "augm" in ASCII. */
const STREAM = 0x6175676d;

/**
 * The moves of a batch's images, [count], for `RealBatch.load`: that of image n is a function of
 * (seed, iteration, n) alone, so a resumed run sees the same images.
 */
export function cropFlip(count: number, seed: number, iteration: number): Uint32Array<ArrayBuffer> {
  const places = 2 * PADDING + 1;
  return Uint32Array.from({ length: count }, (_, n) => {
    const [a, b] = threefry2x32(seed, iteration, n, STREAM);
    const [down, right] = [a % places - PADDING, b % places - PADDING];
    return packMove({ down, right, flip: b % (2 * places) >= places });
  });
}
