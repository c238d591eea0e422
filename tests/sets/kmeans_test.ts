import assert from "node:assert/strict";
import { kmeansCentres } from "../../src/sets/kmeans.ts";
import { random } from "../oracle/numeric.ts";

/** 30 points around each of three far corners of a cube. */
const CORNERS = [[10, 0, 0], [0, 10, 0], [0, 0, 10]];
const noise = random(90 * 3, 1, 0.5);
const POINTS = Float32Array.from(noise, (v, i) => v + CORNERS[Math.floor(i / 3) % 3]![i % 3]!);

Deno.test("kmeansCentres: the mean of each cluster, the same for the same seed", async () => {
  const centres = await kmeansCentres(POINTS, 3, 3, 5);
  const found = [0, 1, 2].map((c) => [...centres.subarray(3 * c, 3 * c + 3)]);
  for (const [corner] of CORNERS.entries()) {
    const mean = [0, 1, 2].map((axis) => {
      let sum = 0;
      for (let n = corner; n < 90; n += 3) sum += POINTS[3 * n + axis]!;
      return sum / 30;
    });
    const near = found.filter((centre) => centre.every((v, i) => Math.abs(v - mean[i]!) < 1e-5));
    assert.equal(near.length, 1, `no centre at ${mean}`);
  }
  assert.deepEqual(await kmeansCentres(POINTS, 3, 3, 5), centres);
  const five = await kmeansCentres(POINTS, 3, 5, 5);
  assert.deepEqual(await kmeansCentres(POINTS, 3, 5, 5), five);
  assert.notDeepEqual(await kmeansCentres(POINTS, 3, 5, 6), five);
});

Deno.test("kmeansCentres: as many centres as points are the points; more are refused", async () => {
  const points = Float32Array.of(1, 2, 3, 4, 5, 7);
  const centres = await kmeansCentres(points, 2, 3, 1);
  const rows = [0, 1, 2].map((c) => centres.subarray(2 * c, 2 * c + 2).join()).sort();
  assert.deepEqual(rows, ["1,2", "3,4", "5,7"]);
  await assert.rejects(
    () => kmeansCentres(points, 2, 4, 1),
    /^RangeError: Cannot find k-means centres: got 3 images, expected at least 4/,
  );
});
