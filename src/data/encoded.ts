// Splits of PNG and JPEG images: decoded one after the other into one array of bytes.
import { formatBytes } from "../base/bytes.ts";
import { type Idx, MOST_BYTES } from "./idx.ts";
import { decodeImage, fit, type Form, type Image } from "./image.ts";

/** An image file with its label. */
export interface Encoded {
  /** A PNG or JPEG file. */
  readonly bytes: Uint8Array;
  /** Its class. */
  readonly label: number;
  /** Names the image in errors. */
  readonly source: string;
}

/** Classes that the bytes of labels can tell apart. */
export const MOST_CLASSES = 256;

/**
 * Decodes `count` images and brings them to `form`: images [count, C, H, W], labels [count].
 *
 * @throws {SyntaxError} an image that is neither PNG nor JPEG, or damaged
 * @throws {RangeError} another number of images, images of different shapes, or a label outside of
 *   0…255
 */
export async function decodeSplit(
  encoded: AsyncIterable<Encoded>,
  count: number,
  form: Form,
  source: string,
): Promise<{ images: Idx; labels: Idx }> {
  const labels = new Uint8Array(count);
  let shape: number[] = [];
  let images = new Uint8Array();
  let n = 0;
  for await (const { bytes, label, source: image } of encoded) {
    if (!Number.isInteger(label) || label < 0 || label >= MOST_CLASSES) {
      throw new RangeError(
        `Cannot read ${image}: got label ${label}, expected a class 0…${
          MOST_CLASSES - 1
        }; choose ` +
          `a labelled set of at most ${MOST_CLASSES} classes`,
      );
    }
    const { data, ...planes } = fit(decodeImage(bytes, image), form);
    if (n === 0) {
      shape = shapeOf(planes);
      if (count * data.length > MOST_BYTES) {
        throw new RangeError(
          `Cannot read ${source}: got ${count} images of ${shape.join("×")}, expected at most ` +
            `${formatBytes(MOST_BYTES)} of pixels; set resize, or choose a smaller set`,
        );
      }
      images = new Uint8Array(count * data.length);
    }
    expectShape(shapeOf(planes), shape, image);
    images.set(data, n * data.length);
    labels[n++] = label;
    if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve)); // for signals
  }
  if (n !== count || n === 0) {
    throw new RangeError(
      `Cannot read ${source}: got ${n} images, expected ${count || "one or more"}; check the files`,
    );
  }
  return { images: { dims: [n, ...shape], data: images }, labels: { dims: [n], data: labels } };
}

function shapeOf({ channels, height, width }: Omit<Image, "data">): number[] {
  return [channels, height, width];
}

function expectShape(got: number[], expected: number[], source: string): void {
  if (got.join() === expected.join()) return;
  throw new RangeError(
    `Cannot read ${source}: got an image of ${got.join("×")}, expected ${expected.join("×")} ` +
      `(channels, rows, columns) as the first; set resize and channels`,
  );
}
