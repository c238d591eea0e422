/** random: seeded normal and uniform numbers on the GPU; the algorithm is in random.wgsl. */
import source from "../../kernels/random.wgsl" with { type: "text" };
import { type Recorder, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";
import { bindable, mostWords, thetaWindow } from "./theta_window.ts";

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
  const { rows, columns, pitch, networks } = spec;
  const { workgroup } = device.profile;
  // As many rows at a time as a binding holds, where `out` is more than that.
  const most = bindable(t.out)
    ? rows
    : Math.max(1, Math.floor((mostWords(device) - VIEW_FLOATS) / pitch));
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    const window = thetaWindow(t.out, networks, spec.at + first * pitch, count * pitch);
    const kernel = device.kernel("random", source, spec.distribution, {
      FIRST: first * columns,
      ROWS: count,
      COLUMNS: columns,
      PITCH: pitch,
      STRIDE: window.stride,
      AT: window.at,
      STREAM: spec.stream,
      SCALE: spec.scale,
      WG: workgroup,
    });
    record.dispatchEach(kernel, { ...t, out: window.of(t.out) }, count * columns, networks);
  }
}
