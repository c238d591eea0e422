/**
 * Net: a chain of layers with a loss on top. For R networks at once it has one way forward and one way back, and
 * their tangents along θ̇; from these, the gradient of the loss, and its tangent (the Hessian-vector products).
 *
 * It holds no weights: θ is an argument everywhere.
 */
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import { Loss, type LossFrame } from "../layers/loss.ts";
import {
  type Frame,
  type Op,
  type Parameter,
  parameterFloats,
  type Planes,
  sizeOf,
} from "../layers/op.ts";
import { Theta } from "./theta.ts";
import { Tangents, Workspace, type WorkspaceOptions } from "./workspace.ts";

/** What networks are trained on. */
export interface Batch {
  /** Images [C, H, V, N], the same for all networks, or [R, C, H, V, N]. */
  readonly x: Tensor;
  /** Labels [K, N], or [R, K, N]. */
  readonly y: Tensor;
  /** Images that are not padding; as many as the workspace is for when left out. */
  readonly count?: number;
}

/** What `grad` reads and writes. */
export interface GradTensors extends Batch {
  /** The networks' parameters. */
  readonly theta: Theta;
  /** Out, where it is asked for: ∇θ ℓ. */
  readonly thetaBar?: Theta;
}

/** What `hvp` reads and writes. */
export interface HvpTensors extends Batch {
  /** The networks' parameters. */
  readonly theta: Theta;
  /** The direction θ̇ = u; the images stand still. */
  readonly thetaDot: Theta;
  /** Out: ∂²ℓ/∂θ² · u. */
  readonly thetaBarDot: Theta;
  /** Out: ∂²ℓ/∂x∂θ · u [R, C, H, V, N]. */
  readonly xBarDot: Tensor;
  /** Out: ∂²ℓ/∂y∂θ · u [R, K, N], where labels are learned. */
  readonly yBarDot?: Tensor;
}

/** What a pass over all layers runs on. */
interface Pass {
  readonly work: Workspace;
  readonly tangents?: Tangents;
  readonly tensors: Pick<HvpTensors, "theta" | "x"> & Partial<GradTensors & HvpTensors>;
}

/** A chain of layers that ends in the outputs that a loss judges. */
export class Net {
  /** What messages call it: the name of its architecture. */
  readonly name: string;
  /** Where it runs. */
  readonly device: Device;
  /** Its layers, from the images to the outputs. */
  readonly ops: readonly Op[];
  /** What judges its outputs. */
  readonly loss: Loss;
  /** Parameters, each `at` its place in a network's slice of [R, stride]. */
  readonly parameters: readonly Parameter[];
  /** Floats of one network: its parameters and the padding between them. */
  readonly stride: number;
  /** Extents of the images that it takes. */
  readonly input: Planes;
  /** K, outputs of the last layer. */
  readonly classes: number;
  /** Floats of a network's parameters in each layer, padding included. */
  readonly floats: readonly number[];

  /**
   * Chains `ops`, at least one, each of which takes what the one before it gives.
   *
   * @param loss one of `LOSS_NAMES`.
   * @throws RangeError for an unknown loss, or one that does not take the last layer's outputs.
   */
  constructor(device: Device, name: string, ops: readonly Op[], loss = "softmax_xent") {
    this.device = device;
    this.name = name;
    this.ops = ops;
    this.input = ops[0]!.input;
    this.classes = sizeOf(ops.at(-1)!.output);
    this.loss = new Loss(device, loss, this.classes);
    this.floats = ops.map(parameterFloats);
    let before = 0;
    this.parameters = ops.flatMap((op, l) => {
      const start = before;
      before += this.floats[l]!;
      return op.parameters.map((parameter) => ({ ...parameter, at: start + parameter.at }));
    });
    this.stride = before;
  }

