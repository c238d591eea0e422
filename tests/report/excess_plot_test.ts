// excess_plot_test: where points, rings and the band of the SVG are, and which numbers are told.
import assert from "node:assert/strict";
import { plotExcess } from "../../src/report/excess_plot.ts";

const POINTS = [
  { count: 1, found: 0.75, outside: 0.75, bound: 0.5, aligned: 1 },
  { count: 2, found: 0.25, outside: 0.5, bound: 0.25, aligned: 0.75 },
  { count: 3, found: 2e-14, outside: 0, bound: 0, aligned: 0 },
];

/** Translations of the marks of each group of dots. */
function dotsOf(svg: string): [number, number][][] {
  return [...svg.matchAll(/<g[^>]*aria-label="dot"[^>]*>([^]*?)<\/g>/g)].map(([, marks]) =>
    [...marks!.matchAll(/cy="([-\d.]+)" cx="([-\d.]+)"/g)]
      .map(([, y, x]): [number, number] => [Number(x), Number(y)])
  );
}

Deno.test("plotExcess: found and outside on one scale, with M below", () => {
  const svg = plotExcess("a < b", POINTS);
  assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^]*<\/svg>\n$/);
  const [outside, found] = dotsOf(svg).filter((dots) => dots.length === 3);
  const [per, at0] = [(found![0]![1] - found![2]![1]) / 75, found![2]![1]];
  assert.ok(per < 0); // upwards
  for (const [i, point] of POINTS.entries()) {
    assert.ok(Math.abs(found![i]![1] - at0 - per * 100 * point.found) < 1e-6);
    assert.ok(Math.abs(outside![i]![1] - at0 - per * 100 * point.outside) < 1e-6);
    assert.equal(found![i]![0], outside![i]![0]);
  }
  const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
  for (const text of ["a &lt; b", "1", "2", "3", "100"]) assert.ok(texts.includes(text), text);
  assert.deepEqual(texts.filter((text) => text.includes("e-")), ["2e-12 %"]); // only what is near 0
  assert.equal(plotExcess("a < b", POINTS), svg);
});

Deno.test("plotExcess: the band goes from the bounds to what eigenvectors leave", () => {
  const svg = plotExcess("band", POINTS);
  const [, path] = /aria-label="area"[^>]*><path d="([^"]+)"/.exec(svg)!;
  const corners = path!.slice(1, -1).split(/[LM]/).map((pair) => pair.split(",").map(Number));
  const levels = corners.map(([, y]) => y!);
  const [at0, at100] = [Math.max(...levels), Math.min(...levels)];
  const shares = levels.map((y) => (at0 - y) / (at0 - at100));
  assert.deepEqual(shares.map((share) => Number(share.toFixed(3))), [1, 0.75, 0, 0, 0.25, 0.5]);
});
