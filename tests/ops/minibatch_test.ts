import assert from "node:assert/strict";
import { padded } from "../../src/layers/op.ts";
import { gather, scatter } from "../../src/ops/minibatch.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { download, rounded, upload } from "../support/layout.ts";
import { run } from "../support/record.ts";

const [ALL, LIVE, ROWS, R] = [11, 5, 37, 3];
const INDICES = [7, 0, 10, 3, 4];
const SIZES = { live: LIVE, images: padded(LIVE), all: padded(ALL) };

/** The rows of a matrix [·, ROWS] at the indices. */
function chosen(from: Float64Array): Float64Array {
  return Float64Array.from(INDICES.flatMap((n) => [...from.subarray(n * ROWS, (n + 1) * ROWS)]));
}

gpuTest("gather: the images at the indices; padding stays as it is", async (device) => {
  const all = rounded(random(ALL * ROWS, 1));
  using a = upload(device, [all], ROWS, ALL);
  using indices = device.tensor([LIVE]).write(Uint32Array.from(INDICES));
  using out = device.tensor([ROWS, padded(LIVE)]);
  out.write(new Float32Array(out.size).fill(9));
  run(device, (record) => gather(record, { a, indices, out }, SIZES));
  assert.deepEqual((await download(out, 1, ROWS, LIVE))[0], chosen(all));
  const padding = (await out.read()).filter((_, i) => i % padded(LIVE) >= LIVE);
  assert.ok(padding.length > 0 && padding.every((word) => word === 9));
});

gpuTest(
  "scatter: adds to the images at the indices of each network, and to no other",
  async (device) => {
    const start = Array.from({ length: R }, (_, r) => rounded(random(ALL * ROWS, 20 + r)));
    const parts = Array.from({ length: R }, (_, r) => rounded(random(LIVE * ROWS, 30 + r)));
    using a = upload(device, parts, ROWS, LIVE);
    const filled = (await a.read()).map((word, i) => i % padded(LIVE) < LIVE ? word : 1e6);
    a.write(filled); // what is in padding is not added
    using indices = device.tensor([LIVE]).write(Uint32Array.from(INDICES));
    using out = upload(device, start, ROWS, ALL);
    run(device, (record) => scatter(record, { a, indices, out }, SIZES));
    const expected = start.map((all, r) => {
      const sum = all.slice();
      INDICES.forEach((n, i) => {
        for (let row = 0; row < ROWS; row++) {
          sum[n * ROWS + row] = Math.fround(sum[n * ROWS + row]! + parts[r]![i * ROWS + row]!);
        }
      });
      return sum;
    });
    assert.deepEqual(await download(out, R, ROWS, ALL), expected);
    assert.ok((await out.read()).every((word, i) => i % padded(ALL) < ALL || word === 0));
  },
);
