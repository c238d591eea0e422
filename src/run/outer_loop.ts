/**
 * OuterLoop: the learned arrays and the objective on the GPU, and one iteration: the objective's
 * gradient in the distilled data and the outer optimiser's step against it.
 */
import type { FloatTensor } from "../base/safetensors.ts";
import type { Device, Recorder } from "../gpu/mod.ts";
import type { Space } from "../meta/distilled_data.ts";
import { Learned } from "../meta/learned.ts";
import type { Draw, Objective } from "../meta/objectives/objective.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import { rateAt, type Recipe } from "../recipe/recipe.ts";

/** Iterations that are kept recorded: a window has as many keys as steps that it may start at. */
const MOST_RECORDINGS = 16;

/** An iteration, in two where the processor has work to do in between. */
type Recording = readonly [first: Recorder, rest?: Recorder];

/** What a recipe learns on the GPU. */
export class OuterLoop implements Disposable {
  /** The arrays that it learns. */
  readonly learned: Learned;
  readonly #device: Device;
  readonly #recipe: Recipe;
  readonly #objective: Objective;
  /** Iterations by the key of their draws, resolved once and submitted again; the oldest go first. */
  readonly #recordings = new Map<string, Recording>();
  #last: Recording | undefined;
  #recorded = 0;
  readonly #owned: DisposableStack;

  /** Makes what is learned; the objective is disposed of with the loop. */
  constructor(space: Space, spec: InnerSpec, recipe: Recipe, objective: Objective) {
    using owned = new DisposableStack();
    this.#device = space.device;
    this.#recipe = recipe;
    this.#objective = owned.use(objective);
    this.learned = owned.use(new Learned(space, spec, recipe.outer_optimizer));
    this.#owned = owned.move();
  }

  /** Dispatches of the last iteration; 0 before the first. */
  get dispatches(): number {
    return this.#last?.reduce((sum, part) => sum + (part?.dispatches ?? 0), 0) ?? 0;
  }

  /** Iterations that were recorded so far. One that is recorded for the first time may compile kernels. */
  get recorded(): number {
    return this.#recorded;
  }

  /**
   * Runs iteration k (from 0); some of its work may still be in flight then.
   *
   * @param signal abandons it, which leaves what is learned as no iteration does: fit only to be restored.
   * @throws the signal's reason.
   */
  async iterate(k: number, signal?: AbortSignal): Promise<void> {
    const { beta1, beta2 } = this.#recipe;
    const { data } = this.learned;
    const draw = this.#objective.draw(k);
    this.learned.set({ t: k + 1, rate: rateAt(this.#recipe, k), beta1, beta2 });
    let recording = this.#recordings.get(draw.key);
    if (!recording) {
      recording = this.#record(draw);
      this.#recorded++;
      if (this.#recordings.size === MOST_RECORDINGS) {
        this.#recordings.delete(this.#recordings.keys().next().value!);
      }
      this.#recordings.set(draw.key, recording);
    }
    this.#last = recording;
    const [first, rest] = recording;
    await first.run(signal);
    if (!rest) return;
    signal?.throwIfAborted();
    await draw.between?.(data);
    await rest.run(signal);
  }

  /** Records an iteration, in one piece or in two. */
  #record(draw: Draw): Recording {
    const { learned } = this;
    const first = this.#device.record();
    learned.derive(first);
    draw.record(first, learned.data);
    const rest = draw.recordRest && this.#device.record();
    if (rest) draw.recordRest?.(rest, learned.data);
    learned.step(rest ?? first, this.#objective.gradient, this.#recipe.clip);
    return rest ? [first, rest] : [first];
  }

  /** The loss of the last iteration. */
  async loss(): Promise<number> {
    return (await this.#objective.loss.read())[0]!;
  }

  /** Brings the rates and labels up to what is learned now. */
  derive(): void {
    const record = this.#device.record();
    this.learned.derive(record);
    record.submit();
  }

  /** Everything that continues the run, by name. */
  async save(): Promise<Record<string, FloatTensor>> {
    return { ...await this.learned.save(), ...await this.#objective.save() };
  }

  /** Puts back what `save` gave. @throws TypeError on a missing array or one of another size. */
  restore(tensors: Record<string, FloatTensor>): void {
    this.learned.restore(tensors);
    this.#objective.restore(tensors);
  }

  /** Frees what is learned, and the objective. */
  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