  /** Parameters of one network, without padding. */
  get parameterCount(): number {
    return this.parameters.reduce((sum, p) => sum + p.shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Zeros of θ's shape for R networks. */
  theta(networks: number, label?: string): Theta {
    return new Theta(this.device, this.floats, networks, label);
  }

  /** Activations for `count` images and R networks. */
  workspace(networks: number, count: number, options: WorkspaceOptions): Workspace {
    return new Workspace(this, networks, count, options);
  }

  /** Room for `hvp` on such a workspace. */
  tangents(networks: number, count: number): Tangents {
    return new Tangents(this, networks, count);
  }

  /** Records the logits [R, K, N] of images x, which it leaves in the workspace. */
  logits(record: Recorder, work: Workspace, theta: Theta, x: Tensor): Tensor {
    this.#forward(record, { work, tensors: { theta, x } }, false);
    return work.logits;
  }

  /** Records the loss [R, N], parts that sum to the mean, and hits [R, N] of logits in the workspace. */
  judge(
    record: Recorder,
    work: Workspace,
    { y, count }: Omit<Batch, "x">,
  ): { loss: Tensor; hit: Tensor } {
    const { span, loss, hit, logits: z, total } = work;
    const live = count ?? work.count;
    this.loss.forward(record, { ...span, live, total, z, y, loss, hit });
    return { loss, hit };
  }

  /**
   * Records activations and cotangents of the loss ℓ(x, y, θ), left in the workspace, and, where it is asked
   * for, thetaBar = ∇θ ℓ.
   */
  grad(record: Recorder, work: Workspace, tensors: GradTensors): void {
    const pass = { work, tensors };
    this.#forward(record, pass, false);
    this.#backward(record, pass, false);
    if (tensors.thetaBar) work.sums!.finish(record, tensors.thetaBar);
  }

  /**
   * Records the tangent of `grad` along θ̇, forward over reverse, in a workspace as `grad` left it for the
   * same θ, x and y; returns lossDot [R, N], summing to ⟨∇θ ℓ, θ̇⟩.
   */
  hvp(record: Recorder, work: Workspace, tangents: Tangents, tensors: HvpTensors): Tensor {
    const pass = { work, tangents, tensors };
    this.#forward(record, pass, true);
    this.#backward(record, pass, true);
    work.sums!.finish(record, tensors.thetaBarDot);
    return tangents.lossDot;
  }

  #forward(record: Recorder, pass: Pass, tangent: boolean): void {
    this.ops.forEach((op, l) => op.forward(record, this.#frame(pass, l), tangent));
  }

  #backward(record: Recorder, pass: Pass, tangent: boolean): void {
    this.loss.backward(record, this.#lossFrame(pass), tangent);
    for (let l = this.ops.length - 1; l >= 0; l--) {
      this.ops[l]!.backward(record, this.#frame(pass, l), tangent);
    }
  }

  /** The tensors of layer l. */
  #frame({ work, tangents, tensors }: Pass, l: number): Frame {
    const isFirst = l === 0;
    return {
      ...work.span,
      x: isFirst ? tensors.x : work.y[l - 1]!,
      xDot: tangents?.yDot[l - 1],
      theta: tensors.theta.layers[l],
      thetaDot: tensors.thetaDot?.layers[l],
      y: work.y[l]!,
      yDot: tangents?.yDot[l],
      residual: work.residual[l],
      residualDot: tangents?.residualDot[l],
      yBar: work.yBar[l],
      yBarDot: tangents?.yBarDot[l],
      xBar: work.yBar[l - 1], // none for images
      xBarDot: isFirst ? tensors.xBarDot : tangents?.yBarDot[l - 1],
      thetaBar: tensors.thetaBar?.layers[l],
      thetaBarDot: tensors.thetaBarDot?.layers[l],
      runs: work.sums?.runs[l],
    };
  }

  #lossFrame({ work, tangents, tensors }: Pass): LossFrame {
    return {
      ...work.span,
      live: tensors.count ?? work.count,
      total: work.total,
      z: work.logits,
      zDot: tangents?.yDot.at(-1),
      y: tensors.y!,
      zBar: work.yBar.at(-1),
      zBarDot: tangents?.yBarDot.at(-1),
      yBarDot: tensors.yBarDot,
      lossDot: tangents?.lossDot,
    };
  }
}
