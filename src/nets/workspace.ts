/** Workspace and Tangents: the activations of one net for a number of networks and images. */
import type { Tensor } from "../gpu/mod.ts";
import { padded, sizeOf, type Span } from "../ops/op.ts";
import type { Net } from "./net.ts";

/** What a workspace is for. */
export interface WorkspaceOptions {
  /** Which passes it must hold activations for: `grad` includes `forward`. */
  readonly passes: "forward" | "grad";
  /** Images that the mean loss is taken over, where a batch runs in parts; else those given. */
  readonly total?: number;
}

/** Activations and their cotangents, one tensor [R, C, H, V, N] for each op's output. */
export class Workspace implements Disposable {
  readonly span: Span;
  readonly total: number;
  readonly y: readonly Tensor[];
  readonly yBar: readonly Tensor[];
  /** What each op saves for its other passes, where it does. */
  readonly saved: readonly (Tensor | undefined)[];
  /** [R, N]: parts of the loss, and 1 where an image is classified right. */
  readonly loss: Tensor;
  readonly hit: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, networks: number, count: number, options: WorkspaceOptions) {
    const { passes, total = count } = options;
    using owned = new DisposableStack();
    this.span = { networks, images: padded(count) };
    this.total = total;
    this.y = outputs(net, this.span, owned, "y");
    this.yBar = passes === "grad" ? outputs(net, this.span, owned, "yBar") : [];
    this.saved = net.ops.map((op) => {
      const words = op.savedWords?.(this.span) ?? 0;
      return words > 0 ? owned.use(net.device.tensor([words], "saved")) : undefined;
    });
    this.loss = owned.use(net.device.tensor([networks, padded(count)], "loss"));
    this.hit = owned.use(net.device.tensor([networks, padded(count)], "hit"));
    this.#owned = owned.move();
  }

  /** Bytes of a workspace, all networks and images counted. */
  static bytes(net: Net, networks: number, count: number, passes: "forward" | "grad"): number {
    const each = activations(net) * (passes === "grad" ? 2 : 1) + 2;
    const span = { networks, images: padded(count) };
    const saved = net.ops.map((op) => 4 * padded(op.savedWords?.(span) ?? 0)); // whole vec4s
    return 4 * networks * padded(count) * each + saved.reduce((a, b) => a + b, 0);
  }

  get logits(): Tensor {
    return this.y.at(-1)!;
  }

  /** What op `l` reads: the images for the first, else what the op before it wrote. */
  inputOf(l: number, x: Tensor): Tensor {
    return l > 0 ? this.y[l - 1]! : x;
  }

  /** `saved` of op `l`, to spread among a pass's tensors. */
  savedOf(l: number): { saved?: Tensor } {
    const saved = this.saved[l];
    return saved ? { saved } : {};
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

/** Tangents of the activations and cotangents of a workspace of the same size. */
export class Tangents implements Disposable {
  readonly yDot: readonly Tensor[];
  readonly yBarDot: readonly Tensor[];
  /** [R, N]: summing to the tangent of the loss. */
  readonly lossDot: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, networks: number, count: number) {
    using owned = new DisposableStack();
    const span = { networks, images: padded(count) };
    this.yDot = outputs(net, span, owned, "yDot");
    this.yBarDot = outputs(net, span, owned, "yBarDot");
    this.lossDot = owned.use(net.device.tensor([networks, padded(count)], "lossDot"));
    this.#owned = owned.move();
  }

  /** Bytes of the tangents, all networks and images counted. */
  static bytes(net: Net, networks: number, count: number): number {
    return 4 * networks * padded(count) * (2 * activations(net) + 1);
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}

function activations(net: Net): number {
  return net.ops.reduce((sum, { output }) => sum + sizeOf(output), 0);
}

function outputs(net: Net, { networks, images }: Span, owned: DisposableStack, label: string) {
  return net.ops.map(({ output: { channels, height, width } }) =>
    owned.use(net.device.tensor([networks, channels, height, width, images], label))
  );
}
