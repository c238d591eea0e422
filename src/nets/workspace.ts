/** Workspace and Tangents: the activations of one net for a number of networks and images. */
import type { Tensor } from "../gpu/mod.ts";
import { padded, type Span } from "../layers/op.ts";
import type { Net } from "./net.ts";
import { SplitSums } from "./split_sums.ts";

/** What a workspace is for. */
export interface WorkspaceOptions {
  /** Which passes it must hold activations for: `grad` includes `forward`. */
  readonly passes: "forward" | "grad";
  /** Images that the mean loss is taken over, where a batch runs in parts; else those given. */
  readonly total?: number;
  /** Room for split sums of the same span, where several workspaces share it. */
  readonly sums?: SplitSums;
  /** What `Device.count` calls its bytes. */
  readonly label?: string;
}

/** Activations and their cotangents, one tensor [R, C, H, V, N] for each layer's output. */
export class Workspace implements Disposable {
  /** Networks, and images with padding. */
  readonly span: Span;
  /** Images without padding. */
  readonly count: number;
  /** Images that the mean loss is taken over. */
  readonly total: number;
  /** y [R, C, H, V, N] of each layer. */
  readonly y: readonly Tensor[];
  /** ȳ [R, C, H, V, N] of each layer; none in a workspace for `forward` alone. */
  readonly yBar: readonly Tensor[];
  /** What each layer leaves for its other passes, where it does. */
  readonly residual: readonly (Tensor | undefined)[];
  /** Room for split sums; none in a workspace for `forward` alone. */
  readonly sums: SplitSums | undefined;
  /** [R, N]: parts that sum to the mean loss of each network. */
  readonly loss: Tensor;
  /** [R, N]: 1 where an image is classified right. */
  readonly hit: Tensor;
  readonly #owned: DisposableStack;

  /** Allocates room for `count` images, padded, and R = `networks`. */
  constructor(net: Net, networks: number, count: number, options: WorkspaceOptions) {
    const { passes, total = count, sums, label = "activations" } = options;
    using owned = new DisposableStack();
    const own = (shape: readonly number[]) => owned.use(net.device.tensor(shape, label));
    const span = this.span = { networks, images: padded(count) };
    this.count = count;
    this.total = total;
    this.y = outputsOf(net, span).map(own);
    this.yBar = passes === "grad" ? outputsOf(net, span).map(own) : [];
    this.residual = net.ops.map((op) => {
      const words = op.residual?.(span).words ?? 0;
      return words > 0 ? own([words]) : undefined;
    });
    if (passes === "grad") this.sums = sums ?? owned.use(new SplitSums(net.device, net.ops, span));
    this.loss = own([networks, padded(count)]);
    this.hit = own([networks, padded(count)]);
    this.#owned = owned.move();
  }

  /** The last layer's outputs [R, K, N]. */
  get logits(): Tensor {
    return this.y.at(-1)!;
  }

  /** Frees the activations, and the split sums unless they were given. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Tangents of the activations and cotangents of a workspace of the same size. */
export class Tangents implements Disposable {
  /** ẏ [R, C, H, V, N] of each layer. */
  readonly yDot: readonly Tensor[];
  /** ȳ˙ [R, C, H, V, N] of each layer. */
  readonly yBarDot: readonly Tensor[];
  /** Tangents of the residuals, of layers that have them. */
  readonly residualDot: readonly (Tensor | undefined)[];
  /** [R, N]: summing to the tangent of the loss. */
  readonly lossDot: Tensor;
  readonly #owned: DisposableStack;

  /** Allocates room for `count` images, padded, and R = `networks`. */
  constructor(net: Net, networks: number, count: number) {
    using owned = new DisposableStack();
    const own = (shape: readonly number[]) => owned.use(net.device.tensor(shape, "tangents"));
    const span = { networks, images: padded(count) };
    this.yDot = outputsOf(net, span).map(own);
    this.yBarDot = outputsOf(net, span).map(own);
    this.residualDot = net.ops.map((op) => {
      const words = op.residual?.(span).dot ?? 0;
      return words > 0 ? own([words]) : undefined;
    });
    this.lossDot = own([networks, padded(count)]);
    this.#owned = owned.move();
  }

  /** Frees the tangents. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function outputsOf(net: Net, { networks, images }: Span): number[][] {
  return net.ops.map(({ output: { channels, height, width } }) => {
    return [networks, channels, height, width, images];
  });
}
