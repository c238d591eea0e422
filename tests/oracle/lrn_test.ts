import assert from "node:assert/strict";
import { lrn } from "../../src/oracle/lrn.ts";
import { dot } from "../../src/oracle/vector.ts";
import { checkLayer } from "./check_layer.ts";
import { assertClose, random } from "./numeric.ts";

const NONE = new Float64Array(0);

/** Large enough an ALPHA that the divisor matters; even and odd windows, and one wider than C. */
const SHAPES = [
  { C: 7, AREA: 3, SIZE: 4, ALPHA: 1.3, BETA: 0.75, K: 1 },
  { C: 5, AREA: 2, SIZE: 3, ALPHA: 0.9, BETA: 0.5, K: 2 },
  { C: 3, AREA: 2, SIZE: 6, ALPHA: 2.1, BETA: 1.5, K: 0.7 },
];

for (const shape of SHAPES) {
  const { C, AREA } = shape;
  checkLayer(`lrn() ${JSON.stringify(shape)}`, lrn(shape), random(2 * C * AREA, 1, 2), 2);
}

Deno.test("lrn() fwd is PyTorch's: the mean square over a window padded (SIZE/2, (SIZE−1)/2)", () => {
  const [C, SIZE, ALPHA, BETA, K] = [6, 4, 0.8, 0.75, 1];
  const x = random(C, 2, 3);
  const padded = [0, 0, ...x.map((value) => value ** 2), 0]; // two below, one above
  const y = x.map((value, c) => {
    const mean = padded.slice(c, c + SIZE).reduce((a, b) => a + b, 0) / SIZE;
    return value / (K + ALPHA * mean) ** BETA;
  });
  assertClose(lrn({ C, AREA: 1, SIZE, ALPHA, BETA, K }).fwd(x, NONE, 1), y, 1e-14);
});

Deno.test("lrn() has a symmetric second derivative", () => {
  const layer = lrn(SHAPES[0]!);
  const size = 2 * layer.inSize;
  const [x, u, v, yBar] = [3, 4, 5, 6].map((seed) => random(size, seed, 2));
  const still = new Float64Array(size);
  const along = (xDot: Float64Array) => layer.hvp(x!, NONE, xDot, NONE, yBar!, still, 2).xBarDot;
  const [uHv, vHu] = [dot(u!, along(v!)), dot(v!, along(u!))];
  assert.notEqual(uHv, 0);
  assertClose([uHv], [vHu], 1e-12);
});
