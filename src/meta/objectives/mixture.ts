/**
 * Mixture: the mean of several objectives of the same distilled data: the loss after training, of networks of each
 * architecture that the data are to suit (Medvedev and D'yakonov 2020).
 */
import type { FloatTensor } from "../../base/safetensors.ts";
import type { Recorder, Tensor } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import { meanOfNetworks } from "../../ops/network_sums.ts";
import { mean } from "../../ops/vector.ts";
import type { Blocks } from "../blocks.ts";
import { DistilledData } from "../distilled_data.ts";
import type { InnerSpec } from "../inner_spec.ts";
import type { InitialNetworks } from "../initial_networks.ts";
import type { Draw, Objective } from "./objective.ts";
import { Unrolled, type UnrolledOptions } from "./unrolled.ts";

/**
 * The loss after training, of networks of one architecture or, in equal parts, of several.
 *
 * @param initials the networks that start, of each net; they are disposed of with the objective.
 */
export function unrolledOf(
  nets: readonly Net[],
  initials: readonly InitialNetworks[],
  options: UnrolledOptions,
): Objective {
  using owned = new DisposableStack();
  const parts = nets.map((net, i) => owned.use(new Unrolled(net, initials[i]!, options)));
  const all = parts.length === 1 ? parts[0]! : new Mixture(nets[0]!, options.spec, parts);
  owned.move(); // to the objective, which frees them
  return all;
}

/** Means of the losses and the gradients of other objectives, in their order. */
export class Mixture implements Objective {
  /** Out: L, one number. */
  readonly loss: Tensor;
  /** Out: the gradient of L in the distilled data. */
  readonly gradient: DistilledData;
  readonly #parts: readonly Objective[];
  /** The losses of the parts, one after the other, and so their gradients. */
  readonly #losses: Tensor;
  readonly #gradients: readonly {
    readonly all: Tensor;
    readonly of: (data: DistilledData) => Blocks;
  }[];
  readonly #owned: DisposableStack;

  /**
   * @param net any network that takes the data.
   * @param parts two or more; they are disposed of with the mixture.
   */
  constructor(net: Net, spec: InnerSpec, parts: readonly Objective[]) {
    using owned = new DisposableStack();
    const own = (words: number) => owned.use(net.device.tensor([words], "tangents"));
    this.#parts = parts.map((part) => owned.use(part));
    this.loss = own(1);
    this.#losses = own(parts.length);
    this.gradient = owned.use(new DistilledData(net, spec));
    this.#gradients = ARRAYS.map((of) => ({
      of,
      all: own(parts.length * of(this.gradient).all.size),
    }));
    this.#owned = owned.move();
  }

  /** Makes the draws of iteration k for every part. */
  draw(k: number): Draw {
    const draws = this.#parts.map((part) => part.draw(k));
    return {
      key: draws.map(({ key }) => key).join("; "),
      record: (record, data) => {
        for (const draw of draws) draw.record(record, data);
        this.#mean(record);
      },
    };
  }

  #mean(record: Recorder): void {
    const count = this.#parts.length;
    this.#parts.forEach(({ loss, gradient }, i) => {
      record.copy(loss, this.#losses, i);
      for (const { all, of } of this.#gradients) {
        record.copy(of(gradient).all, all, i * of(gradient).all.size);
      }
    });
    mean(record, { a: this.#losses, out: this.loss }, 1 / count);
    for (const { all, of } of this.#gradients) {
      const out = of(this.gradient).all;
      const whole = { blocks: 1, length: out.size, from: all.size, to: out.size };
      meanOfNetworks(record, { a: all, out }, count, whole);
    }
  }

  /** What every part keeps, under its number. */
  async save(): Promise<Record<string, FloatTensor>> {
    const saved: Record<string, FloatTensor> = {};
    for (const [i, part] of this.#parts.entries()) {
      for (const [name, tensor] of Object.entries(await part.save())) {
        saved[`${i}/${name}`] = tensor;
      }
    }
    return saved;
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Readonly<Record<string, FloatTensor>>): void {
    this.#parts.forEach((part, i) => {
      const own = Object.entries(tensors).filter(([name]) => name.startsWith(`${i}/`));
      part.restore(
        Object.fromEntries(own.map(([name, tensor]) => [name.slice(`${i}/`.length), tensor])),
      );
    });
  }

  /** Frees everything, the parts included. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

const ARRAYS = [
  ({ images }: DistilledData) => images,
  ({ labels }: DistilledData) => labels,
  ({ lrs }: DistilledData) => lrs,
  ({ momentum }: DistilledData) => momentum,
];
