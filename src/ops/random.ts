/** random: seeded numbers on the GPU; the algorithm is in random.wgsl. */
import text from "../../kernels/random.wgsl" with { type: "text" };
import { link, type Recorder, type Tensor } from "../gpu/mod.ts";

/** Which elements of `out` [networks, …] to fill, and from which stream. */
export interface Draw {
  readonly distribution: "normal" | "uniform" | "constant";
  /** Standard deviation; half the width of the uniform range around zero; or the constant. */
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

const SOURCE = link("random.wgsl", { "random.wgsl": text });
const ENTRIES = { normal: "drawNormal", uniform: "drawUniform", constant: "fill" };

/** Fills elements of `out`; `draw` holds [seed, number of the first network] as two u32. */
export function random(record: Recorder, t: { draw: Tensor; out: Tensor }, spec: Draw): void {
  const { device } = t.out;
  const { distribution, rows, columns, pitch, networks, at, stream, scale } = spec;
  const kernel = device.kernel(SOURCE, ENTRIES[distribution], {
    ROWS: rows,
    COLUMNS: columns,
    PITCH: pitch,
    THETA: t.out.size / networks,
    AT: at,
    STREAM: stream,
    SCALE: scale,
    WG: device.profile.workgroup,
  });
  const bindings = distribution === "constant" ? { out: t.out } : t;
  record.dispatchEach(kernel, { sizes: { COUNT: networks * rows * columns }, bindings });
}
