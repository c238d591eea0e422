/** Evaluate: what networks reach on real test images, before and after training on distilled data. */
import { archFromText } from "../arch/schema.ts";
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

/** Networks trained and tested at once, where memory allows. */
const AT_ONCE = 10;

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
 * initialisation, else `networks` (default 20) fresh ones that the distillation never saw.
 *
 * @throws UsageError for several networks of a fixed initialisation, or data that does not fit.
 */
export async function evaluate(
  device: Device,
  dir: string,
  dataset: Dataset,
  options: { networks?: number } = {},
): Promise<Gain> {
  const artifact = await readArtifact(dir);
  const { metadata } = artifact;
  const { channels, height, width, classes } = dataset;
  expectImages(dir, artifact, [channels, height, width], classes);
  using net = buildNet(device, archFromText(metadata.arch!), { channels, height, width }, classes);
  const init = metadata.init as Initialization["init"];
  const networks = options.networks ?? (init === "fixed" ? 1 : 20);
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
  const method = metadata.init_method as InitMethod;
  const how = { init, method, param: Number(metadata.init_param), seed: Number(metadata.seed) };
  const theta0 = init === "fixed" ? importParameters(net, artifact.init) : undefined;
  const measure = (data?: { synthetic: Synthetic; perStep: number }) =>
    measureAccuracy(net, dataset, how, networks, data, theta0);
  return { before: await measure(), after: await measure({ synthetic, perStep }) };
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
  room = Infinity,
): Promise<Accuracy> {
  const accuracies: number[] = [];
  const each = evaluationBytes(net, data?.perStep ?? 0, dataset.test.count);
  const atOnce = Math.max(1, Math.min(AT_ONCE, networks, Math.floor(room / each.all)));
  const forActivations = room - atOnce * (each.all - each.activations);
  for (let first = 0; first < networks; first += atOnce) {
    const here = Math.min(atOnce, networks - first);
    using theta = net.device.tensor([here, net.stride], "theta");
    if (theta0) theta.write(theta0);
    else drawNetworks(net, theta, how, how.init === "fixed" ? 0 : FIRST_TEST_NETWORK + first);
    if (data) train(net, theta, data.synthetic, data.perStep);
    accuracies.push(...await test(net, theta, dataset.test, dataset, forActivations));
  }
  return summarize(accuracies);
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
