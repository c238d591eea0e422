import assert from "node:assert/strict";
import { instanceNorm } from "../../src/oracle/instance_norm.ts";
import { dot } from "../../src/oracle/vector.ts";
import { checkLayer } from "./check_layer.ts";
import { assertClose, random } from "./numeric.ts";

const N = 3;

/** PyTorch's EPS, one as large as the variance, none; two pixels are the fewest with a variance. */
const SHAPES = [
  { C: 3, AREA: 7, EPS: 1e-5 },
  { C: 2, AREA: 5, EPS: 0.7 },
  { C: 4, AREA: 3, EPS: 0 },
  { C: 1, AREA: 2, EPS: 0.3 },
];

for (const shape of SHAPES) {
  const { C, AREA, EPS } = shape;
  const layer = instanceNorm(shape);
  const x = random(N * C * AREA, 1, 2);
  checkLayer(`instanceNorm() ${JSON.stringify(shape)}`, layer, x, N);

  Deno.test(`instanceNorm() ${JSON.stringify(shape)} fwd equals its formula read literally`, () => {
    const w = random(2 * C, 2);
    const y = x.map((value, at) => {
      const nc = Math.floor(at / AREA);
      const plane = [...x.slice(nc * AREA, (nc + 1) * AREA)];
      const mean = plane.reduce((a, b) => a + b) / AREA;
      const variance = plane.reduce((a, b) => a + (b - mean) ** 2, 0) / AREA;
      return w[nc % C]! * (value - mean) / Math.sqrt(variance + EPS) + w[C + nc % C]!;
    });
    assertClose(layer.fwd(x, w, N), y, 1e-13);
  });

  Deno.test(`instanceNorm() ${JSON.stringify(shape)} has a symmetric second derivative`, () => {
    const w = random(2 * C, 3);
    const yBar = random(x.length, 4);
    const still = new Float64Array(x.length);
    const [uX, vX] = [random(x.length, 5), random(x.length, 6)];
    const [uW, vW] = [random(2 * C, 7), random(2 * C, 8)];
    const alongU = layer.hvp(x, w, uX, uW, yBar, still, N);
    const alongV = layer.hvp(x, w, vX, vW, yBar, still, N);
    const uHv = dot(uX, alongV.xBarDot) + dot(uW, alongV.wBarDot);
    const vHu = dot(vX, alongU.xBarDot) + dot(vW, alongU.wBarDot);
    assert.notEqual(uHv, 0);
    assertClose([uHv], [vHu], 1e-12);
  });
}

Deno.test("instanceNorm() fwd equals numbers computed by hand", () => {
  const x = Float64Array.of(1, 3, 3, 1, 0, 0, 0, 4, 5, 5, 9, 9, 2, 2, 2, 2);
  const w = Float64Array.of(2, 4, 10, 20); // variances 1, 3, 4 and 0, plus 1
  const y = instanceNorm({ C: 2, AREA: 4, EPS: 1 }).fwd(x, w, 2);
  const first = 2 / Math.sqrt(2);
  const third = 2 * 2 / Math.sqrt(5);
  const expected = [
    ...[-first, first, first, -first].map((value) => 10 + value),
    ...[18, 18, 18, 26],
    ...[-third, -third, third, third].map((value) => 10 + value),
    ...[20, 20, 20, 20],
  ];
  assertClose(y, expected, 1e-15);
});

Deno.test("instanceNorm() does not see the scale and offset of a channel when EPS is 0", () => {
  const layer = instanceNorm({ C: 2, AREA: 5, EPS: 0 });
  const x = random(2 * 5, 7);
  const w = random(4, 8);
  const changed = x.map((value, at) => at < 5 ? 3 * value - 2 : 0.5 * value + 7);
  assertClose(layer.fwd(changed, w, 1), layer.fwd(x, w, 1), 1e-14);
});
