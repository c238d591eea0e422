/** Workspace: the activations of one net for a number of networks and images; frees itself. */
import type { Tensor } from "../gpu/mod.ts";
import { padded, sizeOf, type Span } from "../ops/op.ts";
import type { Net } from "./net.ts";

/** What a workspace is for. */
export interface WorkspaceOptions {
  /** Which passes it must hold activations for: each includes those before it. */
  readonly passes: "forward" | "grad" | "hvp";
  /** Images that the mean loss is taken over, where a batch runs in parts; else those given. */
  readonly total?: number;
}

const KINDS = { forward: 1, grad: 2, hvp: 4 };

/** Activations and their tangents and cotangents, one tensor [R, C, H, V, N] for each op's output. */
export class Workspace implements Disposable {
  readonly span: Span;
  readonly total: number;
  readonly y: readonly Tensor[];
  readonly yBar: readonly Tensor[];
  readonly yDot: readonly Tensor[];
  readonly yBarDot: readonly Tensor[];
  /** [R, N]: parts of the loss, and 1 where an image is classified right. */
  readonly loss: Tensor;
  readonly hit: Tensor;
  readonly #owned: DisposableStack;

  constructor(net: Net, networks: number, count: number, options: WorkspaceOptions) {
    const { passes, total = count } = options;
    const images = padded(count);
    using owned = new DisposableStack();
    const own = (shape: number[], label: string) => owned.use(net.device.tensor(shape, label));
    const like = (label: string) =>
      net.ops.map(({ output }) => {
        const { channels, height, width } = output;
        return own([networks, channels, height, width, images], label);
      });
    this.span = { networks, images };
    this.total = total;
    this.y = like("y");
    this.yBar = passes !== "forward" ? like("yBar") : [];
    this.yDot = passes === "hvp" ? like("yDot") : [];
    this.yBarDot = passes === "hvp" ? like("yBarDot") : [];
    this.loss = own([networks, images], "loss");
    this.hit = own([networks, images], "hit");
    this.#owned = owned.move();
  }

  /** Bytes that one image of one network takes, about. */
  static bytesPerImage(net: Net, passes: WorkspaceOptions["passes"]): number {
    return 4 * KINDS[passes] * net.ops.reduce((sum, { output }) => sum + sizeOf(output), 0);
  }

  get logits(): Tensor {
    return this.y.at(-1)!;
  }

  /** What op `l` reads: the images for the first, else what the op before it wrote. */
  inputOf(l: number, x: Tensor): Tensor {
    return l > 0 ? this.y[l - 1]! : x;
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
