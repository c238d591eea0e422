/** Recorder: collects dispatches, clears and copies into a command buffer. */
import type { Device } from "./device.ts";
import type { Bindings, Kernel } from "./kernel.ts";
import type { Tensor } from "./tensor.ts";

/** Workgroups in x, y and z. */
export type Groups = readonly [number, number?, number?];

/** Dispatches of a command buffer: more fill the CPU's memory and may be taken for a hung GPU. */
const LONGEST = 4096;

/** Work in the making, in as few command buffers as can be. It runs in the order of the calls. */
export class Recorder {
  /** Dispatches recorded so far. */
  dispatches = 0;
  #encoder: GPUCommandEncoder;
  #pass: GPUComputePassEncoder | undefined;

  /** Opens a command buffer on `device`. */
  constructor(private readonly device: Device) {
    this.#encoder = device.gpu.createCommandEncoder();
  }

  /** Runs a kernel on tensors bound by name. @throws RangeError for a grid over the limit. */
  dispatch(kernel: Kernel, bindings: Bindings, [x, y = 1, z = 1]: Groups): void {
    const most = this.device.info.limits.maxComputeWorkgroupsPerDimension!;
    if (Math.max(x, y, z) > most) {
      throw new RangeError(
        `Cannot run ${kernel.label}: got ${x} × ${y} × ${z} workgroups, expected at most ${most} ` +
          `in each dimension; use a smaller batch or fewer networks`,
      );
    }
    this.#pass ??= this.#encoder.beginComputePass();
    this.#pass.setPipeline(kernel.pipeline);
    this.#pass.setBindGroup(0, kernel.bind(bindings));
    this.#pass.dispatchWorkgroups(x, y, z);
    if (++this.dispatches % LONGEST > 0) return;
    this.submit();
    this.#encoder = this.device.gpu.createCommandEncoder();
  }

  /** One invocation an element, in x and (where x is too short) y; networks in z. */
  dispatchEach(kernel: Kernel, bindings: Bindings, elements: number, networks = 1): void {
    const groups = Math.ceil(elements / this.device.profile.workgroup);
    const rows = Math.ceil(groups / this.device.info.limits.maxComputeWorkgroupsPerDimension!);
    this.dispatch(kernel, bindings, [Math.ceil(groups / rows), rows, networks]);
  }

  /** Sets a tensor to zero. */
  clear(tensor: Tensor): void {
    this.#endPass();
    this.#encoder.clearBuffer(tensor.buffer, tensor.offset, tensor.bytes);
  }

  /** Copies a tensor to the words of another that start at `at`. */
  copy(from: Tensor, to: Tensor, at = 0): void {
    this.#endPass();
    const { buffer, offset, size } = from;
    this.#encoder.copyBufferToBuffer(buffer, offset, to.buffer, to.offset + at * 4, size * 4);
  }

  /** Hands what is left to the GPU; the recorder is spent. */
  submit(): void {
    this.#endPass();
    this.device.gpu.queue.submit([this.#encoder.finish()]);
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
