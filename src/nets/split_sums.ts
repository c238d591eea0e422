/**
 * SplitSums: the end of the gradient in θ. Layers split the sum that it is into runs; one dispatch for each part
 * of θ adds these up (split_sums.wgsl).
 */
import text from "../../kernels/split_sums.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor, VIEW_FLOATS } from "../gpu/mod.ts";
import { type Op, parameterFloats, type Span } from "../layers/op.ts";
import { layOut, type Theta } from "./theta.ts";

const SOURCE = link("split_sums.wgsl", { "split_sums.wgsl": text });

/** Layers with split gradients that one dispatch takes: what split_sums.wgsl has room for. */
const MOST_LAYERS = 64;

/** What adds up one part of θ. */
interface Part {
  /** The runs of its layers, and where each of them lies. */
  readonly runs: Tensor;
  readonly layers: Tensor;
  /** vec4s of all its layers. */
  readonly count: number;
  /** The most runs of a layer: turns of the loop for an element. */
  readonly turns: number;
}

/** Room for the runs of all layers of a net over one span. */
export class SplitSums implements Disposable {
  /** Where each layer leaves its runs [runs, R, P]; none where its gradient is not split. */
  readonly runs: readonly (Tensor | undefined)[];
  readonly #device: Device;
  /** For each part of θ; none where no layer of it splits. */
  readonly #parts: readonly (Part | undefined)[];
  readonly #owned: DisposableStack;

  /**
   * Allocates room for the runs of `ops`, the layers of a net.
   *
   * @throws RangeError for more layers with split sums than a dispatch takes.
   */
  constructor(device: Device, ops: readonly Op[], span: Span) {
    using owned = new DisposableStack();
    const own = (words: number) => owned.use(device.tensor([words], "tangents"));
    const runs: (Tensor | undefined)[] = ops.map(() => undefined);
    const { sizes, places } = layOut(device, ops.map(parameterFloats), span.networks);
    this.#device = device;
    this.#parts = sizes.map((_, part): Part | undefined => {
      let [before, floats] = [0, 0];
      const layers = places.filter((place) => place.part === part).flatMap((place) => {
        const count = ops[place.layer]!.runs?.(span) ?? 0;
        if (count === 0) return [];
        const length = span.networks * place.floats;
        const layer = { ...place, count, length, before, base: floats };
        before += length;
        floats += Math.ceil(count * length / VIEW_FLOATS) * VIEW_FLOATS;
        return [layer];
      });
      if (layers.length === 0) return undefined;
      if (layers.length > MOST_LAYERS) {
        throw new RangeError(
          `Cannot add up the gradients of ${layers.length} layers: expected at most ${MOST_LAYERS} ` +
            `convolutions and normalizations`,
        );
      }
      const [all, table] = [own(floats), own(8 * MOST_LAYERS)];
      for (const { layer, count, length, base } of layers) {
        runs[layer] = all.view(base, [count, length]);
      }
      table.write(Uint32Array.from(layers.flatMap(({ before, length, at, base, count }) => {
        return [before / 4, length / 4, at / 4, base / 4, count, 0, 0, 0];
      })));
      const turns = Math.max(...layers.map(({ count }) => count));
      return { runs: all, layers: table, count: before / 4, turns };
    });
    this.runs = runs;
    this.#owned = owned.move();
  }

  /** Records the sums of the runs into θ̄, which then is whole. */
  finish(record: Recorder, thetaBar: Theta): void {
    const { workgroup: WG } = this.#device.profile;
    const kernel = this.#device.kernel(SOURCE, "split_sums", { WG });
    thetaBar.parts.forEach((out, i) => {
      const part = this.#parts[i];
      if (!part) return;
      const bindings = { layers: part.layers, partial: part.runs, thetaBar: out };
      record.dispatchEach(kernel, { sizes: { COUNT: part.count }, bindings, turns: part.turns });
    });
  }

  /** Frees the runs. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
