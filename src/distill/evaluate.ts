/** Evaluate: what networks reach on real test images, before and after training on distilled data. */
import type { Dataset } from "../data/dataset.ts";
import type { Device, Tensor } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import { importParameters } from "../nets/export.ts";
import { initialize, type InitMethod } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { padded, sizeOf } from "../ops/op.ts";
import { Workspace } from "../nets/workspace.ts";
import { type Accuracy, summarize, test, train } from "./accuracy.ts";
import { type Artifact, readArtifact } from "./artifact.ts";
import { Synthetic } from "./unroll.ts";
import { UsageError } from "./usage_error.ts";

/** Accuracy of the same networks before and after training. */
export interface Gain {
  /** Test accuracy of the initial networks. */
  before: Accuracy;
  /** Test accuracy after training on the distilled data. */
  after: Accuracy;
}

/** How initial networks are drawn. */
export interface Initialization {
  readonly init: "fixed" | "random";
  readonly method: InitMethod;
  readonly param: number;
  readonly seed: number;
}

/** Numbers of test networks start here, so that none was trained on. */
const FIRST_TEST_NETWORK = 0x80000000;

/** Networks trained and tested at once, where memory allows: a GPU is busy only with many. */
const AT_ONCE = { software: 10, hardware: 50 };

/** Networks that the paper tests on. */
const HELD_OUT = 200;

/** Bytes that evaluation takes at most unless it is told otherwise. */
const ROOM = 4 * 2 ** 30;

/** Images that are tested at once when memory is short. */
const FEW = 64;

/** Bytes for each network that is trained and tested: what it needs, and its activations in that. */
export function evaluationBytes(
  net: Net,
  perStep: number,
  tested: number,
): { all: number; activations: number } {
  const [training, testing] = [
    Workspace.bytes(net, 1, perStep, "grad"),
    Workspace.bytes(net, 1, FEW, "forward"),
  ];
  const activations = Math.max(training, testing);
  const thetas = 3 * 4 * net.stride; // before and after a step, and the gradient
  const batch = 8 * FEW * (sizeOf(net.input) + net.classes) + 8 * (tested + FEW);
  const span = { networks: 1, images: padded(perStep) };
  const scratch = net.scratchBytes(span);
  return { all: thetas + activations + batch + scratch, activations };
}

/**
 * Trains networks on an artifact exactly as recorded and tests them: the stored network for a fixed
 * initialisation, else `networks` fresh ones that the distillation never saw (default 200, as in the
 * paper).
 *
 * @param options `onProgress` is called with a line when something long begins.
 * @throws UsageError for several networks of a fixed initialisation, or data that does not fit.
 */
export async function evaluate(
  device: Device,
  dir: string,
  dataset: Dataset,
  options: { networks?: number; onProgress?: (line: string) => void } = {},
): Promise<Gain> {
  const { artifact, net, how } = await openArtifact(device, dir, dataset);
  using _net = net;
  const { metadata } = artifact;
  const { init } = how;
  const networks = options.networks ?? (init === "fixed" ? 1 : HELD_OUT);
  if (init === "fixed" && networks !== 1) {
    throw new UsageError(
      `Cannot evaluate ${dir} on ${networks} networks: it was distilled for one fixed network, ` +
        `expected --networks 1`,
    );
  }
  const [steps, epochs] = [Number(metadata.steps), Number(metadata.epochs)];
  const perStep = Number(metadata.per_step);
  using synthetic = new Synthetic(net, { steps, epochs, perStep, networks, labels: false });
  synthetic.images.write(artifact.images.data);
  synthetic.labels.write(artifact.labels.data);
  synthetic.lrs.write(artifact.lrs.data);
  const theta0 = init === "fixed" ? importParameters(net, artifact.init) : undefined;
  const measure = (data?: { synthetic: Synthetic; perStep: number }) =>
    measureAccuracy(net, dataset, how, networks, data, theta0);
  const note = (line: string) =>
    networks > 1 && options.onProgress?.(`${networks} networks ${line}`);
  note("before training");
  const before = await measure();
  note("trained as recorded");
  return { before, after: await measure({ synthetic, perStep }) };
}

