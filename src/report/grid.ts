// Distilled images as one picture: a row for each step under its caption, or several where it is long.
import {
  blankCanvas,
  type Canvas,
  drawLabel,
  encodeCanvas,
  fillSquare,
  type Label,
  labelHeight,
  layOut,
  type Type,
} from "./canvas.ts";
import { ADVANCE, fitted, LINE_HEIGHT, widthOf } from "./font.ts";

/** What to draw. */
export interface Grid {
  /** Normalised pixels, [rows·columns, channels, height, width]. */
  images: Float32Array;
  /** Rows of the grid, one for each step. */
  rows: number;
  /** Images in a row; more than 24 are wrapped. */
  columns: number;
  /** 1 (grey) or 3 (red, green, blue). */
  channels: number;
  /** Rows of an image, in pixels. */
  height: number;
  /** Columns of an image, in pixels. */
  width: number;
  /** Mean of the data set, [channels]: an image un-normalised is x · std + mean. */
  mean: number[];
  /** Standard deviation of the data set, [channels]. */
  std: number[];
  /** One for each row, such as "step 1: η 0.0213 0.0190 0.0175". */
  captions: string[];
  /** Drawn larger above all rows; none by default. */
  title?: string;
  /** What the classes of the columns are called, over the first of each class, [columns]; none by default. */
  heads?: readonly string[];
  /** What is written under the images, [rows·columns]; nothing by default. */
  labels?: readonly string[];
  /** What letters are made of, `bitmap` by default; with `system` it is an SVG. */
  type?: Type;
}

const MARGIN = 16;
const GAP = 6; // between images, and between a caption and its row
const ROW_GAP = 18;
const LABEL_GAP = 4; // between an image and its label
const TITLE_SCALE = 3;
const CAPTION_SCALE = 2;
const HEAD = LINE_HEIGHT * CAPTION_SCALE + GAP; // a line of heads and the gap below it
const MIN_WIDTH = 420; // room for captions where the images alone are narrower
const IMAGE_SIZE = 84;
const MAX_COLUMNS = 12; // more columns than this shrink the images
const MAX_ACROSS = 24; // more are wrapped
const CONTRAST = 2.5;

/**
 * Draws a grid of images as a PNG, or with system type as an SVG.
 *
 * Distilled pixels lie far outside 0…1, so every image is un-normalised and then stretched by its
 * own contrast: its mean over all pixels and channels becomes mid-grey, 2.5 standard deviations
 * below and above become black and white, and what lies beyond is clipped. A constant image is
 * mid-grey. Pixels are enlarged by a whole factor to about 84 a side; captions wrap.
 *
 * @throws {RangeError} sizes that do not fit together, channels other than 1 or 3, or a pixel
 *   that is not finite
 */
export function encodeGrid(grid: Grid): Uint8Array {
  checkGrid(grid);
  const { rows, columns, channels, captions, title = "", type } = grid;
  const sizes = sizesOf(grid);
  const { across, width } = sizes;
  const heading = layOut(title, TITLE_SCALE, width);
  const labels = captions.map((caption) => layOut(caption, CAPTION_SCALE, width));
  const lines = Array.from({ length: Math.ceil(columns / across) }, (_, line) => line);
  const lineHeight = (row: number, line: number) =>
    (hasHeads(grid, row, line) ? HEAD : 0) + sizes.stepY;
  const height = labels.reduce(
    (sum, label, row) =>
      sum + spaceFor(label, GAP) + lines.reduce((all, line) => all + lineHeight(row, line), -GAP),
    spaceFor(heading, ROW_GAP) + (rows - 1) * ROW_GAP,
  );
  const canvas = blankCanvas(width + 2 * MARGIN, height + 2 * MARGIN, channels, type);
  drawLabel(canvas, heading, MARGIN, MARGIN);
  let top = MARGIN + spaceFor(heading, ROW_GAP);
  for (const [row, label] of labels.entries()) {
    drawLabel(canvas, label, MARGIN, top);
    top += spaceFor(label, GAP);
    for (const line of lines) {
      drawLine(canvas, grid, sizes, { row, line, top });
      top += lineHeight(row, line);
    }
    top += ROW_GAP - GAP;
  }
  return encodeCanvas(canvas);
}

/** What all lines of images have in common. */
interface Sizes {
  /** Images of a line. */
  across: number;
  /** Pixels of the picture for one of an image. */
  scale: number;
  /** From one image to the next. */
  stepX: number;
  /** From one line to the next, but for heads. */
  stepY: number;
  /** Of all but the margins. */
  width: number;
  /** Pixels for one of the font, in labels under images. */
  labelScale: number;
}

function sizesOf(grid: Grid): Sizes {
  const { columns, labels = [] } = grid;
  const [scale, across] = [imageScale(grid), acrossOf(columns)];
  const stepX = grid.width * scale + GAP;
  const letters = labels.reduce((most, label) => Math.max(most, widthOf(label)), 0);
  const labelScale = letters * ADVANCE * CAPTION_SCALE <= stepX ? CAPTION_SCALE : 1;
  const under = labels.length > 0 ? LABEL_GAP + LINE_HEIGHT * labelScale : 0;
  const width = Math.max(across * stepX - GAP, MIN_WIDTH);
  return { across, scale, stepX, stepY: grid.height * scale + under + GAP, width, labelScale };
}

