/** InitialNetworks: the networks that an iteration of the outer loop starts from. */
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { initialize, type InitMethod } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";

/** Where θ_0 of R networks comes from. */
export interface InitialNetworks extends Disposable {
  /** Whether it is the same networks in every iteration. */
  readonly isFixed: boolean;
  /** Makes the draws of iteration k and writes what is to be written into θ before the work is submitted. */
  draw(k: number, theta: Theta): void;
  /** Records what else fills θ. */
  record(record: Recorder, theta: Theta): void;
}

/** How networks are drawn. */
export interface Initialization {
  /** Whether it is one known network, or others each time. */
  readonly init: "fixed" | "random";
  /** The rule by which weights are drawn. */
  readonly method: InitMethod;
  /** Gain of `xavier_*` and `orthogonal`, standard deviation of `normal`; the others have none. */
  readonly param: number;
  /** What the draws depend on, an unsigned 32-bit integer. */
  readonly seed: number;
}

/** Networks drawn on the GPU: the first of the seed, or others in each iteration. */
export class DrawnNetworks implements InitialNetworks {
  /** Whether `init` is `fixed`. */
  readonly isFixed: boolean;
  readonly #net: Net;
  readonly #how: Initialization;
  readonly #number: Tensor;

  /** Prepares draws of `net`'s networks. */
  constructor(net: Net, how: Initialization) {
    this.#net = net;
    this.#how = how;
    this.isFixed = how.init === "fixed";
    this.#number = net.device.tensor([2], "draw");
  }

  /** Sets which networks iteration k gets: always the first of the seed, or new ones for each k. */
  draw(k: number, { networks }: Theta): void {
    this.#number.write(Uint32Array.of(this.#how.seed, this.isFixed ? 0 : k * networks));
  }

  /** Records the initialisation of θ. */
  record(record: Recorder, theta: Theta): void {
    initialize(record, this.#net, theta, this.#number, this.#how);
  }

  /** Frees what the draws are made with. */
  [Symbol.dispose](): void {
    this.#number[Symbol.dispose]();
  }
}

/** Networks that are known: always the same, or a choice of them in each iteration. */
export class GivenNetworks implements InitialNetworks {
  /**
   * Wraps the caller's networks.
   *
   * @param isFixed whether `choose` gives the same networks for every k.
   * @param choose θ [R, P] of iteration k, network by network.
   */
  constructor(
    readonly isFixed: boolean,
    private readonly choose: (k: number) => Float32Array<ArrayBuffer>,
  ) {}

  /** Writes the networks of iteration k into θ. @throws RangeError for θ of another length. */
  draw(k: number, theta: Theta): void {
    theta.write(this.choose(k));
  }

  /** Records nothing: `draw` has filled θ. */
  record(): void {}

  /** Frees nothing: the networks are the caller's. */
  [Symbol.dispose](): void {}
}
