/** Pacing: how much work is handed to the GPU ahead of it, and when other tasks of the process get a turn. */
import type { Device } from "./mod.ts";

/** Seconds of work in flight at most, where that is more than two iterations: a wait costs Deno 11 ms. */
const AHEAD = 0.5;

/**
 * To be awaited after each iteration that is submitted. Two iterations are in flight at most, or as many as take
 * half a second. Signals (Ctrl-C) and timers get a turn at each wait.
 */
export function pacing(device: Device): () => Promise<void> {
  let [inFlight, most, start] = [0, 2, performance.now()];
  return async () => {
    if (++inFlight < most) return;
    await device.done();
    await new Promise((resolve) => setTimeout(resolve));
    const seconds = (performance.now() - start) / 1000 / inFlight;
    [inFlight, most, start] = [0, Math.max(2, Math.floor(AHEAD / seconds)), performance.now()];
  };
}
