// The excess loss that a number of points leaves, as an SVG by Observable Plot: what was found, and theory.
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { DOMParser } from "npm:linkedom@0.18.12";

/** What M points leave, in parts of the excess loss before. */
export interface ExcessPoint {
  /** M. */
  readonly count: number;
  /** What the points found leave. */
  readonly found: number;
  /** What the best points with their rows would leave. */
  readonly outside: number;
  /** What no M points get below. */
  readonly bound: number;
  /** What M points along the largest eigenvectors leave. */
  readonly aligned: number;
}

const WIDTH = 640;
const HEIGHT = 400;
const LEGEND_LINE = 20;

/** Below this, in parts, a point has its number beside it: on a linear axis it is 0. */
const TOLD = 1e-3;

const FOUND = "#4269d0";
const THEORY = "#efb118";

const CENTRED = { labelAnchor: "center", labelArrow: "none" } as const;

/** Draws the plot under `title`; the same points give the same text. */
export function plotExcess(title: string, points: readonly ExcessPoint[]): string {
  const document = new DOMParser().parseFromString("<html></html>", "text/html");
  const at = { x: "count" } as const;
  const percent = (of: (point: ExcessPoint) => number) => (point: ExcessPoint) => 100 * of(point);
  const found = { ...at, y: percent(({ found }) => found) };
  const outside = { ...at, y: percent(({ outside }) => outside) };
  const limits = {
    ...at,
    y1: percent(({ bound }) => bound),
    y2: percent(({ aligned }) => aligned),
  };
  const small = points.filter(({ found }) => found < TOLD);
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginTop: 36,
    marginBottom: 46,
    marginLeft: 60,
    marginRight: 24,
    style: { background: "white", color: "#222", fontFamily: "sans-serif", fontSize: "12px" },
    x: {
      ...CENTRED,
      label: "M, distilled points",
      inset: 28,
      ticks: points.map(({ count }) => count),
      tickFormat: (value: number) => `${value}`,
    },
    y: {
      ...CENTRED,
      label: "Excess loss left (% of that of θ₀)",
      grid: true,
      domain: [0, 100],
      inset: 8,
    },
    marks: [
      Plot.frame({ stroke: "#bbb" }),
      Plot.text([title], { frameAnchor: "top-left", dy: -22, fontSize: 14, fontWeight: "bold" }),
      Plot.areaY(points, { ...limits, fill: THEORY, fillOpacity: 0.5 }),
      Plot.dot(points, { ...outside, r: 7, stroke: THEORY, strokeWidth: 2 }),
      Plot.dot(points, { ...found, r: 3.5, fill: FOUND }),
      Plot.text(small, {
        ...found,
        text: ({ found }: ExcessPoint) => `${(100 * found).toExponential(0)} %`,
        dy: -14,
        fill: FOUND,
      }),
      ...legend(),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}

/** A line a mark, at the top right, where points that leave little are low. */
function legend(): Plot.Markish[] {
  const line = (i: number, text: string, mark: Plot.Markish[]) => [
    ...mark,
    Plot.text([text], { ...placeOf(i), dx: -250, textAnchor: "start", lineAnchor: "middle" }),
  ];
  const key = (i: number, options: Plot.DotOptions) =>
    Plot.dot([0], { ...placeOf(i), dx: -264, ...options });
  return [
    ...line(0, "found by the trainer, held-out θ₀", [key(0, { r: 3.5, fill: FOUND })]),
    ...line(1, "θ₀'s share outside the rows found", [
      key(1, { r: 7, stroke: THEORY, strokeWidth: 2 }),
    ]),
    ...line(2, "from the bound to the largest eigenvectors", [
      key(2, { r: 7, fill: THEORY, fillOpacity: 0.5, symbol: "square" }),
    ]),
  ];
}

function placeOf(i: number) {
  return { frameAnchor: "top-right", dy: 16 + i * LEGEND_LINE } as const;
}
