/** softmax_xent: mean soft-label cross-entropy; its kernels and formulas are in softmax_xent.wgsl. */
import source from "../../kernels/softmax_xent.wgsl" with { type: "text" };
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import type { Span } from "./op.ts";

/** The loss of logits z [R, K, N] and labels y [K, N] that all networks share. */
export class SoftmaxXent {
  readonly #device: Device;
  readonly #classes: number;
  readonly #count: number;

  /** @param count images that the mean is taken over; padding images have labels of zero. */
  constructor(device: Device, classes: number, count: number) {
    this.#device = device;
    this.#classes = classes;
    this.#count = count;
  }

  /** loss [R, N], summing to the mean loss of each network, and hit [R, N]: 1 where it is right. */
  fwd(record: Recorder, span: Span, t: { z: Tensor; y: Tensor; loss: Tensor; hit: Tensor }): void {
    this.#run(record, span, "fwd", { z: t.z, y: t.y, out: t.loss, hit: t.hit });
  }

  /** z̄ [R, K, N]. */
  vjpZ(record: Recorder, span: Span, t: { z: Tensor; y: Tensor; zBar: Tensor }): void {
    this.#run(record, span, "vjpZ", { z: t.z, y: t.y, out: t.zBar });
  }

  /** ȳ [R, K, N]: a label's derivative for each network. */
  vjpY(record: Recorder, span: Span, t: { z: Tensor; yBar: Tensor }): void {
    this.#run(record, span, "vjpY", { z: t.z, out: t.yBar });
  }

  /** lossDot [R, N], summing to ⟨z̄, ż⟩ of each network, and z̄˙ [R, K, N]. */
  jvp(
    record: Recorder,
    span: Span,
    t: { z: Tensor; zDot: Tensor; y: Tensor; lossDot: Tensor; zBarDot: Tensor },
  ): void {
    const { z, zDot, y, lossDot, zBarDot } = t;
    this.#run(record, span, "jvp", { z, zDot, y, out: zBarDot, lossDot });
  }

  /** ȳ˙ [R, K, N]. */
  hvpY(record: Recorder, span: Span, t: { z: Tensor; zDot: Tensor; yBarDot: Tensor }): void {
    this.#run(record, span, "hvpY", { z: t.z, zDot: t.zDot, out: t.yBarDot });
  }

  #run(record: Recorder, { networks, images }: Span, entry: string, bindings: Bindings): void {
    const { workgroup } = this.#device.profile;
    const kernel = this.#device.kernel("softmax_xent", source, entry, {
      K: this.#classes,
      NETWORKS: networks,
      COUNT: this.#count,
      WG: workgroup,
    });
    record.dispatch(kernel, bindings, [Math.ceil(networks * images / 4 / workgroup)]);
  }
}
