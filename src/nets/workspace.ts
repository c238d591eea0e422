/** Workspace: the activations of one net for a number of networks and images; frees itself. */
import type { Tensor } from "../gpu/mod.ts";
import { padded, type Span } from "../ops/op.ts";
import type { Net } from "./net.ts";

/** Activations and their tangents and cotangents, one tensor [R, C, H, V, N] for each op's output. */
export class Workspace implements Disposable {
  readonly span: Span;
  /** Images that the mean loss is taken over: more than are here when a batch runs in parts. */
  readonly total: number;
  readonly y: readonly Tensor[];
  readonly yBar: readonly Tensor[];
  readonly yDot: readonly Tensor[];
  readonly yBarDot: readonly Tensor[];
  /** [R, N]: parts of the loss, and 1 where an image is classified right. */
  readonly loss: Tensor;
  readonly hit: Tensor;

  constructor(
    net: Net,
    networks: number,
    count: number,
    { tangents = false, total = count }: { tangents?: boolean; total?: number },
  ) {
    const images = padded(count);
    this.span = { networks, images };
    this.total = total;
    const like = (label: string) =>
      net.ops.map(({ output }) => {
        const { channels, height, width } = output;
        return net.device.tensor([networks, channels, height, width, images], label);
      });
    this.y = like("y");
    this.yBar = like("yBar");
    this.yDot = tangents ? like("yDot") : [];
    this.yBarDot = tangents ? like("yBarDot") : [];
    this.loss = net.device.tensor([networks, images], "loss");
    this.hit = net.device.tensor([networks, images], "hit");
  }

  get logits(): Tensor {
    return this.y.at(-1)!;
  }

  /** What op `l` reads: the images for the first, else what the op before it wrote. */
  inputOf(l: number, x: Tensor): Tensor {
    return l > 0 ? this.y[l - 1]! : x;
  }

  [Symbol.dispose](): void {
    const kinds = [this.y, this.yBar, this.yDot, this.yBarDot, [this.loss, this.hit]];
    for (const tensor of kinds.flat()) tensor[Symbol.dispose]();
  }
}
