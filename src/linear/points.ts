/** Points: M distilled points of the linear case, and the one step that a network takes on them. */
import { DistilledData } from "../meta/distilled_data.ts";
import type { Initialization } from "../meta/initial_networks.ts";
import { NO_ADAM } from "../meta/optimizers/optimizer.ts";
import type { UnrollSpec } from "../meta/unroll.ts";
import { buildNet } from "../nets/build.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import type { Device } from "../gpu/mod.ts";
import { drawHeldOut } from "../evaluate/measure.ts";
import { Trainees } from "../evaluate/trainees.ts";

/** M distilled points and the rate of the step, η. */
export interface Points {
  /** M. */
  readonly count: number;
  /** d̃ [M, D], flat. */
  readonly inputs: readonly number[];
  /** t̃ [M]. */
  readonly targets: readonly number[];
  /** η̃. */
  readonly rate: number;
}

/** The model x → ⟨θ, x⟩ for x of D numbers, with the loss ‖dθ − t‖²/2N. */
export function linearNet(device: Device, dims: number): Net {
  const input = { channels: dims, height: 1, width: 1 };
  return buildNet(device, [{ dense: { outputs: 1, bias: false } }], input, 1, "mse");
}

/** How θ₀ is drawn: N(0, 1) in each coordinate. */
export function initialization(seed: number): Initialization {
  return { init: "random", method: "normal", param: 1, seed };
}

/** One step of gradient descent on `points` points, differentiated in all that is learned. */
export function oneStep(points: number, networks: number): UnrollSpec {
  return {
    networks,
    blocks: 1,
    perBlock: points,
    total: 1,
    window: 1,
    innerBatch: 0,
    optimizer: "gd",
    rates: "one",
    labels: "numbers",
    learnMomentum: false,
    ...NO_ADAM,
  };
}

/** Held-out networks θ₀ and where a step on `points` takes each, θ₁; none of them was trained with. */
export async function heldOut(
  net: Net,
  { points, networks, seed }: { points: Points; networks: number; seed: number },
): Promise<{ before: number[][]; after: number[][] }> {
  const spec = oneStep(points.count, networks);
  using data = new DistilledData(net, spec);
  data.images.write(points.inputs);
  data.labels.write(points.targets);
  data.lrs.write([points.rate]);
  using trainees = new Trainees(net, spec, networks);
  drawHeldOut(net, trainees.theta, initialization(seed), 0);
  const before = await parametersOf(net, trainees.theta);
  await trainees.train(data, { seed });
  return { before, after: await parametersOf(net, trainees.theta) };
}

/** θ of each network, without padding. */
async function parametersOf(net: Net, theta: Theta): Promise<number[][]> {
  const words = await theta.read();
  return Array.from({ length: theta.networks }, (_, r) => {
    const at = r * theta.stride;
    return Array.from(words.subarray(at, at + net.input.channels));
  });
}
