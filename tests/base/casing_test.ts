// casing_test: keys change their case, values do not.
import assert from "node:assert/strict";
import { camelKeys, snakeKeys } from "../../src/base/casing.ts";

Deno.test("snakeKeys and camelKeys: keys alone, as deep as they go", () => {
  const camel = { atOnce: [{ perClass: "perClass", beta1: 1 }], max: null };
  const snake = { at_once: [{ per_class: "perClass", beta1: 1 }], max: null };
  assert.deepEqual(snakeKeys(camel), snake);
  assert.deepEqual(camelKeys(snake), camel);
  assert.deepEqual(snakeKeys(snake), snake);
  assert.deepEqual(snakeKeys({ maxTextureDimension2D: 1, sigmaW2: 2, sigma_w2: 2 }), {
    max_texture_dimension_2d: 1,
    sigma_w2: 2,
  });
});
