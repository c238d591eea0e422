// PNG and JPEG files as planes of bytes, brought to the size and the channels that are wanted.
import { hasPngSignature } from "npm:fast-png@8.0.0";
import { formatBytes } from "../base/bytes.ts";
import { decodeJpeg, MOST_PIXELS } from "./jpeg.ts";
import { decodePng, MOST_BYTES, type Pixels } from "./png.ts";

/** An image. */
export interface Image {
  /** Colour channels: 1 for grey, 3 for red, green and blue. */
  readonly channels: number;
  /** Rows, in pixels. */
  readonly height: number;
  /** Columns, in pixels. */
  readonly width: number;
  /** Pixels 0…255, [channels, height, width]. */
  readonly data: Uint8Array;
}

/** What images are brought to; what is left out stays as it is. */
export interface Form {
  /** Rows and columns, in pixels, before they are padded. */
  readonly size?: number | undefined;
  /** Pixels of 0 that are then added on every side; none by default. */
  readonly pad?: number | undefined;
  /** 1 for grey, 3 for colour. */
  readonly channels?: number | undefined;
}

/**
 * Decodes a PNG or JPEG file. 16-bit pixels keep their upper byte and transparency is left out. A
 * JPEG always has 3 channels, equal ones where it is grey.
 *
 * @param source names the file in errors.
 * @throws {SyntaxError} neither PNG nor JPEG, or damaged
 */
export function decodeImage(bytes: Uint8Array, source: string): Image {
  const isPng = hasPngSignature(bytes);
  if (!isPng && (bytes[0] !== 0xff || bytes[1] !== 0xd8)) {
    const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0"));
    throw new SyntaxError(
      `Cannot read ${source}: got ${bytes.length} bytes that start with ${start.join(" ")}, ` +
        `expected a PNG or JPEG image; convert it`,
    );
  }
  try {
    return planes(isPng ? decodePng(bytes) : decodeJpeg(bytes));
  } catch (cause) {
    const most = isPng ? `${formatBytes(MOST_BYTES)} of pixels` : `${MOST_PIXELS} pixels`;
    throw new SyntaxError(
      `Cannot read ${source}: got a damaged ${isPng ? "PNG" : "JPEG"} image, expected a whole ` +
        `one of at most ${most}; fetch the file again`,
      { cause },
    );
  }
}

/** Pixels [H, W, stride] as planes [C, H, W]; the last of 2 or 4 values a pixel is transparency. */
function planes({ data: pixels, stride, height, width }: Pixels): Image {
  const channels = stride < 3 ? 1 : 3;
  const plane = height * width;
  const data = new Uint8Array(channels * plane);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < plane; i++) data[c * plane + i] = pixels[i * stride + c]!;
  }
  return { channels, height, width, data };
}

/**
 * Resizes, turns colour into grey (0.299 R + 0.587 G + 0.114 B, as ITU-R BT.601) or grey into three
 * equal channels, then pads with zeros. An image that fits already is given back as it is.
 *
 * @throws {RangeError} colours to convert of an image that is neither grey nor red, green and blue
 */
export function fit(image: Image, { size, channels, pad = 0 }: Form): Image {
  const resized = size === undefined || (size === image.height && size === image.width)
    ? image
    : resize(image, size);
  return padded(recolour(resized, channels), pad);
}

function recolour(resized: Image, channels: number | undefined): Image {
  if (channels === undefined || channels === resized.channels) return resized;
  if (resized.channels !== 1 && resized.channels !== 3) {
    throw new RangeError(
      `Cannot convert colours: got images of ${resized.channels} channels, expected 1 or 3; leave ` +
        `channels out`,
    );
  }
  const plane = resized.data.length / resized.channels;
  const grey = resized.channels === 1 ? resized.data : luma(resized.data, plane);
  const data = new Uint8Array(channels * plane);
  for (let c = 0; c < channels; c++) data.set(grey, c * plane);
  return { ...resized, channels, data };
}

/** The image in the middle of zeros: `pad` more rows and columns on every side. */
function padded(image: Image, pad: number): Image {
  if (pad === 0) return image;
  const { channels } = image;
  const [height, width] = [image.height + 2 * pad, image.width + 2 * pad];
  const data = new Uint8Array(channels * height * width);
  for (let row = 0; row < channels * image.height; row++) {
    const [c, h] = [Math.floor(row / image.height), row % image.height];
    const from = image.data.subarray(row * image.width, (row + 1) * image.width);
    data.set(from, (c * height + pad + h) * width + pad);
  }
  return { channels, height, width, data };
}

function luma(data: Uint8Array, plane: number): Uint8Array {
  const grey = new Uint8Array(plane);
  for (let i = 0; i < plane; i++) {
    grey[i] = Math.round(
      0.299 * data[i]! + 0.587 * data[plane + i]! + 0.114 * data[2 * plane + i]!,
    );
  }
  return grey;
}

/** Bilinear, over as many pixels as a new one covers: [C, H, W] to [C, size, size]. */
function resize({ channels, height, width, data }: Image, size: number): Image {
  const rows = channels * height;
  const narrow = new Float64Array(rows * size);
  const across = taps(width, size);
  for (let row = 0; row < rows; row++) {
    for (let v = 0; v < size; v++) {
      const at = row * width + across.first[v]!;
      let sum = 0;
      for (let i = 0; i < across.count; i++) {
        sum += across.weights[v * across.count + i]! * data[at + i]!;
      }
      narrow[row * size + v] = sum;
    }
  }
  const resized = new Uint8Array(channels * size * size);
  const down = taps(height, size);
  for (let c = 0; c < channels; c++) {
    for (let h = 0; h < size; h++) {
      const top = (c * height + down.first[h]!) * size;
      for (let v = 0; v < size; v++) {
        let sum = 0;
        for (let i = 0; i < down.count; i++) {
          sum += down.weights[h * down.count + i]! * narrow[top + i * size + v]!;
        }
        resized[(c * size + h) * size + v] = Math.round(sum);
      }
    }
  }
  return { channels, height: size, width: size, data: resized };
}

/** New pixel i is made of `count` old ones from `first[i]` on, by weights [to, count]. */
interface Taps {
  readonly count: number;
  readonly first: Int32Array;
  readonly weights: Float64Array;
}

const TAPS = new Map<string, Taps>();

/** How `from` pixels become `to`: each by a triangle about its centre, whose weights sum to 1. */
function taps(from: number, to: number): Taps {
  const key = `${from} ${to}`;
  const known = TAPS.get(key);
  if (known) return known;
  const scale = from / to;
  const support = Math.max(1, scale);
  const count = Math.min(from, Math.ceil(2 * support));
  const first = new Int32Array(to);
  const weights = new Float64Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale - 0.5;
    first[i] = Math.min(from - count, Math.max(0, Math.floor(centre - support) + 1));
    const own = weights.subarray(i * count, (i + 1) * count);
    own.forEach((_, j) => own[j] = Math.max(0, 1 - Math.abs(first[i]! + j - centre) / support));
    const sum = own.reduce((a, b) => a + b, 0);
    own.forEach((weight, j) => own[j] = weight / sum);
  }
  const made = { count, first, weights };
  TAPS.set(key, made);
  return made;
}
