// Distilled rows of two numbers as one PNG: large discs among the training rows, coloured by class.
// @ts-types="npm:@types/d3-array@3.2.2"
import { nice, ticks } from "npm:d3-array@3.2.5";
import {
  blankCanvas,
  type Canvas,
  drawLabel,
  encodeCanvas,
  fillDisc,
  fillRectangle,
  labelHeight,
  layOut,
  type Type,
} from "./canvas.ts";
import { ADVANCE, fitted, widthOf } from "./font.ts";

/** Points with their classes. */
export interface Points {
  /** [count, 2], in the units of the axes. */
  readonly values: ArrayLike<number>;
  /** [count]. */
  readonly labels: ArrayLike<number>;
}

/** What to draw. */
export interface Scatter {
  /** Drawn larger above all. */
  readonly title: string;
  /** What letters are made of; with `system` it is an SVG. */
  readonly type?: Type;
  /** What x and y are called. */
  readonly axes: readonly [string, string];
  /** What the classes are called. */
  readonly classNames: readonly string[];
  /** Small and pale. */
  readonly real: Points;
  /** Large, with an edge. */
  readonly distilled: Points;
}

const MARGIN = 16;
const FRAME = 480; // pixels a side
const LEFT = 76; // room for the numbers of the y axis
const BELOW = 52; // and for those of the x axis and its name
const LEGEND = 176;
const LINE = 22; // of the legend
const SCALE = 2;
const TITLE_SCALE = 3;
const TICKS = 6;
const INK = [32, 32, 32];
const GRID = [228, 228, 228];
const SMALL = { radius: 2.5, opacity: 0.3 };
const LARGE = { radius: 7, edge: 1.5 };
/** Tableau's ten; more classes take them again. */
const COLOURS = [
  [78, 121, 167],
  [242, 142, 44],
  [225, 87, 89],
  [89, 161, 79],
  [237, 201, 73],
  [118, 183, 178],
  [175, 122, 161],
  [255, 157, 167],
  [156, 117, 95],
  [120, 120, 120],
];

/**
 * Draws a scatter plot as a PNG, or with system type as an SVG. Both axes reach as far as the farthest point.
 *
 * @throws {RangeError} a coordinate that is not finite
 */
export function encodeScatter(scatter: Scatter): Uint8Array {
  const { title, type, axes, classNames, real, distilled } = scatter;
  const all = [...Array.from(real.values), ...Array.from(distilled.values)];
  const wrong = all.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new RangeError(
      `Cannot draw a scatter plot: got the coordinate ${wrong}, expected finite numbers; the run has ` +
        `diverged, lower its learning rate`,
    );
  }
  const width = LEFT + FRAME + LEGEND;
  const heading = layOut(title, TITLE_SCALE, width);
  const top = MARGIN + labelHeight(heading) + 44; // the name of the y axis is between
  const canvas = blankCanvas(width + 2 * MARGIN, top + FRAME + BELOW + MARGIN, 3, type);
  drawLabel(canvas, heading, MARGIN, MARGIN);
  const frame = { left: MARGIN + LEFT, top };
  const place = drawAxes(canvas, frame, axes, all);
  each(real, (x, y, label) => {
    fillDisc(canvas, ...place(x, y), SMALL.radius, colourOf(label), SMALL.opacity);
  });
  each(distilled, (x, y, label) => drawLarge(canvas, ...place(x, y), label));
  drawLegend(canvas, frame.left + FRAME + 2 * MARGIN, top, classNames);
  return encodeCanvas(canvas);
}

function each({ values, labels }: Points, draw: (x: number, y: number, label: number) => void) {
  for (let n = 0; n < labels.length; n++) draw(values[2 * n]!, values[2 * n + 1]!, labels[n]!);
}

/** Draws the grid with its numbers and names; gives where a point stands, in pixels. */
function drawAxes(
  canvas: Canvas,
  { left, top }: { left: number; top: number },
  [xName, yName]: readonly [string, string],
  all: readonly number[],
): (x: number, y: number) => [number, number] {
  const [xDomain, yDomain] = [0, 1].map((axis) => domainOf(all.filter((_, i) => i % 2 === axis)));
  const along = ([low, high]: readonly [number, number], value: number) =>
    FRAME * (value - low) / (high - low);
  const place = (x: number, y: number): [number, number] => [
    left + along(xDomain!, x),
    top + FRAME - along(yDomain!, y),
  ];
  for (const tick of ticks(...xDomain!, TICKS)) {
    const x = Math.round(left + along(xDomain!, tick));
    fillRectangle(canvas, x, top, 1, FRAME, GRID);
    write(canvas, String(tick), x, top + FRAME + 8, 0.5);
  }
  for (const tick of ticks(...yDomain!, TICKS)) {
    const y = Math.round(top + FRAME - along(yDomain!, tick));
    fillRectangle(canvas, left, y, FRAME, 1, GRID);
    write(canvas, String(tick), left - 8, y - 7, 1);
  }
  write(canvas, xName, left + FRAME, top + FRAME + 32, 1);
  write(canvas, yName, left, top - 28, 0);
  return place;
}

/** Round numbers around all values, which must not all be one. */
function domainOf(values: readonly number[]): readonly [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const room = high > low ? (high - low) / 50 : 1;
  return nice(low - room, high + room, TICKS);
}

/** Writes text with its left end at `x`, its middle (0.5) or its right end (1). */
function write(canvas: Canvas, text: string, x: number, y: number, anchor: number): void {
  const long = widthOf(text) * ADVANCE * SCALE;
  const label = layOut(text, SCALE, Math.max(long, ADVANCE * SCALE));
  drawLabel(canvas, label, Math.max(0, Math.round(x - anchor * long)), y);
}

function drawLarge(canvas: Canvas, x: number, y: number, label: number): void {
  fillDisc(canvas, x, y, LARGE.radius + LARGE.edge, INK);
  fillDisc(canvas, x, y, LARGE.radius, colourOf(label));
}

/** A line a class, as many as there is room for. */
function drawLegend(canvas: Canvas, left: number, top: number, names: readonly string[]): void {
  const most = Math.floor(FRAME / LINE);
  names.slice(0, most).forEach((name, label) => {
    const y = top + LINE * (label + 0.5);
    const isLast = label === most - 1 && names.length > most;
    if (!isLast) drawLarge(canvas, left + 8, y, label);
    const room = Math.floor((LEGEND - 2 * MARGIN - 8) / (ADVANCE * SCALE));
    write(canvas, isLast ? "…" : fitted(name, room), left + 24, Math.round(y) - 7, 0);
  });
}

function colourOf(label: number): readonly number[] {
  return COLOURS[label % COLOURS.length]!;
}
