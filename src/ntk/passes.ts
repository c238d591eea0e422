/** Passes of neural tangent kernels over covariances; their formulas are in ntk_products, ntk_mean and ntk_relu.wgsl. */
import meanText from "../../kernels/ntk_mean.wgsl" with { type: "text" };
import productsText from "../../kernels/ntk_products.wgsl" with { type: "text" };
import reluText from "../../kernels/ntk_relu.wgsl" with { type: "text" };
import {
  type Bindings,
  link,
  type Overrides,
  type Recorder,
  type Sizes,
  type Source,
  type Tensor,
} from "../gpu/mod.ts";
import type { Planes } from "../layers/op.ts";

const MEAN = link("ntk_mean.wgsl", { "ntk_mean.wgsl": meanText });
const PRODUCTS = link("ntk_products.wgsl", { "ntk_products.wgsl": productsText });
const RELU = link("ntk_relu.wgsl", { "ntk_relu.wgsl": reluText });

/** The sizes of covariances [A, P, N]: images on the left, pixels, and images of x, padding included. */
export interface Extents {
  /** Numbers of a pixel, and pixels. */
  readonly planes: Planes;
  /** A, images on the left, a multiple of four. */
  readonly left: number;
  /** N, images of x, a multiple of four. */
  readonly images: number;
}

/** Images x [C, P, N], or a gradient in them. */
interface Sides {
  readonly left: Tensor;
  readonly x: Tensor;
}

/** out [A, P, N] = the mean over channels of left · x. */
export function products(record: Recorder, t: Sides & { out: Tensor }, extents: Extents): void {
  const { planes: { channels, height, width }, left, images } = extents;
  const tiles = Math.ceil(images / 16);
  const work = { elements: left / 4 * height * width * tiles, turns: channels };
  run(record, PRODUCTS, "products", { ...t }, productSizes(extents), work);
}

/** out [P, N] = the mean over channels of x². */
export function squares(record: Recorder, t: { x: Tensor; out: Tensor }, extents: Extents): void {
  const { planes: { channels, height, width }, images } = extents;
  const work = { elements: height * width * images / 4, turns: channels };
  run(record, PRODUCTS, "squares", { ...t }, productSizes(extents), work);
}

/** xBar [C, P, N] += what comes back from products and squares. */
export function productsBack(
  record: Recorder,
  t: Sides & { outBar: Tensor; squaresBar: Tensor; xBar: Tensor },
  extents: Extents,
): void {
  const { planes: { channels, height, width }, left, images } = extents;
  const elements = Math.ceil(channels / 8) * height * width * Math.ceil(images / 8);
  run(record, PRODUCTS, "back", { ...t }, productSizes(extents), { elements, turns: left / 4 });
}

function productSizes({ planes, left, images }: Extents): Overrides {
  const { channels: C, height, width } = planes;
  return { C, P: height * width, A: left / 4, N: images / 4 };
}

/** Covariances and variances that a layer of ReLUs reads. */
export interface ReluInputs {
  readonly sigma: Tensor;
  readonly theta: Tensor;
  /** [P, A] and [P, N]. */
  readonly u: Tensor;
  readonly v: Tensor;
}

/** s and t of a layer of ReLUs. */
export function relu(
  record: Recorder,
  t: ReluInputs & { s: Tensor; t: Tensor },
  extents: Extents,
): void {
  run(record, RELU, "forward", { ...t }, reluSizes(extents), { elements: t.sigma.size / 4 });
}

/** Turns s̄ and t̄ into ΣBar and ΘBar where they stand; vTerm [A, P, N] sums to v̄. */
export function reluBack(
  record: Recorder,
  t: ReluInputs & { sBar: Tensor; tBar: Tensor; vTerm: Tensor },
  extents: Extents,
): void {
  run(record, RELU, "back", { ...t }, reluSizes(extents), { elements: t.sigma.size / 4 });
}

function reluSizes({ planes: { height, width }, left, images }: Extents): Overrides {
  return { P: height * width, A: left, N: images / 4 };
}

/** How a mean is taken: over 3 × 3 pixels, over all, or back from that to every pixel. */
export type Mean = "window" | "all" | "spread";

/** out = bias + scale · mean of a + add. */
export function mean(
  record: Recorder,
  how: Mean,
  { a, out, add = null }: { a: Tensor; out: Tensor; add?: Tensor | null },
  { height, width }: Planes,
  { images, scale, bias = 0 }: { images: number; scale: number; bias?: number },
): void {
  const rest = { ROWS: 0, LENGTH: 0, SCALE: scale, BIAS: bias, ADDS: +(add !== null) };
  const sizes = { H: height, V: width, N: images / 4, ...rest };
  const turns = how === "all" ? height * width : 1;
  run(record, MEAN, how, { a, add, out }, sizes, { elements: out.size / 4, turns });
}

/** Rows that one element of `sumRows` adds up. */
export const ROWS = 64;

/** out [⌈rows / 64⌉, …] = sums over 64 rows at a time of a [rows, …]. */
export function sumRows(
  record: Recorder,
  { a, out }: { a: Tensor; out: Tensor },
  rows: number,
  length: number,
): void {
  const sizes = { H: 1, V: 1, N: 1, SCALE: 1, BIAS: 0, ADDS: 0, ROWS, LENGTH: length / 4 };
  const elements = Math.ceil(rows / ROWS) * length / 4;
  run(record, MEAN, "rows", { a, out }, sizes, { elements, turns: ROWS, R: rows });
}

function run(
  record: Recorder,
  source: Source,
  entry: string,
  bindings: Bindings,
  overrides: Overrides,
  { elements, turns = 1, ...sizes }: { elements: number; turns?: number } & Sizes,
): void {
  const { device } = Object.values(bindings).find((tensor) => tensor !== null)!;
  const kernel = device.kernel(source, entry, { ...overrides, WG: device.profile.workgroup });
  record.dispatchEach(kernel, { sizes: { ...sizes, COUNT: elements }, bindings, turns });
}
