/** orthogonal: Gram–Schmidt on a drawn weight; the algorithm is in orthogonal.wgsl. */
import source from "../../kernels/orthogonal.wgsl" with { type: "text" };
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { thetaWindow } from "./theta_window.ts";

/** A weight of rows × columns from `at` in each network's slice, rows `pitch` floats apart. */
export interface Weight {
  readonly networks: number;
  readonly rows: number;
  readonly columns: number;
  readonly pitch: number;
  readonly at: number;
  readonly gain: number;
}

/**
 * Makes rows (or columns, where there are fewer) of `out` [networks, stride] orthogonal; a binding must
 * hold the weight.
 */
export function orthogonal(record: Recorder, out: Tensor, weight: Weight): void {
  const { networks, rows, columns, pitch, at, gain } = weight;
  const wide = rows <= columns;
  const vectors = wide ? rows : columns;
  const window = thetaWindow(out, networks, at, rows * pitch);
  const bindings = { out: window.of(out) };
  const overrides = {
    VECTORS: vectors,
    LENGTH: wide ? columns : rows,
    ACROSS: wide ? pitch : 1,
    ALONG: wide ? 1 : pitch,
    STRIDE: window.stride,
    AT: window.at,
    GAIN: gain,
    WG: out.device.profile.workgroup,
  };
  const project = out.device.kernel("orthogonal", source, "project", overrides);
  for (let after = vectors - 1; after > 0; after--) {
    record.dispatch(project, bindings, [networks, after]);
  }
  const normalize = out.device.kernel("orthogonal", source, "normalize", overrides);
  record.dispatch(normalize, bindings, [networks, vectors]);
}