/**
 * Reads an artifact and builds its network, the caller's to dispose of.
 *
 * @throws UsageError when the data set has other images or classes.
 */
export async function openArtifact(
  device: Device,
  dir: string,
  dataset: Dataset,
): Promise<{ artifact: Artifact; net: Net; how: Initialization }> {
  const artifact = await readArtifact(dir);
  const { metadata } = artifact;
  const { channels, height, width, classes } = dataset;
  expectImages(dir, artifact, [channels, height, width], classes);
  const net = buildNet(device, metadata.arch!, { channels, height, width }, classes);
  const init = metadata.init as Initialization["init"];
  const method = metadata.init_method as InitMethod;
  const how = { init, method, param: Number(metadata.init_param), seed: Number(metadata.seed) };
  return { artifact, net, how };
}

/**
 * Test accuracy of `networks` networks, trained on `data` before where it is given.
 *
 * @param theta0 the one network of a fixed initialisation, θ [P]; drawn when left out.
 * @param room bytes that all of it may take; one network is trained and tested in any case.
 */
export async function measureAccuracy(
  net: Net,
  dataset: Dataset,
  how: Initialization,
  networks: number,
  data?: { synthetic: Synthetic; perStep: number },
  theta0?: Float32Array<ArrayBuffer>,
  room = ROOM,
): Promise<Accuracy> {
  const accuracies: number[] = [];
  const each = evaluationBytes(net, data?.perStep ?? 0, dataset.test.count);
  const most = networksAtOnce(net, networks, data?.perStep ?? 0);
  const atOnce = Math.max(1, Math.min(most, Math.floor(room / each.all)));
  const forActivations = room - atOnce * (each.all - each.activations);
  for (let first = 0; first < networks; first += atOnce) {
    const here = Math.min(atOnce, networks - first);
    using theta = net.device.tensor([here, net.stride], "theta");
    if (theta0) theta.write(theta0);
    else drawHeldOut(net, theta, how, first);
    if (data) train(net, theta, data.synthetic, data.perStep);
    accuracies.push(...await test(net, theta, dataset.test, dataset, forActivations));
  }
  return summarize(accuracies);
}

/**
 * How many of `networks` are trained at once on `images` images where memory is not short: such that
 * their θ and each of their activations fit a binding.
 */
export function networksAtOnce(net: Net, networks: number, images: number): number {
  const { profile, limits } = net.device.info;
  const largest = Math.max(...net.ops.map((op) => sizeOf(op.output)));
  const floats = Math.max(net.stride, padded(images) * largest);
  const fit = Math.floor(limits.maxStorageBufferBindingSize! / (4 * floats));
  return Math.max(1, Math.min(AT_ONCE[profile], networks, fit));
}

/** Fills θ [R, P] with held-out networks number `first` and following, or with the known one. */
export function drawHeldOut(net: Net, theta: Tensor, how: Initialization, first: number): void {
  drawNetworks(net, theta, how, how.init === "fixed" ? 0 : FIRST_TEST_NETWORK + first);
}

/** Fills θ [R, P] with networks number `first` and following of a seed. */
export function drawNetworks(
  net: Net,
  theta: Tensor,
  { method, param, seed }: Initialization,
  first: number,
): void {
  using draw = net.device.tensor([2], "draw").write(Uint32Array.of(seed, first));
  const record = net.device.record();
  initialize(record, net, theta, draw, { method, param });
  record.submit();
}

function expectImages(dir: string, { images, labels }: Artifact, shape: number[], classes: number) {
  const got = [...images.shape.slice(1), labels.shape[1]];
  if (got.join() === [...shape, classes].join()) return;
  throw new UsageError(
    `Cannot evaluate ${dir}: got images and classes [${got.join(", ")}], expected those of the ` +
      `data set, [${[...shape, classes].join(", ")}]`,
  );
}
