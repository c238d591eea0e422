/**
 * OuterLoop: the tensors of a run, and one iteration of it: a real batch, R initial networks, the
 * meta-gradient and Adam's step, recorded in one command buffer and submitted.
 */
import { Batches } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Device, Recorder, Tensor } from "../gpu/mod.ts";
import { buildNet } from "../nets/build.ts";
import { exportParameters } from "../nets/export.ts";
import { initialize } from "../nets/init.ts";
import type { Net } from "../nets/net.ts";
import { type Accuracy, bytesPerNetwork } from "./accuracy.ts";
import { cropFlip } from "./augment.ts";
import { expectBindable } from "./bindable.ts";
import { type Artifact, metadataOf } from "./artifact.ts";
import { type Attack, attackOf, relabel } from "./attack.ts";
import {
  drawNetworks,
  type Gain,
  type Initialization,
  measureAccuracy,
  measureGain,
  type Recorded,
  type Trial,
} from "./evaluate.ts";
import { MetaParameters } from "./meta_parameters.ts";
import { type MemoryPlan, planMemory } from "./memory.ts";
import type { NetworkFile } from "./network_file.ts";
import { Pretrained } from "./pretrained.ts";
import { partOf, RealBatch, ResidentSplit } from "./real.ts";
import type { Recipe } from "./recipe.ts";
import { Unroll, type UnrollSpec } from "./unroll.ts";

/** Adam's rate at iteration k (from 0). */
export function rateAt(recipe: Recipe, k: number): number {
  const { lr, schedule, decay_every, decay_factor, iterations } = recipe;
  if (schedule === "step") return lr * decay_factor ** Math.floor(k / decay_every);
  if (schedule === "cosine") return lr / 2 * (1 + Math.cos(Math.PI * k / iterations));
  return lr;
}

/** Bytes of GPU memory that a run may take unless it is told otherwise. */
const MEMORY_BUDGET = 4 * 2 ** 30;

/** What a recipe learns on the GPU. */
export class OuterLoop implements Disposable {
  readonly meta: MetaParameters;
  /** What the GPU's memory is spent on. */
  readonly plan: MemoryPlan;
  readonly #recipe: Recipe;
  readonly #dataset: Dataset;
  readonly #net: Net;
  readonly #how: Initialization;
  readonly #spec: UnrollSpec;
  readonly #unroll: Unroll;
  readonly #real: RealBatch;
  readonly #batches: Batches;
  readonly #draw: Tensor;
  readonly #attack: Attack | undefined;
  readonly #file: NetworkFile | undefined;
  readonly #pretrained: Pretrained | undefined;
  /** Bytes that testing networks may take. */
  readonly #room: number;
  /** An iteration, resolved at the first and submitted again at each. */
  #iteration: Recorder | undefined;
  readonly #owned: DisposableStack;

