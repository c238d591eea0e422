// JPEG files, checked before they are decoded: the decoder makes up what is missing.
import { decode } from "npm:jpeg-js@0.4.4";
import type { Pixels } from "./png.ts";

/** Pixels of an image, at most: more are a damaged header, or no image to distil. */
export const MOST_PIXELS = 2 ** 25;

/** What the decoder may allocate, as it counts: its many small arrays take twice that. */
const MEGABYTES = 256;

/** Pixels that a byte of a file may stand for: a block of 64 takes a bit, at least. */
const PIXELS_PER_BYTE = 8 * 64;

/**
 * Decodes a JPEG file into three channels, equal ones where it is grey.
 *
 * @throws {Error} what is wrong with the file
 */
export function decodeJpeg(bytes: Uint8Array): Pixels {
  if (!hasEnd(bytes)) throw new Error("no end of image: the file is truncated");
  const most = Math.min(MOST_PIXELS, PIXELS_PER_BYTE * bytes.length);
  const { data, height, width } = decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    tolerantDecoding: false,
    maxResolutionInMP: most / 1e6,
    maxMemoryUsageInMB: MEGABYTES,
  });
  if (!(width > 0 && height > 0)) throw new Error(`${width} × ${height} pixels`);
  return { data, stride: 3, height, width };
}

/**
 * Whether the end, ff d9, comes after the last scan, ff da: an embedded preview has an end of its own
 * before.
 */
function hasEnd(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at > 0; at--) {
    if (bytes[at] !== 0xff) continue;
    if (bytes[at + 1] === 0xd9) return true;
    if (bytes[at + 1] === 0xda) return false;
  }
  return false;
}
