/** pack: image bytes to normalised [C, H, V, N] on the GPU; its formula is in pack.wgsl. */
import source from "../../kernels/pack.wgsl" with { type: "text" };
import type { Recorder, Tensor } from "../gpu/mod.ts";
import { type Planes, sizeOf } from "./op.ts";

/** x [C, H, V, images] = (bytes / 255 − mean) / std of `count` images; padding images are zero. */
export function pack(
  record: Recorder,
  t: { bytes: Tensor; scale: Tensor; x: Tensor },
  planes: Planes,
  count: number,
): void {
  const { device } = t.x;
  const { channels, height, width } = planes;
  const images = t.x.size / sizeOf(planes);
  const kernel = device.kernel("pack", source, "fwd", {
    C: channels,
    PLANE: height * width,
    N: images / 4,
    COUNT: count,
    WG: device.profile.workgroup,
  });
  record.dispatchEach(kernel, t, t.x.size / 4);
}
