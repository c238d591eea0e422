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
  /** Turns of loops that a command buffer may have; fewer where those before took too long. */
  turns: number;
  readonly #device: Device;
  readonly #fewest: number;
  #most = 1;
  #inFlight = 0;
  #start = 0;
  #turnAt = 0;

  /** Paces a device of which nothing is known but its profile. */
  constructor(device: Device) {
    this.#device = device;
    this.turns = device.profile.turns;
    this.#fewest = this.turns * SMALLEST;
  }

  /** Is told when all that was submitted is done. */
  rest(): void {
    this.#inFlight = 0;
  }

  /** Submits a command buffer, and waits for it and those before where enough are in flight. */
  async submit(buffer: GPUCommandBuffer): Promise<void> {
    if (this.#inFlight === 0) this.#start = performance.now();
    this.#device.gpu.queue.submit([buffer]);
    if (++this.#inFlight < this.#most) {
      if (performance.now() - this.#turnAt > LONGEST_WITHOUT_A_TURN) await this.#giveTurn();
      return;
    }
    await this.#device.done();
    const seconds = (performance.now() - this.#start) / 1000 / this.#inFlight;
    this.#inFlight = 0;
    this.#most = seconds > AHEAD ? 1 : Math.max(2, Math.floor(AHEAD / seconds));
    if (seconds > LONGEST) this.turns = Math.max(this.#fewest, this.turns / 2);
    await this.#giveTurn();
  }

  async #giveTurn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.#turnAt = performance.now();
  }
}