  /**
   * @param file trained networks to start from, for a recipe with `pretrained`.
   * @throws UsageError when the run does not fit into `memoryBudget` bytes, or the file has too few.
   */
  constructor(
    device: Device,
    recipe: Recipe,
    dataset: Dataset,
    memoryBudget = MEMORY_BUDGET,
    file?: NetworkFile,
  ) {
    const { steps, epochs, networks, batch, seed, init } = recipe;
    const { channels, height, width, classes } = dataset;
    using owned = new DisposableStack();
    const perStep = recipe.per_class * classes;
    this.#recipe = recipe;
    this.#dataset = dataset;
    this.#how = { init, method: recipe.init_method, param: recipe.init_param, seed };
    this.#spec = { steps, epochs, perStep, networks, labels: recipe.soft_labels };
    this.#batches = new Batches(dataset.train, batch, seed);
    const net = buildNet(device, recipe.arch, { channels, height, width }, classes);
    const most = partOf(net, networks, batch, "grad");
    expectBindable(net, networks, "networks");
    this.#net = net;
    this.#attack = attackOf(recipe.attack, dataset);
    this.#file = file;
    this.#pretrained = file && new Pretrained(net, file, recipe);
    const evaluation = bytesPerNetwork(net, perStep, dataset.test, dataset).all;
    const needs = { net, spec: this.#spec, dataset, batch, part: most, evaluation };
    const plan = this.plan = planMemory(needs, memoryBudget);
    this.#room = evaluation + memoryBudget - plan.total;
    this.meta = owned.use(new MetaParameters(net, this.#spec));
    this.#unroll = owned.use(new Unroll(net, this.#spec, { part: plan.part, total: batch }, plan));
    const split = this.#attack ? relabel(dataset.train, this.#attack) : dataset.train;
    const train = plan.resident ? owned.use(new ResidentSplit(net, split)) : split;
    this.#real = owned.use(new RealBatch(net, train, batch, plan.part, dataset));
    this.#draw = owned.use(device.tensor([2], "draw"));
    const { theta0 } = this.#unroll;
    if (init === "fixed" && this.#pretrained) theta0.write(this.#pretrained.tested);
    else if (init === "fixed") drawNetworks(net, theta0, this.#how, 0);
    this.#owned = owned.move();
  }

  /** Dispatches of an iteration; 0 before the first. */
  get dispatches(): number {
    return this.#iteration?.dispatches ?? 0;
  }

  /** Submits iteration k (from 0). */
  iterate(k: number): void {
    const { networks, init, beta1, beta2, augment, batch, seed } = this.#recipe;
    const moves = augment === "crop-flip" ? cropFlip(batch, seed, k) : undefined;
    this.#real.choose(this.#batches.indices(k), moves);
    if (init === "random" && this.#pretrained) {
      this.#unroll.theta0.write(this.#pretrained.sample(k));
    } else if (init === "random") {
      this.#draw.write(Uint32Array.of(this.#how.seed, k * networks));
    }
    this.meta.set({ t: k + 1, rate: rateAt(this.#recipe, k), beta1, beta2 });
    this.#iteration ??= this.#record();
    this.#iteration.submit();
  }

  #record(): Recorder {
    const { init, clip, augment } = this.#recipe;
    const record = this.#net.device.record();
    this.#real.record(record, augment === "crop-flip");
    if (init === "random" && !this.#pretrained) {
      initialize(record, this.#net, this.#unroll.theta0, this.#draw, this.#how);
    }
    this.meta.derive(record);
    this.#unroll.metaGradient(record, this.meta.data, this.#real.parts);
    this.meta.step(record, this.#unroll.gradient, clip);
    return record;
  }

  /** The loss of the last iteration. */
  async loss(): Promise<number> {
    return (await this.#unroll.loss.read())[0]!;
  }

  /** What the networks to measure on gain from training on the data as it is now. */
  async gain(): Promise<Gain> {
    return await measureGain(this.#trial(), this.#recorded(), this.#attack);
  }

  /** Test accuracy of the same networks after training on the data as it is now. */
  async after(): Promise<Accuracy> {
    const { net, dataset, how, networks, theta0, room } = this.#trial();
    return await measureAccuracy(net, dataset, how, networks, this.#recorded(), theta0, room);
  }

  #trial(): Trial {
    const networks = this.#recipe.init === "fixed" ? 1 : this.#recipe.test_networks;
    const theta0 = this.#pretrained?.tested;
    const [net, dataset, how, room] = [this.#net, this.#dataset, this.#how, this.#room];
    return { net, dataset, how, networks, theta0, room };
  }

  #recorded(): Recorded {
    this.#derive();
    return { synthetic: this.meta.data, perStep: this.#spec.perStep };
  }

  /** The data as it is now, in the form that is kept. */
  async artifact(): Promise<Artifact> {
    this.#derive();
    const { channels, height, width } = this.#net.input;
    const { images, labels, lrs } = this.meta.data;
    const count = this.#spec.steps * this.#spec.perStep;
    const init: Artifact["init"] = {};
    if (this.#recipe.init === "fixed") {
      const theta = await this.#unroll.theta0.read();
      for (const [name, { shape, data }] of Object.entries(exportParameters(this.#net, theta))) {
        init[name] = { shape: [...shape], data };
      }
    }
    return {
      images: { shape: [count, channels, height, width], data: await images.read() },
      labels: { shape: [count, this.#net.classes], data: await labels.read() },
      lrs: { shape: [lrs.length], data: await lrs.read() },
      init,
      metadata: metadataOf(
        this.#recipe,
        this.#dataset,
        this.#net.device.info.name,
        this.#file,
      ),
    };
  }

  #derive(): void {
    const record = this.#net.device.record();
    this.meta.derive(record);
    record.submit();
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
