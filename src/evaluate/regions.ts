/** Regions: what networks say of every place of the plane, trained on distilled or on real points. */
import { type Dataset, type Split } from "../sets/dataset.ts";
import type { Initialization } from "../meta/initial_networks.ts";
import type { Net } from "../nets/net.ts";
import type { Theta } from "../nets/theta.ts";
import { trainSettings } from "../recipe/train_settings.ts";
import { type Accuracy, classify, fractionOf, summarize } from "./accuracy.ts";
import { drawHeldOut, type Training } from "./measure.ts";
import { StandardTraining } from "./standard_training.ts";
import { Trainees } from "./trainees.ts";

/** What several networks say. */
export interface Regions {
  /** For each class the share of networks that say it, at [side, side] places, y first. */
  readonly votes: readonly Float32Array[];
  /** Test accuracy of the same networks. */
  readonly accuracy: Accuracy;
}

/** Where networks are asked: [side, side] places evenly over a stretch of the plane, in normalised units. */
export interface Places {
  /** Least and largest x, and y, in the units of the table. */
  readonly domain: readonly [readonly [number, number], readonly [number, number]];
  /** Places along either axis. */
  readonly side: number;
}

/** What networks are, how many of them there are, and what they are asked. */
export interface Survey {
  readonly net: Net;
  readonly dataset: Dataset;
  readonly how: Initialization;
  readonly networks: number;
  readonly places: Places;
}

/** How networks are trained on all real points, as Medvedev and D'yakonov's 2020 are. */
const ON_REAL = { epochs: 200, decayEpochs: 40, lr: 1e-3, batch: 64, augment: "none" } as const;

/** What fresh networks say that were trained on the real points. @throws Error where a loss is not finite. */
export async function regionsOfReal(survey: Survey): Promise<Regions> {
  const { net, dataset, how, networks } = survey;
  const batch = Math.min(ON_REAL.batch, dataset.train.count);
  const sizes = { networks, atOnce: networks, seed: how.seed, batch };
  // The net is given: which it is makes no difference to its training.
  const settings = trainSettings(dataset.name, { ...ON_REAL, ...sizes });
  using training = new StandardTraining(net, dataset, settings);
  using theta = net.theta(networks);
  drawHeldOut(net, theta, how, 0);
  await training.train(theta, 0);
  return await ask(theta, survey);
}

/** What fresh networks say that were trained on distilled points. */
export async function regionsOfDistilled(
  survey: Survey,
  { data, spec }: Training,
): Promise<Regions> {
  const { net, how, networks } = survey;
  using trainees = new Trainees(net, spec, networks);
  drawHeldOut(net, trainees.theta, how, 0);
  await trainees.train(data, { seed: how.seed });
  return await ask(trainees.theta, survey);
}

async function ask(theta: Theta, { net, dataset, places }: Survey): Promise<Regions> {
  const { test, classes } = dataset;
  const { hits } = await classify(net, theta, test, dataset);
  const grid = gridOf(places, dataset);
  const votes: Float32Array[] = [];
  for (let k = 0; k < classes; k++) {
    const split = { ...grid, labels: new Uint8Array(grid.count).fill(k) };
    const said = (await classify(net, theta, split, dataset)).hits; // as if all places were of class k
    votes.push(
      Float32Array.from(
        { length: grid.count },
        (_, i) => said.reduce((sum, each) => sum + each[i]!, 0) / said.length,
      ),
    );
  }
  return { votes, accuracy: summarize(hits.map(fractionOf)) };
}

/** The places as rows of the table, of no class. */
function gridOf({ domain, side }: Places, { mean, std }: Dataset): Split {
  const along = (axis: 0 | 1, i: number) => {
    const [low, high] = domain[axis];
    return (low + (high - low) * i / (side - 1) - mean[axis]!) / std[axis]!;
  };
  const count = side * side;
  const images = Float32Array.from({ length: 2 * count }, (_, i) => {
    const place = i >> 1;
    return i % 2 ? along(1, Math.floor(place / side)) : along(0, place % side);
  });
  return { images, labels: new Uint8Array(count), count };
}
