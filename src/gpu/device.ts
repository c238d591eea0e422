/** Device: one adapter opened with all it offers; it owns the pipelines and counts the bytes. */
import { Kernel, type Overrides } from "./kernel.ts";
import { type Profile, profileOf, profiles } from "./profile.ts";
import { Recorder } from "./recorder.ts";
import { Tensor } from "./tensor.ts";

/** What `info` prints of an adapter. */
export interface DeviceInfo {
  /** The adapter's description. */
  readonly name: string;
  /** Which tile shapes it gets. */
  readonly profile: Profile["name"];
  /** Its limits, as far as Retort uses them. */
  readonly limits: Record<string, number>;
  /** Its optional features, sorted. */
  readonly features: string[];
}

const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Where a view may start in a tensor: WebGPU's default `minStorageBufferOffsetAlignment`. */
export const VIEW_FLOATS = 64;

/** A WebGPU device with its tensors, compiled kernels and byte accounting. */
export class Device {
  /** Tile shapes for this adapter. */
  readonly profile: Profile;
  /** GPU bytes held by tensors now. */
  bytes = 0;
  /** The most there have been since `resetPeak()`. */
  peakBytes = 0;
  readonly #kernels = new Map<string, Kernel>();
  #failure: string | undefined;
  #lost: string | undefined;

  private constructor(readonly gpu: GPUDevice, readonly info: DeviceInfo) {
    this.profile = profiles[info.profile];
    gpu.addEventListener("uncapturederror", (event) => {
      this.#failure ??= (event as GPUUncapturedErrorEvent).error.message;
    });
    gpu.lost.then((why) => this.#lost = `the device was lost: ${why.message || why.reason}`);
  }

  /**
   * Opens the machine's best adapter.
   *
   * @param options `profile` overrides the choice of tile shapes (tests run both).
   * @throws Error when there is no adapter; the message says what to install.
   */
  static async open(options: { profile?: Profile["name"] } = {}): Promise<Device> {
    skipOpenGl();
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) {
      throw new Error(
        "Cannot find a WebGPU adapter: install a Vulkan driver (Linux without a GPU: " +
          "apt-get install mesa-vulkan-drivers)",
      );
    }
    const limits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const gpu = await adapter.requestDevice({ requiredLimits: limits });
    const { description, device, vendor } = adapter.info;
    const name = description || device || vendor || "unknown adapter";
    const profile = options.profile ?? profileOf(adapter.info);
    return new Device(gpu, { name, profile, limits, features: [...adapter.features].sort() });
  }

  /** A zero-filled tensor of 32-bit words; see {@linkcode Tensor}. */
  tensor(shape: readonly number[], label = "tensor"): Tensor {
    return Tensor.create(this, shape, label, this.info.limits.maxStorageBufferBindingSize!);
  }

  /** The kernel at `entry` of a WGSL source, compiled once for each set of overrides. */
  kernel(label: string, source: string, entry: string, overrides: Overrides): Kernel {
    let key = `${label}.${entry}`;
    for (const name in overrides) key += ` ${name}=${overrides[name]}`;
    let kernel = this.#kernels.get(key);
    if (!kernel) this.#kernels.set(key, kernel = new Kernel(this, key, source, entry, overrides));
    return kernel;
  }

  /** A recorder for the next command buffer. */
  record(): Recorder {
    return new Recorder(this);
  }

  /** Throws what went wrong on the GPU since the last call; that the device is lost, every time. */
  check(): void {
    const failure = this.#lost ?? this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw new Error(`Cannot go on: the GPU reported: ${failure}`);
  }

  /** Waits until all submitted work is done and throws what went wrong in it. */
  async done(): Promise<void> {
    await this.gpu.queue.onSubmittedWorkDone();
    this.check();
  }

  /** Starts a new measurement of `peakBytes`. */
  resetPeak(): void {
    this.peakBytes = this.bytes;
  }

  /** Counts an allocation (or, negative, a release). @internal */
  account(bytes: number): void {
    this.bytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    if (bytes < 0) { for (const kernel of this.#kernels.values()) kernel.forgetBindings(); }
  }

  /** Destroys the device and all that is on it. */
  [Symbol.dispose](): void {
    this.gpu.destroy();
  }
}

/** Has Deno look for no OpenGL adapter: libEGL may free memory twice while a process ends. */
function skipOpenGl(): void {
  const variable = "DENO_WEBGPU_BACKEND";
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "granted" && !Deno.env.get(variable)) Deno.env.set(variable, "vulkan,metal,dx12");
}
