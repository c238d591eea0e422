import assert from "node:assert/strict";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { checkLayer } from "./check_layer.ts";
import { assertClose, random } from "./numeric.ts";

const SHAPE = { C: 2, H: 5, V: 7, O: 4, K: 3, PAD: 1 };
const N = 3;
const X = random(N * 2 * 5 * 7, 1);

checkLayer("conv2d()", conv2d(SHAPE), X, N);
checkLayer("conv2d() with PAD 0", conv2d({ ...SHAPE, PAD: 0 }), X, N);
checkLayer("conv2d() with PAD 2", conv2d({ ...SHAPE, PAD: 2 }), X, N);
checkLayer("conv2d() with K 2", conv2d({ ...SHAPE, K: 2 }), X, N);
checkLayer("conv2d() with STRIDE 2", conv2d({ ...SHAPE, STRIDE: 2 }), X, N);
checkLayer(
  "conv2d() with STRIDE 3 and K 4",
  conv2d({ ...SHAPE, K: 4, PAD: 2, STRIDE: 3 }),
  X,
  N,
);
checkLayer(
  "conv2d() of a map smaller than K",
  conv2d({ C: 1, H: 2, V: 3, O: 2, K: 7, PAD: 4 }),
  random(6, 2),
  1,
);

Deno.test("conv2d() fwd equals a cross-correlation computed by hand", () => {
  const layer = conv2d({ C: 1, H: 2, V: 3, O: 1, K: 2, PAD: 0 });
  const x = Float64Array.of(1, 2, 3, 4, 5, 6);
  const w = Float64Array.of(1, 10, 100, 1000, 0.5);
  assert.deepEqual(layer.fwd(x, w, 1), Float64Array.of(5421.5, 6532.5));
});

Deno.test("conv2d() fwd equals its formula read literally", () => {
  for (const [PAD, STRIDE] of [[0, 1], [1, 1], [2, 1], [1, 2], [2, 3]] as const) {
    const { C, H, V, O, K } = SHAPE;
    const layer = conv2d({ ...SHAPE, PAD, STRIDE });
    const [P, Q] = [H, V].map((side) => Math.floor((side + 2 * PAD - K) / STRIDE) + 1);
    const w = random(layer.params, 3);
    const padded = (n: number, c: number, h: number, v: number) =>
      h < 0 || h >= H || v < 0 || v >= V ? 0 : X[((n * C + c) * H + h) * V + v]!;
    const y: number[] = [];
    for (let n = 0; n < N; n++) {
      for (let o = 0; o < O; o++) {
        for (let p = 0; p < P!; p++) {
          for (let q = 0; q < Q!; q++) {
            let sum = w[O * C * K * K + o]!;
            for (let tap = 0; tap < C * K * K; tap++) {
              const c = Math.floor(tap / (K * K));
              const i = Math.floor(tap / K) % K;
              sum += padded(n, c, STRIDE * p + i - PAD, STRIDE * q + tap % K - PAD) *
                w[o * C * K * K + tap]!;
            }
            y.push(sum);
          }
        }
      }
    }
    assertClose(layer.fwd(X, w, N), y, 1e-14);
    assert.equal(layer.outSize * N, y.length);
  }
});
