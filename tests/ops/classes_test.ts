import assert from "node:assert/strict";
import { padded } from "../../src/layers/op.ts";
import { joinClasses, splitClasses } from "../../src/ops/classes.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { download, rounded, upload } from "../support/layout.ts";
import { run } from "../support/record.ts";

const [K, EACH, ROWS] = [3, 5, 37];
const SIZES = { classes: K, rows: ROWS, each: EACH, padded: padded(EACH) };
const ALL = rounded(random(K * EACH * ROWS, 1));
const OF_CLASS = Array.from({ length: K }, (_, k) => {
  return ALL.subarray(k * EACH * ROWS, (k + 1) * EACH * ROWS);
});

gpuTest("splitClasses: the images of each class, and zeros for padding", async (device) => {
  using a = upload(device, [ALL], ROWS, K * EACH);
  using out = device.tensor([K, ROWS, padded(EACH)]);
  out.write(new Float32Array(out.size).fill(9));
  run(device, (record) => splitClasses(record, { a, out }, SIZES));
  assert.deepEqual(await download(out, K, ROWS, EACH), OF_CLASS);
  const padding = (await out.read()).filter((_, i) => i % padded(EACH) >= EACH);
  assert.ok(padding.length > 0 && padding.every((word) => word === 0));
});

gpuTest("joinClasses: the images of all classes; padding stays as it is", async (device) => {
  using a = upload(device, OF_CLASS, ROWS, EACH);
  a.write((await a.read()).map((word, i) => i % padded(EACH) < EACH ? word : 1e6));
  using out = device.tensor([ROWS, padded(K * EACH)]);
  out.write(new Float32Array(out.size).fill(9));
  run(device, (record) => joinClasses(record, { a, out }, SIZES));
  assert.deepEqual((await download(out, 1, ROWS, K * EACH))[0], ALL);
  const padding = (await out.read()).filter((_, i) => i % padded(K * EACH) >= K * EACH);
  assert.ok(padding.length > 0 && padding.every((word) => word === 9));
});
