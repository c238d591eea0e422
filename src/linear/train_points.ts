/** Train points: M distilled points found by the meta-gradient of one step, from networks drawn anew each iteration. */
import { Blocks } from "../meta/blocks.ts";
import { DrawnNetworks } from "../meta/initial_networks.ts";
import { Learned } from "../meta/learned.ts";
import { drawNormal } from "../meta/noise.ts";
import { Unroll } from "../meta/unroll.ts";
import type { Net } from "../nets/net.ts";
import { initialization, oneStep, type Points } from "./points.ts";
import type { LinearProblem } from "./problem.ts";

/** R, networks of an iteration. */
const NETWORKS = 64;

/** Adam's constants; its rate falls from this to 0 as a half cosine. */
const ADAM = { rate: 0.2, beta1: 0.9, beta2: 0.99 };

/** The stream of the seed that x̃ starts from, that of distilled images. */
const IMAGES = 100;

/** How points are found. */
export interface TrainPointsOptions {
  /** M. */
  readonly count: number;
  /** Iterations of the outer loop. */
  readonly iterations: number;
  /** Seed of everything drawn, an unsigned 32-bit integer. */
  readonly seed: number;
}

/**
 * Finds M points and a rate, after one step on which networks do best on all rows. x̃ starts from N(0, 1), t̃ from 0
 * and η from M/2D, where the largest eigenvalue of (η/M) d̃ᵀd̃ lies between ½ and about 2.
 */
export async function trainPoints(
  net: Net,
  { rows, dims, inputs, targets }: LinearProblem,
  { count, iterations, seed }: TrainPointsOptions,
): Promise<Points> {
  const { device } = net;
  const spec = oneStep(count, NETWORKS);
  using unroll = new Unroll(net, spec, { part: rows, total: rows });
  using networks = new DrawnNetworks(net, initialization(seed));
  using learned = new Learned(net, spec);
  using x = new Blocks(device, "real images", 1, dims, rows);
  using y = new Blocks(device, "real labels", 1, 1, rows);
  x.write(inputs);
  y.write(targets);
  const images = await drawNormal(device, seed, IMAGES, count * dims);
  const labels = new Float32Array(count);
  learned.initialize({ images, labels, rate: count / (2 * dims), momentum: 0 });

  const { data } = learned;
  const iteration = device.record();
  learned.derive(iteration);
  networks.record(iteration, unroll.start.theta);
  unroll.metaGradient(iteration, data, [{ x: x.each[0]!, y: y.each[0]! }]);
  learned.step(iteration, unroll.gradient, 0);

  for (let k = 0; k < iterations; k++) {
    networks.draw(k, unroll.start.theta);
    const rate = ADAM.rate / 2 * (1 + Math.cos(Math.PI * k / iterations));
    learned.set({ ...ADAM, t: k + 1, rate });
    await iteration.run();
  }
  const last = device.record();
  learned.derive(last);
  last.submit();
  return {
    count,
    inputs: Array.from(await data.images.read()),
    targets: Array.from(await data.labels.read()),
    rate: (await data.lrs.read())[0]!,
  };
}
