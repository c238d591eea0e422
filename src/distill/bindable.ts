/** Bindable: whether an adapter binds the parameters of a net, asked before anything is written. */
import type { InitMethod } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { isParametric, parameterFloats } from "../ops/op.ts";
import { formatBytes } from "./bytes.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Where θ is more than a binding holds, networks train one at a time and every op binds a window of it
 * (see ops/theta_window.ts).
 *
 * @param setting what says how many `networks` train side by side.
 * @throws UsageError when that does not do: for several networks, or a layer that is too large.
 */
export function expectBindable(
  net: Net,
  networks: number,
  setting: string,
  method: InitMethod,
): void {
  const most = net.device.info.limits.maxStorageBufferBindingSize!;
  const each = 4 * net.stride;
  if (networks * each <= most) return;
  const refuse = (what: string, bytes: number, expected: number, remedy: string) => {
    throw new UsageError(
      `Cannot run ${what}: got ${formatBytes(bytes)} of parameters, expected at most ` +
        `${formatBytes(expected)} on this adapter; ${remedy}`,
    );
  };
  if (networks > 1) {
    const fit = Math.max(1, Math.floor(most / each));
    refuse(
      `${networks} networks side by side`,
      networks * each,
      most,
      `lower ${setting} to ${fit}`,
    );
  }
  for (const op of net.ops.filter(isParametric)) {
    const [first] = op.parameters;
    const whole = method === "orthogonal"; // its vectors are taken from one binding
    const bindings = whole ? 1 : op.bindings ?? 1;
    const remedy = whole ? "set another init_method" : "make the layer smaller";
    const bytes = 4 * parameterFloats(op);
    if (bytes > bindings * most) refuse(`layer ${first!.name}`, bytes, bindings * most, remedy);
  }
}
