// error_bars_test: where points, bars and labels of the SVG are.
import assert from "node:assert/strict";
import { type ErrorBar, plotErrorBars } from "../../src/report/error_bars.ts";

const LABELS = { title: "a < b & c", xLabel: "steps", yLabel: "Accuracy (%)" };

/** Texts of the picture. */
function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);
}

/** Translations of the marks of a group, such as "dot". */
function placesOf(svg: string, group: string): [number, number][][] {
  return [...svg.matchAll(new RegExp(`<g[^>]*aria-label="${group}"[^>]*>([^]*?)</g>`, "g"))]
    .map(([, marks]) =>
      [...marks!.matchAll(/transform="translate\(([-\d.]+),([-\d.]+)\)"/g)]
        .map(([, x, y]): [number, number] => [Number(x), Number(y)])
    );
}

Deno.test("plotErrorBars: an SVG that stands alone, with its labels", () => {
  const bars = [{ x: 1, mean: 50, std: 5 }, { x: 2, mean: 60, std: 1 }];
  const svg = plotErrorBars({ ...LABELS, bars });
  assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^]*<\/svg>\n$/);
  const texts = textsOf(svg);
  for (const text of ["a &lt; b &amp; c", "steps", "Accuracy (%)", "1", "2"]) {
    assert.ok(texts.includes(text), `${text} is not among ${texts}`);
  }
  assert.equal(plotErrorBars({ ...LABELS, bars }), svg);
});

Deno.test("plotErrorBars: a title that is no XML is shown", () => {
  const svg = plotErrorBars({ ...LABELS, title: "\x1b]<\x00", bars: [{ x: 1, mean: 5, std: 1 }] });
  assert.ok(textsOf(svg).includes("\\u001b]&lt;\\u0000"), svg.slice(0, 900));
});

Deno.test("plotErrorBars: caps lie a standard deviation above and below", () => {
  const bars = [{ x: 1, mean: 50, std: 10 }, { x: 2, mean: 60, std: 20 }, {
    x: 3,
    mean: 40,
    std: 0,
  }];
  const [low, high, middle] = placesOf(plotErrorBars({ ...LABELS, bars }), "dot");
  for (const i of [0, 1, 2]) {
    const [x, y] = middle![i]!;
    assert.deepEqual([low![i]![0], high![i]![0]], [x, x]);
    const unit = (middle![2]![1] - middle![0]![1]) / 10; // from 40 to 50
    assert.ok(Math.abs(low![i]![1] - y - unit * bars[i]!.std) < 1e-6);
    assert.ok(Math.abs(y - high![i]![1] - unit * bars[i]!.std) < 1e-6);
  }
});

Deno.test("plotErrorBars: powers, equal steps, and words in their order", () => {
  const distances = (values: (number | string)[]) => {
    const bars = values.map((x, i): ErrorBar => ({ x, mean: i, std: 1 }));
    const middle = placesOf(plotErrorBars({ ...LABELS, bars }), "dot")[2]!;
    return middle.slice(1).map(([x], i) => Math.round(x - middle[i]![0]));
  };
  const [first, second] = distances([0.01, 0.1, 1]);
  assert.ok(first! > 100 && first === second);
  const [short, long] = distances([1, 2, 4]);
  assert.ok(Math.abs(long! - 2 * short!) <= 2, `${short} and ${long}`);
  const words = distances(["random", "fixed", "other"]);
  assert.ok(words[0]! > 100 && words[0] === words[1]);
});

Deno.test("plotErrorBars: a legend for several series, whose bars stand side by side", () => {
  const bars = ["epochs 1", "epochs 3"].flatMap((series) =>
    [1, 2].map((x): ErrorBar => ({ x, mean: 50, std: 5, series }))
  );
  const svg = plotErrorBars({ ...LABELS, bars });
  const texts = textsOf(svg);
  assert.deepEqual(texts.slice(-2), ["epochs 1", "epochs 3"]);
  const colours = new Set(svg.match(/stroke="#[0-9a-f]{6}"/g));
  assert.ok(colours.size >= 2, [...colours].join());
  const groups = svg.match(/<g[^>]*aria-label="line"[^>]*>/g) ?? [];
  const shifts = groups.map((group) => /translate\(([-\d.]+),/.exec(group)?.[1]);
  assert.deepEqual(shifts, ["-3.5", "3.5"]);
  const single = bars.map(({ series: _, ...bar }) => bar);
  assert.ok(!textsOf(plotErrorBars({ ...LABELS, bars: single })).includes(""));
});
