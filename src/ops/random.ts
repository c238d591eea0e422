/** random: seeded normal and uniform numbers on the GPU; the algorithm is in random.wgsl. */
import source from "../../kernels/random.wgsl" with { type: "text" };
import type { Recorder, Tensor } from "../gpu/mod.ts";

/** Which elements of `out` [networks, stride] to draw, and from which stream. */
export interface Draw {
  readonly distribution: "normal" | "uniform";
  /** Standard deviation, or half the width of the uniform range around zero. */
  readonly scale: number;
  readonly networks: number;
  /** Rows × columns elements from `at` in each network's slice, rows `pitch` floats apart. */
  readonly rows: number;
  readonly columns: number;
  readonly pitch: number;
  readonly at: number;
  /** Tells apart what is drawn for one network: a parameter's number. */
  readonly stream: number;
}

/** Draws into `out`; `draw` holds [seed, number of the first network] as two u32. */
export function random(record: Recorder, t: { draw: Tensor; out: Tensor }, spec: Draw): void {
  const { device } = t.out;
  const { workgroup } = device.profile;
  const kernel = device.kernel("random", source, spec.distribution, {
    ROWS: spec.rows,
    COLUMNS: spec.columns,
    PITCH: spec.pitch,
    STRIDE: t.out.size / spec.networks,
    AT: spec.at,
    STREAM: spec.stream,
    SCALE: spec.scale,
    WG: workgroup,
  });
  record.dispatchEach(kernel, t, spec.rows * spec.columns, spec.networks);
}
