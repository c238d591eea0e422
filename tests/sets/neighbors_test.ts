import assert from "node:assert/strict";
import { neighborAccuracies } from "../../src/sets/neighbors.ts";

const labelled = (points: number[][], labels: number[]) => ({
  images: Float32Array.from(points.flat()),
  labels: Uint8Array.from(labels),
});

Deno.test("neighborAccuracies: l1 and l2 disagree where one coordinate is far off", () => {
  // From (0, 0): (3, 0) is at l1 3, l2 3; (2, 2) at l1 4, l2 2.8.
  const support = labelled([[3, 0], [2, 2]], [0, 1]);
  const query = (label: number) => labelled([[0, 0]], [label]);
  assert.deepEqual(neighborAccuracies(support, query(0), "l1", [1]), [1]);
  assert.deepEqual(neighborAccuracies(support, query(0), "l2", [1]), [0]);
  assert.deepEqual(neighborAccuracies(support, query(1), "l2", [1]), [1]);
});

Deno.test("neighborAccuracies: of three neighbours most decide, of three classes the nearest", () => {
  const support = labelled([[1], [2], [3], [10], [11.5], [12.9], [90]], [0, 1, 1, 2, 0, 1, 2]);
  //            nearest of 0: 0 1 1   of 10.1: 2 0 1      of 89: 2 1 0
  const queries = labelled([[0], [10.1], [89]], [1, 2, 2]);
  assert.deepEqual(neighborAccuracies(support, queries, "l2", [1, 3]), [2 / 3, 1]);
  assert.deepEqual(neighborAccuracies(support, queries, "l1", [3, 1]), [1, 2 / 3]);
});

Deno.test("neighborAccuracies: among equally near images the first is nearest", () => {
  const support = labelled([[1], [-1], [-1]], [3, 4, 4]);
  assert.deepEqual(neighborAccuracies(support, labelled([[0]], [3]), "l1", [1, 3]), [1, 0]);
});

Deno.test("neighborAccuracies: images classify themselves", () => {
  const images = Array.from({ length: 20 }, (_, n) => [n % 5, n * n % 7, n]);
  const labels = images.map((_, n) => n * 3 % 10);
  const set = labelled(images, labels);
  assert.deepEqual(neighborAccuracies(set, set, "l2", [1]), [1]);
});
