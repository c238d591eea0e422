// deno-lint-ignore-file camelcase -- metadata and settings are spelled as in the files
/** Measure: what networks reach on real test images, before and after training on distilled data. */
import type { Dataset, Split } from "../sets/dataset.ts";
import { initialize } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { padded, parameterFloats, sizeOf } from "../layers/op.ts";
import type { Theta } from "../nets/theta.ts";
import type { DistilledData } from "../meta/distilled_data.ts";
import type { Initialization } from "../meta/initial_networks.ts";
import { type InnerSpec, stepImages } from "../meta/inner_spec.ts";
import { MEMORY_BUDGET } from "../meta/memory.ts";
import {
  type Accuracy,
  bytesPerNetwork,
  classify,
  fractionOf,
  hitsOf,
  pooled,
  summarize,
} from "./accuracy.ts";
import { type Attack, type AttackMeasures, relabel, summarizeAttack } from "./attack.ts";
import { Trainees } from "./trainees.ts";

/** Accuracy of the same networks before and after training. */
export interface Gain {
  /** Test accuracy of the initial networks. */
  before: Accuracy;
  /** Test accuracy after training on the distilled data. */
  after: Accuracy;
  /** What predicts, where it is not networks that trained as recorded; before, it is from the images at the start. */
  by?: "kernel regression" | "standard training";
  /** What the networks of each architecture reach, where there are several; the accuracies above are of all. */
  archs?: { arch: string; before: Accuracy; after: Accuracy }[];
  /** What an attack comes to, where there is one; the accuracies above are by the true labels. */
  attack?: Attack & {
    /** Measures of the initial networks. */
    before: AttackMeasures;
    /** Measures after training on the distilled data. */
    after: AttackMeasures;
  };
}

/** Numbers of test networks start here, so that none was trained on. */
const FIRST_TEST_NETWORK = 0x80000000;

/** Networks trained and tested at once, where memory allows: a GPU is busy only with many. */
const AT_ONCE = { software: 10, hardware: 50 };

/** Floats of parameters and activations up to which more are: work on small networks is mostly dispatches. */
const SMALL = 2 ** 14;

