// Learned step sizes as an SVG: their mean over restarts, in a band of one standard deviation.
import * as Plot from "npm:@observablehq/plot@0.6.17";
import { CENTRED, heading, svgOf } from "./svg.ts";

/** What to draw. */
export interface RatesPlot {
  /** Above the frame, on the left. */
  readonly title: string;
  /** η of each step, for each restart; all of one length. */
  readonly rates: readonly ArrayLike<number>[];
  /** Steps of an epoch. */
  readonly perEpoch: number;
}

/** Draws the plot, with a line between epochs; the same plot gives the same text. */
export function plotRates({ title, rates, perEpoch }: RatesPlot): string {
  const steps = Array.from({ length: rates[0]!.length }, (_, t) => {
    const values = rates.map((each) => each[t]!);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const std = values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0;
    return { step: t + 1, mean, low: Math.max(0, mean - std), high: mean + std };
  });
  const epochs = Math.ceil(steps.length / perEpoch);
  const borders = Array.from({ length: epochs - 1 }, (_, e) => (e + 1) * perEpoch + 0.5);
  const frame = { marginTop: 36, marginBottom: 46, marginLeft: 60, marginRight: 24 };
  return svgOf({
    width: 640,
    height: 320,
    ...frame,
    x: { ...CENTRED, label: "Step" },
    y: { ...CENTRED, label: "Learned rate η", grid: true, nice: true, zero: true },
    marks: [
      Plot.frame({ stroke: "#bbb" }),
      heading(title),
      Plot.ruleX(borders, { stroke: "#888", strokeDasharray: "3 3" }),
      Plot.areaY(steps, { x: "step", y1: "low", y2: "high", fill: "#4e79a7", fillOpacity: 0.3 }),
      Plot.lineY(steps, { x: "step", y: "mean", stroke: "#4e79a7" }),
    ],
  });
}
