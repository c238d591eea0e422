/** Pacing: how much work is handed to the GPU ahead of it, and when other tasks of the process get a turn. */
import type { Device } from "./device.ts";

/** Seconds of work in flight at most, where that is more than one command buffer: a wait costs Deno 11 ms. */
const AHEAD = 0.5;

/** Seconds that one command buffer may take: a wait for it holds up everything else, signals too. */
const LONGEST = 1;

/** Milliseconds after which others get a turn although nothing is waited for. */
const LONGEST_WITHOUT_A_TURN = 250;

/** Where an adapter is slow, its command buffers get smaller, down to this fraction of the profile's. */
const SMALLEST = 1 / 64;

/**
 * Hands command buffers to a device. As many are in flight as take half a second. Deno waits for the GPU without a
 * turn for anything else; so signals (Ctrl-C) and timers get one after each wait.
 */
export class Pacing {
  /** Turns of loops that a command buffer may have; fewer for as long as those take too long. */
  turns: number;
  readonly #device: Device;
  readonly #fewest: number;
  readonly #full: number;
  #most = 1;
  #inFlight = 0;
  #turnsInFlight = 0;
  #start = 0;
  #turnAt = 0;

  /** Paces a device of which nothing is known but its profile. */
  constructor(device: Device) {
    this.#device = device;
    this.turns = this.#full = device.profile.turns;
    this.#fewest = this.#full * SMALLEST;
  }

  /** Is told when all that was submitted is done. */
  rest(): void {
    this.#inFlight = this.#turnsInFlight = 0;
  }

  /** Submits a command buffer of so many turns, and waits for it and those before where enough are in flight. */
  async submit(buffer: GPUCommandBuffer, turns: number): Promise<void> {
    if (this.#inFlight === 0) this.#start = performance.now();
    this.#device.gpu.queue.submit([buffer]);
    this.#turnsInFlight += turns;
    if (++this.#inFlight < this.#most) {
      if (performance.now() - this.#turnAt > LONGEST_WITHOUT_A_TURN) await this.#giveTurn();
      return;
    }
    await this.#device.done();
    const seconds = (performance.now() - this.#start) / 1000 / this.#inFlight;
    this.#fit(seconds, this.#turnsInFlight / this.#inFlight);
    this.rest();
    this.#most = seconds > AHEAD ? 1 : Math.max(2, Math.floor(AHEAD / seconds));
    await this.#giveTurn();
  }

  /**
   * Halves command buffers where they took too long. It may have been a compilation: they are doubled again where
   * those that were about as large as they may be are done soon.
   */
  #fit(seconds: number, turns: number): void {
    if (seconds > LONGEST) this.turns = Math.max(this.#fewest, this.turns / 2);
    else if (seconds < LONGEST / 4 && turns > this.turns / 2) {
      this.turns = Math.min(this.#full, 2 * this.turns);
    }
  }

  async #giveTurn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.#turnAt = performance.now();
  }
}
