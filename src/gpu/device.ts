/** Device: one adapter opened with all it offers; it owns the pipelines and counts the bytes. */
import { Kernel, type Overrides } from "./kernel.ts";
import type { Source } from "./link.ts";
import { Pacing } from "./pacing.ts";
import { type Profile, profileOf, profiles } from "./profile.ts";
import { Recorder } from "./recorder.ts";
import { Tensor } from "./tensor.ts";

/** What `info` prints of an adapter. */
export interface DeviceInfo {
  /** The adapter's description, or what else it says of itself. */
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

/** What varies from call to call, 0 where a kernel does not ask for it: see shared/sizes.wgsl. */
export type Sizes = Readonly<Partial<Record<"R" | "XR" | "N" | "RUNS" | "COUNT" | "LIVE", number>>>;

/** The machine has no WebGPU adapter; the command line ends with exit status 3. */
export class NoAdapterError extends Error {
  /** The name shown in a stack trace. */
  override name = "NoAdapterError";
}

/** A WebGPU device with its tensors, compiled kernels and byte accounting. */
export class Device {
  /** Tile shapes for this adapter. */
  readonly profile: Profile;
  /** How work is handed to it. @internal */
  readonly pacing: Pacing;
  /** GPU bytes held by tensors now. */
  bytes = 0;
  /** The most there have been since `resetPeak()`. */
  peakBytes = 0;
  readonly #compiled = new Map<Source, { module: GPUShaderModule; kernels: Map<string, Kernel> }>();
  readonly #sizes = new Map<string, GPUBuffer>();
  readonly #nothing = new Map<boolean, Tensor>();
  #counted: Map<string, number> | undefined;
  #made: Promise<unknown> = Promise.resolve();
  #failure: string | undefined;
  #lost: string | undefined;

