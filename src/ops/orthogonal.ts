/** orthogonal: Gram–Schmidt on a drawn weight; the algorithm is in orthogonal.wgsl. */
import text from "../../kernels/orthogonal.wgsl" with { type: "text" };
import { link, type Recorder, type Tensor } from "../gpu/mod.ts";

/** A weight of rows × columns from `at` in each network's slice, rows `pitch` floats apart. */
export interface Weight {
  readonly networks: number;
  readonly rows: number;
  readonly columns: number;
  readonly pitch: number;
  readonly at: number;
  readonly gain: number;
}

const SOURCE = link("orthogonal.wgsl", { "orthogonal.wgsl": text });

/** Makes rows (or columns, where there are fewer) of `out` [networks, …] orthogonal. */
export function orthogonal(record: Recorder, out: Tensor, weight: Weight): void {
  const { networks, rows, columns, pitch, at, gain } = weight;
  const wide = rows <= columns;
  const [vectors, LENGTH] = wide ? [rows, columns] : [columns, rows];
  const { device } = out;
  const overrides = {
    LENGTH,
    ACROSS: wide ? pitch : 1,
    ALONG: wide ? 1 : pitch,
    THETA: out.size / networks,
    AT: at,
    GAIN: gain,
    WG: device.profile.workgroup,
  };
  const run = (entry: string, first: number, count: number) =>
    record.dispatch(device.kernel(SOURCE, entry, overrides), {
      sizes: { COUNT: first },
      bindings: { out },
      turns: LENGTH,
    }, [networks, count]);
  for (let i = 0; i < vectors - 1; i++) run("project", i, vectors - 1 - i);
  run("normalize", 0, vectors);
}
