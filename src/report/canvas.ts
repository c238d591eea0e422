// A small raster to draw on: filled rectangles and discs, and wrapped text in one ink on light paper.
import { ADVANCE, glyph, LINE_HEIGHT, wrap } from "./font.ts";

/** A picture to draw on. */
export interface Canvas {
  /** Pixels from left to right. */
  width: number;
  /** Pixels from top to bottom. */
  height: number;
  /** 1 (grey) or 3 (red, green, blue). */
  channels: number;
  /** Bytes, [height, width, channels]. */
  data: Uint8Array;
}

/** Text broken into lines. */
export interface Label {
  /** From top to bottom. */
  lines: string[];
  /** Pixels of the picture for one pixel of the font. */
  scale: number;
}

const PAPER = 250;
const INK = 32;
const LINE_GAP = 3; // at scale 1

/** An empty sheet of light paper. */
export function blankCanvas(width: number, height: number, channels: number): Canvas {
  const data = new Uint8Array(width * height * channels).fill(PAPER);
  return { width, height, channels, data };
}

/** Breaks `text` into lines no wider than `width` pixels; no text gives no lines. */
export function layOut(text: string, scale: number, width: number): Label {
  return { lines: wrap(text, Math.floor((width / scale + 1) / ADVANCE)), scale };
}

/** The height of a label of one line or more, in pixels. */
export function labelHeight({ lines, scale }: Label): number {
  return (lines.length * (LINE_HEIGHT + LINE_GAP) - LINE_GAP) * scale;
}

/** Writes a label in ink, its top left corner at (`left`, `top`). */
export function drawLabel(canvas: Canvas, label: Label, left: number, top: number): void {
  const { lines, scale } = label;
  const ink = new Array<number>(canvas.channels).fill(INK);
  for (const [index, line] of lines.entries()) {
    const lineTop = top + index * (LINE_HEIGHT + LINE_GAP) * scale;
    for (const [position, character] of [...line].entries()) {
      for (const [column, bits] of glyph(character).entries()) {
        const x = left + (position * ADVANCE + column) * scale;
        for (let row = 0; row < LINE_HEIGHT; row++) {
          if (bits >> row & 1) fillSquare(canvas, x, lineTop + row * scale, scale, ink);
        }
      }
    }
  }
}

/** Fills a disc about (`x`, `y`) with one colour; its edge is smooth, and what it covers shines through. */
export function fillDisc(
  canvas: Canvas,
  x: number,
  y: number,
  radius: number,
  colour: ArrayLike<number>,
  opacity = 1,
): void {
  const { width, height, channels, data } = canvas;
  const reach = Math.ceil(radius + 1);
  const [centreX, centreY] = [Math.round(x), Math.round(y)];
  for (
    let row = Math.max(0, centreY - reach);
    row <= Math.min(height - 1, centreY + reach);
    row++
  ) {
    for (let column = centreX - reach; column <= centreX + reach; column++) {
      if (column < 0 || column >= width) continue;
      const inside = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(column - x, row - y)));
      const weight = inside * opacity;
      for (let c = 0; c < channels; c++) {
        const at = (row * width + column) * channels + c;
        data[at] = Math.round(data[at]! * (1 - weight) + colour[c]! * weight);
      }
    }
  }
}

/** Fills a rectangle, its top left corner at (`left`, `top`), with one colour. */
export function fillRectangle(
  canvas: Canvas,
  left: number,
  top: number,
  width: number,
  height: number,
  colour: ArrayLike<number>,
): void {
  for (let y = top; y < top + height; y++) {
    for (let x = left; x < left + width; x++) {
      canvas.data.set(colour, (y * canvas.width + x) * canvas.channels);
    }
  }
}

/** Fills a square of `side` pixels, its top left corner at (`left`, `top`), with one colour. */
export function fillSquare(
  canvas: Canvas,
  left: number,
  top: number,
  side: number,
  colour: ArrayLike<number>,
): void {
  fillRectangle(canvas, left, top, side, side, colour);
}
