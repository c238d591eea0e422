/** Recorder: dispatches, clears and copies, resolved once and submitted as often as is wanted. */
import type { Device, Sizes } from "./device.ts";
import type { Bindings, Kernel } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/** llvmpipe leaves its loops, without a word, once an invocation has done 65 535 turns of all of them. */
export const MOST_TURNS = 60_000;

/** Milliseconds after which what is encoded of a command buffer goes out, so that others get a turn. */
const LONGEST_ENCODING = 250;

/** Workgroups in x, y and z. */
export type Groups = readonly [number, number?, number?];

/** What a kernel runs on. */
export interface Run {
  /** What varies from call to call, see shared/sizes.wgsl. */
  readonly sizes: Sizes;
  /** Tensors by name. */
  readonly bindings: Bindings;
  /** Turns of the loop of an invocation, about; 1 when left out. */
  readonly turns?: number;
}

interface Dispatch {
  readonly kernel: Kernel;
  readonly sizes: GPUBuffer;
  readonly bindings: Bindings;
  /** Made when it is first wanted: those of a long list take longer than a signal may wait. */
  group?: GPUBindGroup;
  readonly groups: readonly [number, number, number];
  readonly turns: number;
}
type Command = Dispatch | ((encoder: GPUCommandEncoder) => void);

/** Work in the order of the calls; it reads what its tensors hold when it is submitted. */
export class Recorder {
  readonly #commands: Command[] = [];

  /** Opens an empty list of work for `device`. */
  constructor(private readonly device: Device) {}

  /** Dispatches recorded so far. */
  get dispatches(): number {
    return this.#commands.filter((command) => typeof command !== "function").length;
  }

  /** Runs a kernel on tensors bound by name. @throws RangeError for a grid over the limit. */
  dispatch(kernel: Kernel, { sizes, bindings, turns = 1 }: Run, [x, y = 1, z = 1]: Groups): void {
    const most = this.device.info.limits.maxComputeWorkgroupsPerDimension!;
    if (Math.max(x, y, z) > most) {
      throw new RangeError(
        `Cannot run ${kernel.label}: got ${x} × ${y} × ${z} workgroups, expected at most ${most} ` +
          `in each dimension; use a smaller batch or fewer networks`,
      );
    }
    kernel.check(bindings);
    const all = turns * x * y * z * this.device.profile.workgroup;
    const resources = { kernel, sizes: this.device.sizes(sizes), bindings };
    this.#commands.push({ ...resources, groups: [x, y, z], turns: all });
  }

  /** Runs a kernel that goes through `sizes.COUNT` elements (shared/each.wgsl). */
  dispatchEach(kernel: Kernel, run: Run): void {
    const { workgroup, elements } = this.device.profile;
    const most = this.device.info.limits.maxComputeWorkgroupsPerDimension!;
    const lanes = Math.ceil(run.sizes.COUNT! / workgroup);
    const { turns = 1 } = run;
    const wanted = Math.min(elements, lanes / elements, MOST_TURNS / turns);
    const each = Math.max(1, Math.floor(wanted));
    const groups = Math.ceil(lanes / each);
    const rows = Math.ceil(groups / most);
    this.dispatch(kernel, { ...run, turns: each * turns }, [Math.ceil(groups / rows), rows]);
  }

  /** Sets a tensor to zero. */
  clear({ buffer, offset, bytes }: Tensor): void {
    this.#commands.push((encoder) => encoder.clearBuffer(buffer, offset, bytes));
  }

  /** Copies a tensor to the words of another that start at `at`. */
  copy(from: Tensor, to: Tensor, at = 0): void {
    this.#commands.push((encoder) =>
      encoder.copyBufferToBuffer(
        from.buffer,
        from.offset,
        to.buffer,
        to.offset + at * 4,
        from.size * 4,
      )
    );
  }

  /**
   * Hands the work to the GPU, once more at each call, in command buffers of about a second: a longer one
   * may be taken for a hung GPU, and nothing could come between.
   *
   * @throws Error what a pipeline or bind group was found to be wrong in.
   */
  submit(): void {
    for (const { buffer } of this.#buffers(Infinity)) this.device.gpu.queue.submit([buffer]);
  }

  /**
   * As `submit`, but it waits where the GPU has work for half a second, so that other tasks of the process get a
   * turn. Some of the work may still be in flight when it is done.
   *
   * @param signal ends it between two command buffers, with those before done and those after not.
   * @throws Error as `submit` does, or the signal's reason.
   */
  async run(signal?: AbortSignal): Promise<void> {
    let isBegun = false;
    for (const { buffer, turns } of this.#buffers(LONGEST_ENCODING)) {
      if (isBegun) signal?.throwIfAborted();
      isBegun = true;
      await this.device.pacing.submit(buffer, turns);
    }
  }

  /** Command buffers of all the work, in order; each is encoded when it is asked for, in so many ms at most. */
  *#buffers(most: number): Generator<{ buffer: GPUCommandBuffer; turns: number }> {
    this.device.check();
    const { gpu, pacing } = this.device;
    let encoder = gpu.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let turns = 0;
    let start = performance.now();
    const finish = () => {
      pass?.end();
      pass = undefined;
      return { buffer: encoder.finish(), turns };
    };
    for (const command of this.#commands) {
      if (typeof command === "function") {
        pass?.end();
        pass = undefined;
        command(encoder);
        continue;
      }
      const isLong = performance.now() - start > most;
      if (turns > 0 && (turns + command.turns > pacing.turns || isLong)) {
        yield finish();
        start = performance.now();
        encoder = gpu.createCommandEncoder();
        turns = 0;
      }
      turns += command.turns;
      pass ??= encoder.beginComputePass();
      const { kernel, sizes, bindings } = command;
      pass.setPipeline(kernel.pipeline);
      pass.setBindGroup(0, command.group ??= kernel.bind(sizes, bindings));
      pass.dispatchWorkgroups(...command.groups);
    }
    yield finish();
  }
}
