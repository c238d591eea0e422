/** Kernel: one entry point of a WGSL file, compiled for one set of overrides, bound by name. */
import type { Device } from "./device.ts";
import type { Tensor } from "./tensor.ts";

/** Values of a kernel's `override` constants by name. */
export type Overrides = Readonly<Record<string, number>>;

/** Tensors by the name that the WGSL source gives their binding. */
export type Bindings = Readonly<Record<string, Tensor>>;

interface Slot {
  readonly binding: number;
  readonly writes: boolean;
}

const DECLARATION = /@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(read|read_write)>\s*(\w+)/g;

/** A compute pipeline and the names of its bindings, read from the source. */
export class Kernel {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly #device: Device;
  readonly #slots = new Map<string, Slot>();
  readonly #groups = new Map<string, GPUBindGroup>();

  constructor(device: Device, label: string, source: string, entry: string, overrides: Overrides) {
    this.#device = device;
    this.label = label;
    for (const [, binding, access, name] of source.matchAll(DECLARATION)) {
      this.#slots.set(name!, { binding: Number(binding), writes: access === "read_write" });
    }
    const module = device.gpu.createShaderModule({ code: source, label });
    const constants = { ...overrides };
    this.pipeline = device.gpu.createComputePipeline({
      label,
      layout: "auto",
      compute: { module, entryPoint: entry, constants },
    });
  }

  /**
   * The bind group for tensors by name, made once for each choice of tensors.
   *
   * @throws TypeError for a name that the source does not declare, or a buffer that is written
   * through one name and bound again through another: WebGPU lets two such writes race silently.
   */
  bind(bindings: Bindings): GPUBindGroup {
    let key = "";
    for (const name in bindings) key += `${name}${bindings[name]!.id} `;
    let group = this.#groups.get(key);
    if (!group) {
      group = this.#createGroup(bindings);
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Drops cached bind groups, so that freed buffers are not kept alive. @internal */
  forgetBindings(): void {
    this.#groups.clear();
  }

  #createGroup(bindings: Bindings): GPUBindGroup {
    const written = new Map<GPUBuffer, string>();
    const entries: GPUBindGroupEntry[] = [];
    for (const [name, tensor] of Object.entries(bindings)) {
      const slot = this.#slots.get(name);
      if (!slot) throw new TypeError(this.#cannot(name, "a binding that the source declares"));
      if (slot.writes) written.set(tensor.buffer, name);
      const { buffer, offset, bytes } = tensor;
      entries.push({ binding: slot.binding, resource: { buffer, offset, size: bytes } });
    }
    for (const [name, tensor] of Object.entries(bindings)) {
      const writer = written.get(tensor.buffer);
      if (writer !== undefined && writer !== name) {
        throw new TypeError(this.#cannot(name, `a buffer other than ${writer}, which is written`));
      }
    }
    const layout = this.pipeline.getBindGroupLayout(0);
    return this.#device.gpu.createBindGroup({ layout, entries, label: this.label });
  }

  #cannot(name: string, expected: string): string {
    return `Cannot run ${this.label}: got ${name}, expected ${expected}`;
  }
}
