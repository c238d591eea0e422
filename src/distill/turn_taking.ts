/** Turn taking: between iterations, other tasks of the process get a turn. */

/** Lets signals (Ctrl-C) and timers in, ten times a second at most: a software adapter blocks. */
export function turnTaking(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 100) return;
    await new Promise((resolve) => setTimeout(resolve));
    last = performance.now();
  };
}
