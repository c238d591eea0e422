// threefry2x32 against the known-answer vectors of Random123.
import assert from "node:assert/strict";
import { threefry2x32 } from "../../src/base/threefry.ts";

Deno.test("threefry2x32 gives the known answers of 20 rounds", () => {
  const all = 0xffffffff;
  assert.deepEqual(threefry2x32(0, 0, 0, 0), [0x6b200159, 0x99ba4efe]);
  assert.deepEqual(threefry2x32(all, all, all, all), [0x1cb996fc, 0xbb002be7]);
  assert.deepEqual(
    threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3),
    [0xc4923a9c, 0x483df7a0],
  );
});
