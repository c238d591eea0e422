/** PlanParts: how many real images run at once within a memory budget, where a run is counted as a whole. */
import { formatBytes } from "../base/bytes.ts";
import { UsageError } from "../base/usage_error.ts";
import type { Device } from "../gpu/mod.ts";
import { describeBytes } from "../meta/memory.ts";
import type { Setting } from "./set_up.ts";

/** What a run would be made of, and what it may take. */
interface Needs {
  /** Makes what a run allocates, for `part` images at once. */
  build(part: number): Disposable;
  /** The most images at once, a multiple of four. */
  readonly most: number;
  /** Bytes that the run may take. */
  readonly budget: number;
  /** Bytes that more than four images at once may take; all of the budget when left out. */
  readonly room?: number;
  /** Bytes of tests, which are counted with it. */
  readonly evaluation?: number;
  /** The images in words: "targets". */
  readonly images: string;
  /** What the memory line says of `part` images. */
  describe(part: number): string;
  /** What makes the run smaller. */
  readonly advice: string;
}

/** @throws UsageError when not even four images at once fit into the budget. */
export function planParts(
  device: Device,
  { build, most, budget, room = budget, evaluation, images, describe, advice }: Needs,
): { part: number; memory: Setting["memory"] } {
  const countOf = (part: number) => {
    const { bytes, byLabel } = device.count(() => build(part));
    if (evaluation === undefined) return { bytes, byLabel };
    return {
      bytes: bytes + evaluation,
      byLabel: new Map([...byLabel, ["evaluation", evaluation]]),
    };
  };
  let part = most;
  let count = countOf(part);
  while (part > 4 && count.bytes > room) {
    part = Math.floor(part / 8) * 4;
    count = countOf(part);
  }
  const { bytes, byLabel } = count;
  if (bytes > budget) {
    throw new UsageError(
      `Cannot fit this run into ${formatBytes(budget)} of GPU memory: got ${
        formatBytes(bytes)
      } with 4 ${images} ` +
        `at a time, expected at most that; raise --memory-budget, or lower ${advice}`,
    );
  }
  const lines = [`Memory ${formatBytes(bytes)}: ${describe(part)}`, ...describeBytes(byLabel)];
  return { part, memory: { lines, bytes } };
}
