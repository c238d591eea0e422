// k-means: the centres of the images of one class, by Lloyd's algorithm from k-means++ (ml-kmeans).
import { kmeansGenerator } from "npm:ml-kmeans@7.0.1";

/**
 * `k` centres [k, size] of the points [count, size]; the same seed gives the same centres. Distances
 * are Euclidean.
 *
 * @throws {RangeError} fewer points than centres
 */
export async function kmeansCentres(
  points: Float32Array,
  size: number,
  k: number,
  seed: number,
): Promise<Float32Array<ArrayBuffer>> {
  const count = points.length / size;
  if (count < k) {
    throw new RangeError(
      `Cannot find k-means centres: got ${count} images, expected at least ${k}, one for each ` +
        `centre; use fewer images a class`,
    );
  }
  // Plain arrays: the library reads those three times as fast as typed ones.
  const rows = Array.from(
    { length: count },
    (_, n) => Array.from(points.subarray(n * size, (n + 1) * size)),
  );
  let centroids: number[][] = [];
  for (const found of kmeansGenerator(rows, k, { seed, initialization: "kmeans++" })) {
    centroids = found.centroids;
    await new Promise((resolve) => setTimeout(resolve)); // for signals
  }
  return Float32Array.from(centroids.flat());
}