/** Heads are over the first line or, where columns wrap, over every line. */
function hasHeads({ columns, heads }: Grid, row: number, line: number): boolean {
  return heads !== undefined && (columns > acrossOf(columns) || row === 0 && line === 0);
}

/** Draws a line of images with what is over and under them. */
function drawLine(
  canvas: Canvas,
  grid: Grid,
  { across, scale, stepX, labelScale }: Sizes,
  { row, line, top }: { row: number; line: number; top: number },
): void {
  const { columns, heads = [], labels } = grid;
  const first = line * across;
  const end = Math.min(columns, first + across);
  const write = (text: string, column: number, count: number, y: number, scale: number) => {
    const room = count * stepX - GAP;
    const letters = Math.floor((room / scale + 1) / ADVANCE);
    const short = fitted(text, letters);
    const long = (widthOf(short) * ADVANCE - 1) * scale;
    const left = MARGIN + (column - first) * stepX + Math.floor((room - long) / 2);
    drawLabel(canvas, { lines: [short], scale }, left, y);
  };
  if (hasHeads(grid, row, line)) {
    for (let column = first; column < end;) {
      let next = column + 1;
      while (next < end && heads[next] === heads[column]) next++;
      write(heads[column]!, column, next - column, top, CAPTION_SCALE);
      column = next;
    }
    top += HEAD;
  }
  for (let column = first; column < end; column++) {
    const index = row * columns + column;
    drawImage(canvas, grid, index, scale, MARGIN + (column - first) * stepX, top);
    if (!labels) continue;
    write(labels[index]!, column, 1, top + grid.height * scale + LABEL_GAP, labelScale);
  }
}

function checkGrid(grid: Grid): void {
  const { rows, columns, channels, height, width, images } = grid;
  const sizes = [rows, columns, height, width];
  if (sizes.some((size) => !Number.isInteger(size) || size < 1) || ![1, 3].includes(channels)) {
    throw new RangeError(
      `Cannot draw a grid: got ${rows}×${columns} images of [${channels}, ${height}, ${width}], ` +
        `expected positive integers and 1 or 3 channels; check the sizes`,
    );
  }
  const lengths = [
    ["pixels", images.length, rows * columns * channels * height * width],
    ["captions", grid.captions.length, rows],
    ["means", grid.mean.length, channels],
    ["standard deviations", grid.std.length, channels],
    ["heads", grid.heads?.length ?? columns, columns],
    ["labels", grid.labels?.length ?? rows * columns, rows * columns],
  ] as const;
  for (const [what, got, expected] of lengths) {
    if (got !== expected) {
      throw new RangeError(
        `Cannot draw a grid: got ${got} ${what}, expected ${expected}; check the sizes`,
      );
    }
  }
  const wrong = images.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot draw a grid: got the pixel ${images[wrong]} at index ${wrong}, expected finite ` +
        `numbers; the run has diverged, lower its learning rate`,
    );
  }
}

/** Images side by side: all of a row or, of a long one, as many as divide it evenly, if any do. */
function acrossOf(columns: number): number {
  if (columns <= MAX_ACROSS) return columns;
  for (let across = MAX_ACROSS; across >= MAX_COLUMNS; across--) {
    if (columns % across === 0) return across;
  }
  return MAX_ACROSS;
}

function imageScale({ columns, height, width }: Grid): number {
  const size = IMAGE_SIZE * Math.min(1, MAX_COLUMNS / acrossOf(columns));
  return Math.max(1, Math.round(size / Math.max(height, width)));
}

/** The height of a label with the gap below it, 0 where there is no text. */
function spaceFor(label: Label, gap: number): number {
  return label.lines.length === 0 ? 0 : labelHeight(label) + gap;
}

/** Draws image `index` of the grid, each pixel a square of `scale`, at (`left`, `top`). */
function drawImage(
  canvas: Canvas,
  grid: Grid,
  index: number,
  scale: number,
  left: number,
  top: number,
): void {
  const bytes = stretch(grid, index);
  const { channels, height, width } = grid;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const start = (y * width + x) * channels;
      const colour = bytes.subarray(start, start + channels);
      fillSquare(canvas, left + x * scale, top + y * scale, scale, colour);
    }
  }
}

/** Image `index` un-normalised and stretched by its own contrast, [height, width, channels]. */
function stretch(grid: Grid, index: number): Uint8ClampedArray {
  const { channels, height, width } = grid;
  const plane = height * width;
  const pixels = new Float64Array(channels * plane);
  for (let i = 0; i < pixels.length; i++) {
    const c = Math.floor(i / plane);
    const value = grid.images[index * pixels.length + i]!;
    pixels[(i % plane) * channels + c] = value * grid.std[c]! + grid.mean[c]!;
  }
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
  const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
  const reach = CONTRAST * Math.sqrt(variance);
  const gain = reach > 1e-9 * Math.abs(mean) ? 127.5 / reach : 0;
  return Uint8ClampedArray.from(pixels, (value) => 127.5 + (value - mean) * gain);
}
