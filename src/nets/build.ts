/** Build: a net by the name that recipes give it. */
import type { Device } from "../gpu/mod.ts";
import type { Planes } from "../ops/op.ts";
import { lenet } from "./lenet.ts";
import type { Net } from "./net.ts";

type Builder = (device: Device, input: Planes, classes: number) => Net;

const NETS: Readonly<Record<string, Builder>> = { lenet };

/** Names of all nets. */
export const NET_NAMES: readonly string[] = Object.keys(NETS);

/** Builds a net for images of `input` and `classes`. @throws RangeError for an unknown name. */
export function buildNet(device: Device, arch: string, input: Planes, classes: number): Net {
  const build = NETS[arch];
  if (!build) {
    throw new RangeError(
      `Cannot build ${arch}: got an unknown arch, expected ${NET_NAMES.join(", ")}`,
    );
  }
  return build(device, input, classes);
}
