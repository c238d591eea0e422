/** classes: a batch whose images stand class by class, to one batch for each class, and back; see classes.wgsl. */
import text from "../../kernels/classes.wgsl" with { type: "text" };
import { link, type Recorder, type Tensor } from "../gpu/mod.ts";

const SOURCE = link("classes.wgsl", { "classes.wgsl": text });

/** The sizes of a batch. */
export interface ClassSizes {
  /** Classes, of as many images each. */
  readonly classes: number;
  /** Numbers of an image. */
  readonly rows: number;
  /** Images of a class; `padded` of them with padding. */
  readonly each: number;
  readonly padded: number;
}

/** out [classes, rows, padded] = a [rows, images], whose images stand class by class. */
export function splitClasses(record: Recorder, t: { a: Tensor; out: Tensor }, sizes: ClassSizes) {
  run(record, "split", t, t.a.size, sizes);
}

/** out [rows, images] = a [classes, rows, padded]; what `out` has between and behind them stays. */
export function joinClasses(record: Recorder, t: { a: Tensor; out: Tensor }, sizes: ClassSizes) {
  run(record, "join", t, t.out.size, sizes);
}

function run(
  record: Recorder,
  entry: string,
  bindings: { a: Tensor; out: Tensor },
  whole: number,
  { classes, rows: ROWS, each: LIVE, padded: N }: ClassSizes,
): void {
  const { device } = bindings.out;
  const overrides = { ROWS, N, ALL: whole / ROWS, WG: device.profile.workgroup };
  const sizes = { LIVE, COUNT: classes * ROWS * N };
  record.dispatchEach(device.kernel(SOURCE, entry, overrides), { sizes, bindings });
}
