// neighbors: the k-nearest-neighbour classifier, by plain loops over all pairs.

/** How far apart two images are: the sum of absolute differences, or of squares. */
export type Norm = "l1" | "l2";

/** Images [count, size] with their classes [count]. */
export interface Labelled {
  /** Numbers of all images. */
  readonly images: Float32Array;
  /** The class of each image. */
  readonly labels: ArrayLike<number>;
}

/**
 * The fraction of `queries` whose class is that of most of their k nearest images of `support`, for
 * each k of `ks`. Among equally many the nearest decides, among equally near the first.
 */
export function neighborAccuracies(
  support: Labelled,
  queries: Labelled,
  norm: Norm,
  ks: readonly number[],
): number[] {
  const size = support.images.length / support.labels.length;
  const right = ks.map(() => 0);
  const most = Math.max(...ks);
  for (let n = 0; n < queries.labels.length; n++) {
    const query = queries.images.subarray(n * size, (n + 1) * size);
    const nearest = nearestOf(support, query, norm, most);
    ks.forEach((k, i) => {
      if (vote(nearest.slice(0, k)) === queries.labels[n]) right[i]!++;
    });
  }
  return right.map((count) => count / queries.labels.length);
}

/** Classes of the `count` nearest images, nearest first. */
function nearestOf(
  { images, labels }: Labelled,
  query: Float32Array,
  norm: Norm,
  count: number,
): number[] {
  const distanceTo = norm === "l1" ? absolute : squared;
  const near: { distance: number; label: number }[] = [];
  for (let m = 0; m < labels.length; m++) {
    const distance = distanceTo(images, m * query.length, query);
    if (near.length === count && distance >= near.at(-1)!.distance) continue;
    const place = near.findIndex((other) => distance < other.distance);
    near.splice(place < 0 ? near.length : place, 0, { distance, label: labels[m]! });
    near.length = Math.min(near.length, count);
  }
  return near.map(({ label }) => label);
}

function absolute(images: Float32Array, at: number, query: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += Math.abs(images[at + i]! - query[i]!);
  return sum;
}

function squared(images: Float32Array, at: number, query: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < query.length; i++) sum += (images[at + i]! - query[i]!) ** 2;
  return sum;
}

/** The commonest of classes that are in order of nearness; the nearest of the commonest. */
function vote(classes: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const k of classes) counts.set(k, (counts.get(k) ?? 0) + 1);
  return [...counts].reduce((a, b) => b[1] > a[1] ? b : a)[0];
}
