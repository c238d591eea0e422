// rates_test: the line of the mean and its band.
import assert from "node:assert/strict";
import { plotRates } from "../../src/report/rates.ts";

const PLOT = { title: "rates", perEpoch: 2 };

/** The points of the first path of a group. */
function pathOf(svg: string, label: string): [number, number][] {
  const [, path] = new RegExp(`aria-label="${label}"[^>]*><path d="([^"]*)"`).exec(svg)!;
  return [...path!.matchAll(/([-\d.]+),([-\d.]+)/g)].map(([, x, y]) => [+x!, +y!]);
}

Deno.test("plotRates: the mean over restarts within one standard deviation, epochs apart", () => {
  const svg = plotRates({ ...PLOT, rates: [[1, 2, 3, 4, 5, 6], [3, 2, 1, 4, 9, 6]] });
  const [line, band] = [pathOf(svg, "line"), pathOf(svg, "area")];
  assert.deepEqual([line.length, band.length], [6, 12]);
  // Means 2, 2, 2, 4, 7, 6; the fifth has a deviation of √8, the fourth none.
  const y = line.map(([, y]) => y);
  assert.equal(y[0], y[1]);
  const unit = (y[0]! - y[3]!) / 2;
  assert.ok(Math.abs(y[4]! - (y[0]! - 5 * unit)) < 0.05);
  const at = (x: number) =>
    band.filter(([left]) => left === x).map(([, y]) => y).sort((a, b) => a - b);
  assert.deepEqual(at(line[3]![0]), [y[3], y[3]]);
  const [high, low] = at(line[4]![0]);
  assert.ok(Math.abs(low! - high! - 2 * Math.sqrt(8) * unit) < 0.05, `${low} ${high}`);
  const borders = /aria-label="rule"[^>]*>([^]*?)<\/g>/.exec(svg)![1]!.match(/<line/g);
  assert.equal(borders!.length, 2);
  assert.equal(plotRates({ ...PLOT, rates: [[1, 2, 3, 4, 5, 6], [3, 2, 1, 4, 9, 6]] }), svg);
});

Deno.test("plotRates: one run is a line without a band", () => {
  const svg = plotRates({ ...PLOT, rates: [[1, 2, 3, 4]] });
  const line = pathOf(svg, "line");
  const ends = new Set(pathOf(svg, "area").map(String));
  assert.deepEqual([...ends].sort(), line.map(String).sort());
});
