/**
 * Loss: what the last layer's outputs z [R, K, N] are judged by, against labels y: [K, N] that all networks
 * share, or [R, K, N]. A loss is a kernel with three entry points, whose formulas are in its file, and a float64 twin.
 */
import mse from "../../kernels/mse.wgsl" with { type: "text" };
import sigmoidXent from "../../kernels/sigmoid_xent.wgsl" with { type: "text" };
import softmaxXent from "../../kernels/softmax_xent.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Source, type Tensor } from "../gpu/mod.ts";
import type { OracleLoss } from "../oracle/loss.ts";
import { mse as mseTwin } from "../oracle/mse.ts";
import { sigmoidXent as sigmoidTwin } from "../oracle/sigmoid_xent.ts";
import { softmaxXent as softmaxTwin } from "../oracle/softmax_xent.ts";
import { expectTurns, needed, type Span } from "./op.ts";

/** A kind of loss. */
export interface LossKind {
  /** Its kernel, with the entry points `forward`, `backward` and `tangent`. */
  readonly source: Source;
  /** The same loss in float64. */
  readonly twin: OracleLoss;
  /** Outputs that it takes, where it does not take any number. */
  readonly outputs?: number;
}

/** All losses: the name of each, its kernel and its twin. */
export const LOSSES: Readonly<Record<string, LossKind>> = {
  /** Cross-entropy against soft labels, of classes that exclude one another. */
  softmax_xent: {
    source: link("softmax_xent.wgsl", { "softmax_xent.wgsl": softmaxXent }),
    twin: softmaxTwin,
  },
  /** Cross-entropy of one logit against a label between 0 and 1. */
  sigmoid_xent: {
    source: link("sigmoid_xent.wgsl", { "sigmoid_xent.wgsl": sigmoidXent }),
    twin: sigmoidTwin,
    outputs: 1,
  },
  /** Half the mean squared distance. */
  mse: { source: link("mse.wgsl", { "mse.wgsl": mse }), twin: mseTwin },
};

/** Names of the losses. */
export const LOSS_NAMES: readonly string[] = Object.keys(LOSSES);

/** The tensors of a loss. Left out is what a pass does not read, or is not to write. */
export interface LossFrame extends Span {
  /** Images that are not padding. */
  readonly live: number;
  /** Images that the mean is taken over, where a batch runs in parts. */
  readonly total: number;
  /** Outputs of the last layer [R, K, N]. */
  readonly z: Tensor;
  /** ż [R, K, N]. */
  readonly zDot?: Tensor | undefined;
  /** Labels [K, N], the same for all networks, or [R, K, N]. */
  readonly y: Tensor;
  /** [R, N]: parts that sum to the mean loss of each network. */
  readonly loss?: Tensor | undefined;
  /** [R, N]: 1 where an image is right. */
  readonly hit?: Tensor | undefined;
  /** z̄ = ∂ℓ/∂z [R, K, N]. */
  readonly zBar?: Tensor | undefined;
  /** z̄˙ = ∂²ℓ/∂z² ż [R, K, N]. */
  readonly zBarDot?: Tensor | undefined;
  /** [R, K, N]: the tangent of ∂ℓ/∂y of each network. */
  readonly yBarDot?: Tensor | undefined;
  /** [R, N]: parts that sum to ⟨z̄, ż⟩ of each network. */
  readonly lossDot?: Tensor | undefined;
}

/** A loss of `outputs` numbers on the GPU. */
export class Loss {
  readonly #device: Device;
  readonly #kind: LossKind;
  readonly #outputs: number;

  /**
   * Makes the loss `name`, one of {@linkcode LOSS_NAMES}, for K = `outputs` numbers.
   *
   * @throws RangeError for an unknown loss, or a number of outputs that it does not take.
   */
  constructor(device: Device, readonly name: string, outputs: number) {
    const kind = Object.hasOwn(LOSSES, name) ? LOSSES[name] : undefined;
    if (!kind) {
      throw new RangeError(
        `Cannot use the loss ${name}: got an unknown loss, expected ${LOSS_NAMES.join(", ")}`,
      );
    }
    if (kind.outputs !== undefined && outputs !== kind.outputs) {
      throw new RangeError(
        `Cannot use the loss ${name}: got a network with ${outputs} outputs, expected ${kind.outputs}`,
      );
    }
    expectTurns(device, name, 5 * outputs, "use fewer classes");
    this.#device = device;
    this.#kind = kind;
    this.#outputs = outputs;
  }

  /** The loss in float64. */
  get twin(): OracleLoss {
    return this.#kind.twin;
  }

  /** Records the loss and the hits of each image. */
  forward(record: Recorder, frame: LossFrame): void {
    const { z, y, loss, hit } = frame;
    this.#run(record, frame, "forward", { z, y, loss: loss!, hit: hit! });
  }

  /** Records z̄, or with `tangent` z̄˙, ℓ˙ and, where there is room, ȳ˙. */
  backward(record: Recorder, frame: LossFrame, tangent: boolean): void {
    const { z, zDot, y, zBar, zBarDot, yBarDot, lossDot } = frame;
    if (!tangent) return this.#run(record, frame, "backward", { z, y, zBar: zBar! });
    const written = { zBarDot: zBarDot!, yBarDot: yBarDot ?? null, lossDot: lossDot! };
    this.#run(record, frame, "tangent", { z, zDot: zDot!, y, ...written }, { LABELS: +!!yBarDot });
  }

  #run(
    record: Recorder,
    { networks, images, live, total, z, y }: LossFrame,
    entry: string,
    bindings: Record<string, Tensor | null>,
    overrides: { LABELS: number } = { LABELS: 0 },
  ): void {
    const K = this.#outputs;
    needed(`${this.name} on z`, z, [networks, K, images]);
    const XR = y.size === networks * K * images ? networks : 1;
    needed(`${this.name} on y`, y, XR > 1 ? [XR, K, images] : [K, images]);
    const { workgroup: WG } = this.#device.profile;
    const kernel = this.#device.kernel(this.#kind.source, entry, { K, WG, ...overrides });
    const sizes = { R: networks, XR, N: images / 4, COUNT: total, LIVE: live };
    const groups = Math.ceil(networks * images / 4 / WG);
    record.dispatch(kernel, { sizes, bindings, turns: 4 * K }, [groups]);
  }
}
