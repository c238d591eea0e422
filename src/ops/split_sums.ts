/**
 * split_sums: the runs into which the ops of a net split the gradient in their parameters, and the one
 * dispatch that adds them up, on its own or in a gradient step; see split_sums.wgsl.
 */
import source from "../../kernels/split_sums.wgsl" with { type: "text" };
import { type Device, type Recorder, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";
import type { Op, Span, Split } from "./op.ts";
import { isParametric } from "./op.ts";
import { viewOf, windowsOf } from "./theta_window.ts";

/** llvmpipe leaves a loop, without a word, once an invocation has done 65 535 turns. */
export const MOST_TURNS = 60_000;

/**
 * Runs that a sum of `turns` is split into: those wanted, as many more as the bound on turns takes, and
 * no more than `most`.
 */
export function runsOf(turns: number, wanted: number, most: number): number {
  const least = Math.ceil(turns / MOST_TURNS);
  const most32 = Math.floor((2 ** 32 - 1) / turns); // conv2d_strided multiplies turns by runs
  return Math.min(most, most32, Math.max(least, wanted));
}

/** What a gradient step reads and writes: out = a − η · g. */
export interface Descent {
  readonly a: Tensor;
  /** η in its first word. */
  readonly eta: Tensor;
  readonly out: Tensor;
}

interface Range extends Split {
  /** Where its runs start among those of all ops, in floats. */
  readonly first: number;
}

/** Room for the runs of all ops over one span. */
export class SplitSums implements Disposable {
  /** Where each op writes its runs [runs, R, size]; none where its gradient is not split. */
  readonly partials: readonly (Tensor | undefined)[];
  readonly #device: Device;
  readonly #networks: number;
  readonly #all: Tensor;
  readonly #ranges: Tensor;
  readonly #owned: DisposableStack;

  /** @throws RangeError when no op splits its gradient. */
  constructor(device: Device, ops: readonly Op[], span: Span) {
    const { ranges, floats } = layOut(ops, span);
    using owned = new DisposableStack();
    const split = ranges.filter((range) => range !== undefined);
    const words = split.flatMap(({ at, size, first, runs }) => [at, size, first, runs]);
    this.#device = device;
    this.#networks = span.networks;
    this.#all = owned.use(device.tensor([floats], "split sums"));
    this.#ranges = owned.use(device.tensor([words.length], "ranges")).write(
      Uint32Array.from(words),
    );
    this.partials = ranges.map((range) =>
      range && this.#all.view(range.first, [range.runs * span.networks * range.size])
    );
    this.#owned = owned.move();
  }

  /** Bytes that it takes; 0 when no op splits its gradient. */
  static bytes(ops: readonly Op[], span: Span): number {
    const { ranges, floats } = layOut(ops, span);
    return 4 * floats + 16 * ranges.filter((range) => range !== undefined).length;
  }

  /** Completes thetaBar [R, P], which holds what is not split, with the sums of the runs. */
  sum(record: Recorder, thetaBar: Tensor): void {
    this.#run(record, "sum", thetaBar, {});
  }

  /** out = a − η · g, g being what `sum` would complete thetaBar to. */
  descend(record: Recorder, thetaBar: Tensor, descent: Descent): void {
    this.#run(record, "descend", thetaBar, descent);
  }

  #run(record: Recorder, entry: string, thetaBar: Tensor, descent: Partial<Descent>): void {
    const { workgroup: WG } = this.#device.profile;
    const { a, eta, out } = descent;
    for (const [START, size] of windowsOf(thetaBar, this.#networks)) {
      const THETA = size / this.#networks;
      const kernel = this.#device.kernel("split_sums", source, entry, { THETA, START, WG });
      const part = (tensor: Tensor) => viewOf(tensor, START, size);
      const step = a && eta && out && { a: part(a), eta, out: part(out) };
      const bindings = {
        partial: this.#all,
        ranges: this.#ranges,
        thetaBar: part(thetaBar),
        ...step,
      };
      record.dispatchEach(kernel, bindings, THETA / 4, this.#networks);
    }
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** The runs of all ops one after the other, each where a view may start. */
function layOut(ops: readonly Op[], span: Span) {
  let floats = 0;
  const ranges = ops.map((op): Range | undefined => {
    const split = isParametric(op) ? op.split?.(span) : undefined;
    if (!split) return undefined;
    if (split.at % 4) {
      throw new RangeError(
        `Cannot add up sums: got parameters at ${split.at} of θ, expected a multiple of 4`,
      );
    }
    const first = Math.ceil(floats / VIEW_FLOATS) * VIEW_FLOATS;
    floats = first + Math.ceil(split.runs * span.networks * split.size / 4) * 4;
    return { ...split, first };
  });
  return { ranges, floats };
}
