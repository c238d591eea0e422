// A small raster to draw on: filled rectangles and discs, and wrapped text in one ink on light paper.
import { encode } from "npm:fast-png@8.0.0";
import { printable } from "../base/text.ts";
import { ADVANCE, glyph, LINE_HEIGHT, widthOf, wrap } from "./font.ts";

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
  /** Lines in the reader's own type, over the pixels; left out, lines become pixels by the bitmap font. */
  lines?: PlacedLine[];
}

/** What letters are made of: pixels of the bitmap font, which has few, or the type of the reader's system. */
export type Type = "bitmap" | "system";

/** A line of text and where it begins. */
interface PlacedLine {
  text: string;
  left: number;
  top: number;
  scale: number;
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
export function blankCanvas(
  width: number,
  height: number,
  channels: number,
  type: Type = "bitmap",
): Canvas {
  const data = new Uint8Array(width * height * channels).fill(PAPER);
  return { width, height, channels, data, ...(type === "system" && { lines: [] }) };
}

/** A PNG or, with lines in the reader's own type, an SVG with the pixels as a PNG in it. */
export function encodeCanvas(canvas: Canvas): Uint8Array {
  const { width, height, lines } = canvas;
  const png = encode({ ...canvas, depth: 8 });
  if (!lines) return png;
  const size = `width="${width}" height="${height}"`;
  const texts = lines.map(({ text, left, top, scale }) =>
    `<text x="${left}" y="${top + BASELINE * scale}" font-size="${SIZE * scale}" ` +
    `textLength="${(widthOf(text) * ADVANCE - 1) * scale}" lengthAdjust="spacingAndGlyphs">` +
    `${escaped(text)}</text>\n`
  );
  return new TextEncoder().encode(
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${height}" ` +
      `font-family="ui-monospace, monospace" fill="rgb(${INK},${INK},${INK})" xml:space="preserve">\n` +
      `<image ${size} href="data:image/png;base64,${png.toBase64()}"/>\n${texts.join("")}</svg>\n`,
  );
}

/** Pixels of the bitmap font above its baseline, and the size of a type of the same width, at scale 1. */
const [BASELINE, SIZE] = [7, 10];

/** A text between the tags of XML. */
function escaped(text: string): string {
  return printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
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
  if (canvas.lines) {
    lines.forEach((text, i) => {
      const down = i * (LINE_HEIGHT + LINE_GAP) * scale;
      canvas.lines!.push({ text, left, top: top + down, scale });
    });
    return;
  }
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
