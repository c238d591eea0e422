/** IterationTimer: seconds of an iteration, from the first that compile nothing; and which runs are long. */
import type { Device } from "../gpu/mod.ts";
import type { OuterLoop } from "./outer_loop.ts";

/** Iterations that are timed. */
const TIMED = 3;

/** Iterations tried for that; with windows at random places nearly every one is a new recording. */
const TRIED = 12;

/** Seconds after which one that compiled nothing is enough, or one after the first, which compiles the most. */
const LONG = 10;

/** Seconds after which those that compiled are enough too: what compiles takes far less, some 15 s by llvmpipe. */
const VERY_LONG = 60;

/** Seconds from which a run is long, so that it tells early what it takes. */
export const LONG_RUN = 600;

/** Times iterations until enough are known; each is waited for. */
export class IterationTimer {
  readonly #device: Pick<Device, "done">;
  readonly #loop: Pick<OuterLoop, "recorded">;
  /** Seconds of iterations that recorded nothing new, and of the others. */
  readonly #settled: number[] = [];
  readonly #others: number[] = [];

  /** For the iterations of a loop. */
  constructor(device: Pick<Device, "done">, loop: Pick<OuterLoop, "recorded">) {
    this.#device = device;
    this.#loop = loop;
  }

  /** Whether enough iterations have been timed. */
  get isDone(): boolean {
    const all = [...this.#settled, ...this.#others];
    const seconds = all.reduce((sum, each) => sum + each, 0);
    const isEnough = this.#settled.length > 0 || this.#others.length > 1;
    return this.#settled.length >= TIMED || all.length >= TRIED ||
      (isEnough && seconds > LONG) || seconds > VERY_LONG;
  }

  /** Seconds of an iteration: the mean of those that recorded nothing new, or of the last where all did, without the first. */
  get seconds(): number {
    const [first, ...later] = this.#others;
    const others = later.length > 0 ? later.slice(-TIMED) : [first!];
    const timed = this.#settled.length > 0 ? this.#settled : others;
    return timed.reduce((sum, each) => sum + each, 0) / timed.length;
  }

  /** Times the iteration that `iterate` runs. */
  async time(iterate: () => Promise<void>): Promise<void> {
    const { recorded } = this.#loop;
    const start = performance.now();
    await iterate();
    await this.#device.done();
    const seconds = (performance.now() - start) / 1000;
    (this.#loop.recorded === recorded ? this.#settled : this.#others).push(seconds);
  }
}
