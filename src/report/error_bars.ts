// Points with error bars as an SVG, by Observable Plot: a line a series, a legend beside them.
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { CENTRED, heading, svgOf } from "./svg.ts";

/** A measurement. */
export interface ErrorBar {
  /** Where on the x axis. */
  x: number | string;
  /** Middle of the bar. */
  mean: number;
  /** Half its length. */
  std: number;
  /** The line it is on, as the legend says; one line when left out. */
  series?: string;
}

/** What to draw. */
export interface ErrorBarPlot {
  /** Above the frame, on the left. */
  title: string;
  /** Below the x axis. */
  xLabel: string;
  /** Beside the y axis. */
  yLabel: string;
  /** In the order of the x axis where x is text, and in that of the legend. */
  bars: ErrorBar[];
}

const WIDTH = 640;
const HEIGHT = 400;
const LEGEND_WIDTH = 120;
const LEGEND_LINE = 20;
const MOST_LETTERS = 50; // that stand below the x axis side by side; more of them are turned
const DODGE = 7; // pixels between the bars of two series at one x

/** Draws the plot; the same plot gives the same text. */
export function plotErrorBars({ title, xLabel, yLabel, bars }: ErrorBarPlot): string {
  const names = [...new Set(bars.map(({ series = "" }) => series))];
  const hasLegend = names.length > 1;
  const isCrowded = [...new Set(bars.map(({ x }) => `${x}`))].join(" ").length > MOST_LETTERS;
  return svgOf({
    width: WIDTH,
    height: HEIGHT,
    marginTop: 36,
    marginBottom: isCrowded ? 86 : 46,
    marginLeft: 60,
    marginRight: hasLegend ? LEGEND_WIDTH : 24,
    x: {
      ...scaleOf(bars.map(({ x }) => x)),
      ...CENTRED,
      label: xLabel,
      inset: 28,
      ...(isCrowded && { tickRotate: -30 }),
    },
    y: { ...CENTRED, label: yLabel, grid: true, nice: true, inset: 8 },
    color: { domain: names },
    symbol: { domain: names },
    marks: [
      Plot.frame({ stroke: "#bbb" }),
      heading(title),
      ...names.flatMap((name, i) => {
        const own = bars.filter(({ series = "" }) => series === name);
        return line(own, name, DODGE * (i - (names.length - 1) / 2));
      }),
      ...(hasLegend ? names.flatMap(legendLine) : []),
    ],
  });
}

/** Equal steps for words, powers for numbers over a range of ten times and more. */
function scaleOf(values: (number | string)[]): Plot.ScaleOptions {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < values.length) return { type: "point", domain: [...new Set(values)] };
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const type = least > 0 && most >= 10 * least ? "log" : "linear";
  return { type, ticks: [...new Set(numbers)], tickFormat: (value: number) => `${value}` };
}

/** A series: bars with caps, a line through their middles, a symbol on each. */
function line(bars: ErrorBar[], name: string, dx: number): Plot.Markish[] {
  const at = { x: "x", stroke: () => name, dx };
  const low = ({ mean, std }: ErrorBar) => mean - std;
  const high = ({ mean, std }: ErrorBar) => mean + std;
  const cap = { ...at, symbol: CAP, r: 4 };
  return [
    Plot.line(bars, { ...at, y: "mean", strokeOpacity: 0.5 }),
    Plot.link(bars, { ...at, x1: "x", x2: "x", y1: low, y2: high, strokeWidth: 1.5 }),
    Plot.dot(bars, { ...cap, y: low }),
    Plot.dot(bars, { ...cap, y: high }),
    Plot.dot(bars, { ...at, y: "mean", fill: () => name, symbol: () => name, r: 4 }),
  ];
}

/** What a symbol is drawn on. */
interface Path {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
}

/** The cap of an error bar: a short level line. */
const CAP = {
  draw(context: Path, size: number) {
    const half = Math.sqrt(size) / 2;
    context.moveTo(-half, 0);
    context.lineTo(half, 0);
  },
};

function legendLine(name: string, i: number): Plot.Markish[] {
  const place = { frameAnchor: "top-right", dy: 8 + i * LEGEND_LINE } as const;
  const colour = { stroke: () => name, fill: () => name, symbol: () => name };
  return [
    Plot.dot([name], { ...place, ...colour, dx: 16, r: 4 }),
    Plot.text([name], { ...place, dx: 26, textAnchor: "start", lineAnchor: "middle" }),
  ];
}
