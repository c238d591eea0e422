/** networkSums: one number or array for each network, and the mean over networks; see network_sums.wgsl. */
import text from "../../kernels/network_sums.wgsl" with { type: "text" };
import { type Bindings, link, MOST_TURNS, type Recorder, type Tensor } from "../gpu/mod.ts";

const SOURCE = link("network_sums.wgsl", { "network_sums.wgsl": text });

/**
 * out[r] += Σ a[r], divided by the first word of `eta` where it is given; a [R, …].
 *
 * @throws RangeError for more numbers of a network than an invocation adds up.
 */
export function addSums(
  record: Recorder,
  { a, out, eta }: { a: Tensor; out: Tensor; eta?: Tensor },
  networks: number,
): void {
  const { device } = out;
  const WG = device.profile.workgroup;
  const COUNT = a.size / networks;
  if (COUNT > MOST_TURNS) {
    throw new RangeError(
      `Cannot add up numbers of a network: got ${COUNT}, expected at most ${MOST_TURNS}; use fewer images`,
    );
  }
  const kernel = device.kernel(SOURCE, eta ? "quotient" : "sum", { ...NO_BLOCKS, WG });
  const bindings: Bindings = eta ? { a, out, eta } : { a, out };
  const run = { sizes: { R: networks, COUNT }, bindings, turns: COUNT };
  record.dispatch(kernel, run, [Math.ceil(networks / WG)]);
}

const NO_BLOCKS = { LENGTH: 1, FROM: 1, TO: 1 };

/** Blocks of `length` numbers, the first of which stand `from` and `to` floats apart. */
export interface BlockLayout {
  readonly blocks: number;
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

/** out [blocks][length] = the mean over networks of a [blocks][R, length]. */
export function meanOfNetworks(
  record: Recorder,
  t: { a: Tensor; out: Tensor },
  networks: number,
  { blocks, length: LENGTH, from: FROM, to: TO }: BlockLayout,
): void {
  const { device } = t.out;
  const WG = device.profile.workgroup;
  const kernel = device.kernel(SOURCE, "reduce", { LENGTH, FROM, TO, WG });
  const sizes = { R: networks, COUNT: blocks * LENGTH };
  record.dispatchEach(kernel, { sizes, bindings: t, turns: networks });
}
