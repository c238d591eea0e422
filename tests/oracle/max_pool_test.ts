import assert from "node:assert/strict";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { checkLayer } from "./check_layer.ts";

const NO_PARAMS = new Float64Array(0);

checkLayer("maxPool()", maxPool({ C: 2, H: 5, V: 7, SIZE: 2 }), shuffled(3 * 2 * 5 * 7), 3);
checkLayer(
  "maxPool() with SIZE 3",
  maxPool({ C: 3, H: 7, V: 11, SIZE: 3 }),
  shuffled(2 * 3 * 7 * 11),
  2,
);
checkLayer(
  "maxPool() with windows that overlap",
  maxPool({ C: 2, H: 5, V: 8, SIZE: 3, STRIDE: 2, PAD: 1 }),
  shuffled(3 * 2 * 5 * 8),
  3,
);

Deno.test("maxPool() fwd takes only what is inside of the map", () => {
  const layer = maxPool({ C: 1, H: 3, V: 4, SIZE: 3, STRIDE: 2, PAD: 1 });
  const x = Float64Array.of(-9, -2, -7, -6, -5, -4, -3, -8, -1, -12, -11, -10);
  assert.deepEqual(layer.fwd(x, NO_PARAMS, 1), Float64Array.of(-2, -2, -1, -3));
});

Deno.test("maxPool() fwd drops the rows and columns that fill no window", () => {
  const x = Float64Array.of(1, 2, 9, 4, 3, 9, 9, 9, 9, -5, -6, 9, -8, -7, 9, 9, 9, 9);
  const y = maxPool({ C: 2, H: 3, V: 3, SIZE: 2 }).fwd(x, NO_PARAMS, 1);
  assert.deepEqual(y, Float64Array.of(4, -5));
});

Deno.test("maxPool() vjp gives a tie to the first maximum in row-major order", () => {
  const layer = maxPool({ C: 1, H: 2, V: 4, SIZE: 2 });
  const x = Float64Array.of(0, 1, 0, 0, 1, 1, 0, 0);
  const { xBar } = layer.vjp(x, NO_PARAMS, Float64Array.of(3, 5), 1);
  assert.deepEqual(xBar, Float64Array.of(0, 3, 5, 0, 0, 0, 0, 0));
});

/** Numbers no two of which are closer than 0.1, in an order that is not sorted. */
function shuffled(length: number): Float64Array {
  const STRIDE = 83; // prime to every length used above
  return Float64Array.from({ length }, (_, i) => ((i * STRIDE) % length - length / 2) * 0.1);
}
