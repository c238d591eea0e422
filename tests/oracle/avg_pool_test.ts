import assert from "node:assert/strict";
import { avgPool } from "../../src/oracle/avg_pool.ts";
import { checkLayer } from "./check_layer.ts";
import { assertClose, random } from "./numeric.ts";

const NO_PARAMS = new Float64Array(0);
const N = 3;

/** Windows side by side, without and with padding; two that overlap; apart; larger than the map. */
const SHAPES = [
  { C: 2, H: 5, V: 7, SIZE: 2 },
  { C: 2, H: 5, V: 7, SIZE: 3, PAD: 1 },
  { C: 3, H: 5, V: 8, SIZE: 3, STRIDE: 2, PAD: 1 },
  { C: 2, H: 6, V: 5, SIZE: 4, STRIDE: 1, PAD: 2 },
  { C: 2, H: 7, V: 9, SIZE: 2, STRIDE: 3, PAD: 1 },
  { C: 1, H: 2, V: 3, SIZE: 6, STRIDE: 1, PAD: 3 },
];

for (const shape of SHAPES) {
  const layer = avgPool(shape);
  checkLayer(`avgPool() ${JSON.stringify(shape)}`, layer, random(N * layer.inSize, 1), N);

  Deno.test(`avgPool() ${JSON.stringify(shape)} fwd equals its formula read literally`, () => {
    const { C, H, V, SIZE, STRIDE = SIZE, PAD = 0 } = shape;
    const [P, Q] = [H, V].map((side) => Math.floor((side + 2 * PAD - SIZE) / STRIDE) + 1);
    const x = random(N * layer.inSize, 2);
    const padded = (nc: number, h: number, v: number) =>
      h < 0 || h >= H || v < 0 || v >= V ? 0 : x[(nc * H + h) * V + v]!;
    const y: number[] = [];
    for (let nc = 0; nc < N * C; nc++) {
      for (let p = 0; p < P!; p++) {
        for (let q = 0; q < Q!; q++) {
          let sum = 0;
          for (let tap = 0; tap < SIZE ** 2; tap++) {
            const [i, j] = [Math.floor(tap / SIZE), tap % SIZE];
            sum += padded(nc, p * STRIDE + i - PAD, q * STRIDE + j - PAD);
          }
          y.push(sum / SIZE ** 2);
        }
      }
    }
    assertClose(layer.fwd(x, NO_PARAMS, N), y, 1e-14);
    assert.equal(layer.outSize * N, y.length);
  });
}

Deno.test("avgPool() fwd counts what is outside of the map as zeros", () => {
  const layer = avgPool({ C: 1, H: 3, V: 4, SIZE: 3, STRIDE: 2, PAD: 1 });
  const x = Float64Array.of(9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99, 108);
  assert.deepEqual(layer.fwd(x, NO_PARAMS, 1), Float64Array.of(14, 30, 30, 54));
});

Deno.test("avgPool() vjp gives nothing to pixels in no window", () => {
  const layer = avgPool({ C: 1, H: 3, V: 5, SIZE: 2, STRIDE: 3 });
  const { xBar } = layer.vjp(random(15, 3), NO_PARAMS, Float64Array.of(4, 8), 1);
  assert.deepEqual(xBar, Float64Array.of(1, 1, 0, 2, 2, 1, 1, 0, 2, 2, 0, 0, 0, 0, 0));
});