/** What networks are measured with. */
export interface Trial {
  readonly net: Net;
  readonly dataset: Dataset;
  /** How networks are drawn, where `theta0` is left out. */
  readonly how: Initialization;
  /** How many networks. */
  readonly networks: number;
  /** Initial networks, θ [networks, P] or more; drawn when left out. */
  readonly theta0?: Float32Array<ArrayBuffer> | undefined;
  /** Whether networks that diverged count with what they classify right; an error otherwise. */
  readonly mayDiverge?: boolean | undefined;
  /** Bytes that all of it may take; one network is trained and tested in any case. */
  readonly room?: number | undefined;
  /** Called with a line when something long begins. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Ends it early, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Distilled data, and how networks train on it. */
export interface Training {
  readonly data: DistilledData;
  readonly spec: InnerSpec;
}

/** Test accuracy before and after training on the data and, where there is one, what an attack does. */
export async function measureGain(trial: Trial, data: Training, attack?: Attack): Promise<Gain> {
  const { test, classes } = trial.dataset;
  const splits = attack ? [test, relabel(test, attack)] : [test];
  const measure = async (data?: Training) => {
    const [truth = [], modified = []] = await measureHits(trial, splits, data);
    const accuracy = summarize(truth.map(fractionOf));
    return { accuracy, ...(attack && summarizeAttack(test, classes, attack, { truth, modified })) };
  };
  const { networks, onProgress } = trial;
  const note = (line: string) => networks > 1 && onProgress?.(`${networks} networks ${line}`);
  note("before training");
  const { accuracy: before, ...attackBefore } = await measure();
  note("trained as recorded");
  const { accuracy: after, ...attackAfter } = await measure(data);
  if (!attack) return { before, after };
  const [first, last] = [attackBefore as AttackMeasures, attackAfter as AttackMeasures];
  return { before, after, attack: { ...attack, before: first, after: last } };
}

/** What `measureGain` measures, of the networks of all trials and, where these are several, of each. */
export async function measureGains(
  trials: readonly Trial[],
  labels: readonly string[],
  data: Training,
  attack?: Attack,
): Promise<Gain> {
  const gains: Gain[] = [];
  for (const trial of trials) gains.push(await measureGain(trial, data, attack));
  if (gains.length === 1) return gains[0]!;
  return {
    before: pooled(gains.map(({ before }) => before)),
    after: pooled(gains.map(({ after }) => after)),
    archs: gains.map(({ before, after }, i) => ({ arch: labels[i]!, before, after })),
  };
}

/** Test accuracy of the networks of a trial, trained on data before where it is given. */
export async function measureAccuracy(trial: Trial, training?: Training): Promise<Accuracy> {
  const [hits = []] = await measureHits(trial, [trial.dataset.test], training);
  return summarize(hits.map(fractionOf));
}

/** Which images of each split each network classifies right, trained on `data` where it is given. */
async function measureHits(
  { net, dataset, how, networks, theta0, mayDiverge, room = MEMORY_BUDGET, signal }: Trial,
  splits: readonly Split[],
  data?: Training,
): Promise<Uint8Array[][]> {
  const hits: Uint8Array[][] = splits.map(() => []);
  const each = bytesPerNetwork(net, data?.spec, dataset.test, dataset);
  const most = networksAtOnce(net, networks, data ? stepImages(data.spec) : 0);
  const atOnce = Math.max(1, Math.min(most, Math.floor(room / each.all)));
  const options = { room: room - atOnce * each.theta, signal };
  for (let first = 0; first < networks; first += atOnce) {
    const here = Math.min(atOnce, networks - first);
    using trainees = data && new Trainees(net, data.spec, here);
    using untrained = data ? undefined : net.theta(here);
    const theta = trainees?.theta ?? untrained!;
    if (theta0) theta.write(theta0.subarray(first * net.stride, (first + here) * net.stride));
    else drawHeldOut(net, theta, how, first);
    if (data) await trainees!.train(data.data, { seed: how.seed, signal });
    for (const [i, split] of splits.entries()) {
      const found = mayDiverge
        ? (await classify(net, theta, split, dataset, options)).hits
        : await hitsOf(net, theta, split, dataset, options);
      hits[i]!.push(...found);
    }
  }
  return hits;
}

/**
 * How many of `networks` are trained at once on `images` images where memory is not short: such that
 * each layer's parameters and activations fit a binding.
 */
export function networksAtOnce(net: Net, networks: number, images: number): number {
  const fit = networksThatFit(net, images);
  const floats = net.ops.map((op) => parameterFloats(op) + padded(images) * sizeOf(op.output));
  const small = Math.floor(SMALL / floats.reduce((a, b) => a + b));
  const most = Math.max(AT_ONCE[net.device.info.profile], small);
  return Math.max(1, Math.min(most, networks, fit));
}

/** How many networks' parameters of a layer, and activations for `images`, a binding holds. */
export function networksThatFit(net: Net, images = 0): number {
  const floats = net.ops.map((op) =>
    Math.max(parameterFloats(op), padded(images) * sizeOf(op.output))
  );
  const most = net.device.info.limits.maxStorageBufferBindingSize!;
  return Math.floor(most / (4 * Math.max(...floats)));
}

/** Fills θ with held-out networks number `first` and following, or with the known one. */
export function drawHeldOut(net: Net, theta: Theta, how: Initialization, first: number): void {
  drawNetworks(net, theta, how, how.init === "fixed" ? 0 : FIRST_TEST_NETWORK + first);
}

/** Fills θ with networks number `first` and following of a seed. */
export function drawNetworks(
  net: Net,
  theta: Theta,
  { method, param, seed }: Initialization,
  first: number,
): void {
  using draw = net.device.tensor([2], "draw").write(Uint32Array.of(seed, first));
  const record = net.device.record();
  initialize(record, net, theta, draw, { method, param });
  record.submit();
}
