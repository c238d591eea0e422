/** Bindable: whether an adapter binds each layer of a net, and the distilled images, asked before anything is written. */
import { padded, parameterFloats, sizeOf } from "../layers/op.ts";
import type { Space } from "../meta/distilled_data.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import type { Net } from "../nets/net.ts";
import { formatBytes } from "../base/bytes.ts";
import { UsageError } from "../base/usage_error.ts";

/**
 * @param setting what says how many `networks` train side by side.
 * @throws UsageError for a layer whose parameters of all networks are more than a binding holds.
 */
export function expectBindable(net: Net, networks: number, setting: string): void {
  const most = net.device.info.limits.maxStorageBufferBindingSize!;
  for (const op of net.ops) {
    const each = 4 * parameterFloats(op);
    if (networks * each <= most) continue;
    const fit = Math.floor(most / each);
    throw new UsageError(
      `Cannot run layer ${op.parameters[0]!.name} of ${networks} network${
        networks > 1 ? "s" : ""
      }: got ` +
        `${formatBytes(networks * each)} of parameters, expected at most ${
          formatBytes(most)
        } on this ` +
        `adapter; ${fit > 0 ? `lower ${setting} to ${fit}` : "make the layer smaller"}`,
    );
  }
}

/**
 * @throws UsageError for distilled images that are more than a binding holds.
 */
export function expectImagesBindable(
  { device, input }: Space,
  { blocks, perBlock }: Pick<InnerSpec, "blocks" | "perBlock">,
): void {
  const most = device.info.limits.maxStorageBufferBindingSize!;
  const bytes = 4 * blocks * padded(perBlock) * sizeOf(input);
  if (bytes <= most) return;
  throw new UsageError(
    `Cannot learn ${blocks * perBlock} distilled images: got ${
      formatBytes(bytes)
    }, expected at most ` +
      `${formatBytes(most)} on this adapter; lower ${
        blocks > 1 ? "steps, per_class" : "per_class"
      } or ` +
      `resize`,
  );
}
