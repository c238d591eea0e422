/**
 * Siamese: the augmentations of differentiable siamese augmentation (Zhao & Bilen 2021): one draw for all images of a
 * step, real and distilled. The kinds and their ranges are those of the authors' code:
 * colour, crop, cutout, flip, scale or rotate, one of them at a time.
 */
import { threefry2x32 } from "../base/threefry.ts";
import { type Recorder, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "../layers/op.ts";
import {
  augment,
  type Augmentation,
  augmentTranspose,
  DRAW_WORDS,
  packAugmentation,
  type Places,
} from "../ops/siamese.ts";
import type { Space } from "./distilled_data.ts";

/** Sets these draws apart from others of the same seed: "siam" in ASCII. */
const STREAM = 0x7369616d;

const BRIGHTNESS = 1;
const SATURATION = 2;
const CONTRAST = 0.5;
const CROP = 0.125;
const CUTOUT = 0.5;
const FLIP = 0.5;
const SCALE = 1.2;
const DEGREES = 15;

/** The augmentations of an iteration on the GPU, with room for what they leave. */
export class Siamese implements Disposable {
  readonly #planes: Planes;
  readonly #seed: number;
  /** The augmentations, a view each. */
  readonly #all: Tensor;
  readonly #draws: readonly Tensor[];
  readonly #augmented: Tensor;
  readonly #mean: Tensor;
  readonly #owned: DisposableStack;

  /**
   * Allocates room.
   *
   * @param images most that are augmented at once, a multiple of four.
   * @param draws augmentations of an iteration.
   * @param seed an unsigned 32-bit integer.
   */
  constructor(
    { device, input }: Pick<Space, "device" | "input">,
    { images, draws, seed }: { images: number; draws: number; seed: number },
  ) {
    using owned = new DisposableStack();
    const own = (words: number) => owned.use(device.tensor([words], "augmented images"));
    this.#planes = input;
    this.#seed = seed;
    this.#all = own(draws * VIEW_FLOATS);
    this.#draws = Array.from(
      { length: draws },
      (_, i) => this.#all.view(i * VIEW_FLOATS, [DRAW_WORDS]),
    );
    this.#augmented = own(sizeOf(input) * images);
    this.#mean = own(images);
    this.#owned = owned.move();
  }

  /** Draws the augmentations of iteration k. */
  draw(k: number): void {
    const words = new Float32Array(this.#all.size);
    this.#draws.forEach((_, i) => {
      words.set(packAugmentation(siameseDraw(this.#planes, this.#seed, k, i)), i * VIEW_FLOATS);
    });
    this.#all.write(words);
  }

  /** Records augmentation i of images `from` [C, H, V, N], of which `live` are no padding; they stay till the next. */
  forward(record: Recorder, i: number, from: Tensor, live: number): Tensor {
    const to = this.#augmented.view(0, [from.size]);
    augment(record, { ...this.#tensors(i, from), from, to, live }, this.#planes);
    return to;
  }

  /** Records what comes back through augmentation i to the images. */
  transpose(record: Recorder, i: number, { from, to }: { from: Tensor; to: Tensor }, live: number) {
    augmentTranspose(record, { ...this.#tensors(i, from), from, to, live }, this.#planes);
  }

  #tensors(i: number, { size }: Tensor) {
    return { draw: this.#draws[i]!, mean: this.#mean.view(0, [size / sizeOf(this.#planes)]) };
  }

  /** Frees the augmented images. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Augmentation number `draw` of iteration k: a function of the seed and these alone. */
export function siameseDraw(
  { height: H, width: V }: Planes,
  seed: number,
  k: number,
  draw: number,
): Augmentation {
  const words = [0, 1].flatMap((half) => threefry2x32(seed, STREAM, k, 2 * draw + half));
  const [kind, a, b, c] = words as [number, number, number, number];
  const uniform = (word: number) => (word >>> 8) / 2 ** 24;
  const kept = { map: [1, 0, 0, 0, 1, 0], cut: [0, 0, 0, 0] } as const;
  const centred = (yy: number, yx: number, xy: number, xx: number): Places => {
    const [h, v] = [(H - 1) / 2, (V - 1) / 2];
    return { ...kept, map: [yy, yx, h - yy * h - yx * v, xy, xx, v - xy * h - xx * v] };
  };
  switch (kind % 6) {
    case 0:
      return {
        offset: (uniform(a) - 0.5) * BRIGHTNESS,
        saturation: uniform(b) * SATURATION,
        contrast: uniform(c) + CONTRAST,
      };
    case 1: {
      const shift = (word: number, side: number) => {
        const most = Math.floor(side * CROP + 0.5);
        return word % (2 * most + 1) - most;
      };
      return { ...kept, map: [1, 0, shift(a, H), 0, 1, shift(b, V)] };
    }
    case 2: {
      const [top, bottom] = span(a, H);
      const [left, right] = span(b, V);
      return { ...kept, cut: [top, bottom, left, right] };
    }
    case 3:
      return uniform(a) < FLIP ? { ...kept, map: [1, 0, 0, 0, -1, V - 1] } : kept;
    case 4: {
      // The part of an image that fills the frame: more than 1 makes it smaller.
      const share = (word: number) => uniform(word) * (SCALE - 1 / SCALE) + 1 / SCALE;
      return centred(share(a), 0, 0, share(b));
    }
    default: {
      const angle = (uniform(a) - 0.5) * 2 * DEGREES / 180 * Math.PI;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      // Coordinates of PyTorch's grids go from −1 to 1 along each side.
      return centred(cos, sin * H / V, -sin * V / H, cos);
    }
  }
}

/** Rows or columns of a cutout: half a side around a pixel, as far as they are inside. */
function span(word: number, side: number): [first: number, end: number] {
  const length = Math.floor(side * CUTOUT + 0.5);
  const first = word % (side + 1 - length % 2) - Math.floor(length / 2);
  return [Math.max(0, first), Math.min(side, first + length)];
}
