/** rowDistance: how far apart two gradients of a weight are, row by row; see row_distance.wgsl. */
import text from "../../kernels/row_distance.wgsl" with { type: "text" };
import { link, type Recorder, type Tensor } from "../gpu/mod.ts";
import { expectTurns, type Parameter } from "../layers/op.ts";

const SOURCE = link("row_distance.wgsl", { "row_distance.wgsl": text });

/** A layer's slices [R, P] of gradients of R networks, and what is left of them. */
export interface RowDistanceTensors {
  readonly a: Tensor;
  readonly b: Tensor;
  /** Out: the derivative of the sum of all distances in a, [R, P]; only the weight's rows are written. */
  readonly u: Tensor;
  /** Out: [R, rows]. */
  readonly distance: Tensor;
}

/** 1 minus the cosine of the angle between two rows, or the square of their distance. */
export type RowDistance = "cosine" | "squared";

/**
 * Records the distance of a and b for each row of a weight.
 *
 * @throws RangeError for rows that are too long for a software adapter.
 */
export function rowDistance(
  record: Recorder,
  { a, b, u, distance }: RowDistanceTensors,
  { name, shape, at: AT, pitch: PITCH }: Parameter,
  kind: RowDistance,
): void {
  const { device, size: COUNT } = distance;
  const [ROWS, ...columns] = shape as [number, ...number[]];
  const LENGTH = columns.reduce((product, extent) => product * extent, 1);
  const turns = 2 * LENGTH;
  expectTurns(device, `the distance of ${name}`, turns, "use smaller layers");
  const P = a.size / (COUNT / ROWS);
  const SQUARED = Number(kind === "squared");
  const overrides = { P, AT, PITCH, ROWS, LENGTH, SQUARED, WG: device.profile.workgroup };
  const kernel = device.kernel(SOURCE, "row_distance", overrides);
  record.dispatchEach(kernel, { sizes: { COUNT }, bindings: { a, b, u, distance }, turns });
}
