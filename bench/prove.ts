/** Prove: the meta-gradient that is timed, against the float64 oracle at sizes that take it seconds. */
import { gradcheck, type GradcheckOptions } from "../src/run/gradcheck.ts";
import type { Device } from "../src/gpu/mod.ts";

const FEW = { steps: 1, epochs: 1, perClass: 1, batch: 4, networks: 1, seed: 2 };

/** @throws Error where a gradient is wrong. */
export async function prove(
  device: Device,
  options: Pick<GradcheckOptions, "arch"> & Partial<GradcheckOptions>,
): Promise<void> {
  const check = await gradcheck(device, { ...FEW, ...options });
  if (!check.passed) throw new Error(`The meta-gradient is wrong: ${JSON.stringify(check)}`);
}