  private constructor(readonly gpu: GPUDevice, readonly info: DeviceInfo) {
    this.profile = profiles[info.profile];
    this.pacing = new Pacing(this);
    gpu.addEventListener("uncapturederror", (event) => {
      const { message } = (event as GPUUncapturedErrorEvent).error;
      // Errors of what was made before come first: they may be the cause.
      this.#made = this.#made.then(() => {
        this.#failure ??= `Cannot go on: the GPU reported: ${message}`;
      });
    });
    gpu.lost.then((why) =>
      this.#lost = `Cannot go on: the GPU reported: the device was lost: ${
        why.message || why.reason
      }`
    );
  }

  /**
   * Opens the machine's best adapter.
   *
   * @param options `profile` overrides the choice of tile shapes (tests run both).
   * @throws {NoAdapterError} there is no adapter; the message says what to install.
   */
  static async open(options: { profile?: Profile["name"] } = {}): Promise<Device> {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) {
      throw new NoAdapterError(
        "Cannot find a WebGPU adapter: got none, expected a GPU with its Vulkan, Metal or " +
          "DirectX 12 driver, or a software adapter; on Linux without a GPU install Mesa's: " +
          "mesa-vulkan-drivers on Debian, Ubuntu and Fedora, vulkan-swrast on Arch",
      );
    }
    const limits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
    const gpu = await adapter.requestDevice({ requiredLimits: limits });
    const { description, device, vendor, architecture } = adapter.info;
    const name = description || device || `${vendor} ${architecture}`.trim() || "unknown adapter";
    const profile = options.profile ?? profileOf(adapter.info);
    return new Device(gpu, { name, profile, limits, features: [...adapter.features].sort() });
  }

  /** A zero-filled tensor of 32-bit words; see {@linkcode Tensor}. */
  tensor(shape: readonly number[], label = "tensor"): Tensor {
    return Tensor.create(this, shape, label);
  }

  /** What a binding gets that nothing reads, or writes: never the same for both. @internal */
  nothing(written: boolean): Tensor {
    const tensor = this.#nothing.get(written) ?? this.tensor([64], "nothing");
    this.#nothing.set(written, tensor);
    return tensor;
  }

  /** The uniform buffer of some sizes, made once for each choice of them. @internal */
  sizes(sizes: Sizes): GPUBuffer {
    const { R = 0, XR = 0, N = 0, RUNS = 0, COUNT = 0, LIVE = 0 } = sizes;
    const words = Uint32Array.of(R, XR, N, RUNS, COUNT, LIVE, 0, 0);
    const label = words.join();
    let buffer = this.#sizes.get(label);
    if (buffer) return buffer;
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#sizes.set(label, buffer = this.gpu.createBuffer({ size: 32, usage, label }));
    this.gpu.queue.writeBuffer(buffer, 0, words);
    return buffer;
  }

  /** The kernel at `entry` of a source, compiled once for each set of overrides. */
  kernel(source: Source, entry: string, overrides: Overrides): Kernel {
    let compiled = this.#compiled.get(source);
    if (!compiled) {
      this.#compiled.set(source, compiled = { module: this.#module(source), kernels: new Map() });
    }
    let label = `${source.name} ${entry}`;
    for (const name in overrides) label += ` ${name}=${overrides[name]}`;
    let kernel = compiled.kernels.get(label);
    if (kernel) return kernel;
    kernel = new Kernel(this, label, compiled.module, source, entry, overrides);
    compiled.kernels.set(label, kernel);
    return kernel;
  }

  #module({ text: code, name: label, locate }: Source): GPUShaderModule {
    const create = () => this.gpu.createShaderModule({ code, label });
    return this.scoped(`compile ${label}`, create, async (module) => {
      const { messages } = await module.getCompilationInfo();
      const error = messages.find(({ type }) => type === "error");
      return error && `${locate(error.lineNum)}: ${error.message.trim()}`;
    });
  }

  /**
   * Makes something on the GPU. What is wrong with it is known a moment later, and thrown by the first
   * `check` after that; `Recorder.submit` and every read check.
   *
   * @param explain what to say in place of the GPU's own message. @internal
   */
  scoped<T>(
    what: string,
    create: () => T,
    explain: (made: T) => Promise<string | undefined> = () => Promise.resolve(undefined),
  ): T {
    this.gpu.pushErrorScope("validation");
    let made: T;
    try {
      made = create();
    } catch (error) {
      this.gpu.popErrorScope().catch(() => {});
      throw error;
    }
    const failure = this.gpu.popErrorScope().then(async (error) => {
      return error && `Cannot ${what}: ${await explain(made) ?? error.message}`;
    }).catch(() => undefined); // the device was lost, which it says itself
    // In the order of making: what cannot be made of something broken is not the cause.
    this.#made = this.#made.then(() => failure).then((failure) => {
      if (failure) this.#failure ??= failure;
    });
    return made;
  }

  /** A recorder for the next command buffer. */
  record(): Recorder {
    return new Recorder(this);
  }

  /** Throws what went wrong on the GPU since the last call; that the device is lost, every time. */
  check(): void {
    const failure = this.#lost ?? this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw new Error(failure);
  }

  /** Waits until all submitted work is done and throws what went wrong in it. */
  async done(): Promise<void> {
    await this.gpu.queue.onSubmittedWorkDone();
    await this.settle();
  }

  /** Waits until it is known what is wrong with what was made, and throws as `check` does. @internal */
  async settle(): Promise<void> {
    await this.#made;
    this.check();
  }

  /** Starts a new measurement of `peakBytes`. */
  resetPeak(): void {
    this.peakBytes = this.bytes;
  }

  /** The bytes that what `build` makes would take, in all and by the labels of its tensors; it allocates nothing. */
  count(build: () => Disposable): { bytes: number; byLabel: ReadonlyMap<string, number> } {
    const outer = this.#counted; // what is counted may count
    const byLabel = this.#counted = new Map<string, number>();
    try {
      build()[Symbol.dispose]();
      return { bytes: [...byLabel.values()].reduce((a, b) => a + b, 0), byLabel };
    } finally {
      this.#counted = outer;
    }
  }

  /** Accounts for an allocation; says whether it is to be made, not counted alone. @internal */
  allocate(bytes: number, label: string): boolean {
    if (this.#counted) {
      this.#counted.set(label, (this.#counted.get(label) ?? 0) + bytes);
      return false;
    }
    this.bytes += bytes;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return true;
  }

  /** Accounts for what was freed. @internal */
  release(bytes: number): void {
    this.bytes -= bytes;
  }

  /** Destroys the device and all that is on it. */
  [Symbol.dispose](): void {
    this.gpu.destroy();
  }
}
