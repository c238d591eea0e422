/** Kernel: one entry point of a WGSL file, compiled for one set of overrides, bound by name. */
import type { Device } from "./device.ts";
import type { Tensor } from "./tensor.ts";

/** Values of a kernel's `override` constants by name. */
export type Overrides = Readonly<Record<string, number>>;

/** Tensors by the name that the WGSL source gives their binding. */
export type Bindings = Readonly<Record<string, Tensor>>;

const DECLARATION = /@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(read|read_write)>\s*(\w+)/g;

/** A compute pipeline and the names of its bindings, read from the source. */
export class Kernel {
  /** The compiled entry point. */
  readonly pipeline: GPUComputePipeline;
  readonly #slots = new Map<string, { binding: number; writes: boolean }>();
  readonly #groups = new Map<string, GPUBindGroup>();

  /** Compiles; a mistake in the source is thrown at the next read. `label` names it in errors. */
  constructor(
    private readonly device: Device,
    readonly label: string,
    source: string,
    entry: string,
    overrides: Overrides,
  ) {
    for (const [, binding, access, name] of source.matchAll(DECLARATION)) {
      this.#slots.set(name!, { binding: Number(binding), writes: access === "read_write" });
    }
    const module = device.gpu.createShaderModule({ code: source, label });
    const compute = { module, entryPoint: entry, constants: overrides };
    this.pipeline = device.gpu.createComputePipeline({ label, layout: "auto", compute });
  }

  /**
   * The bind group for tensors by name, made once for each choice of tensors.
   *
   * @throws TypeError for a name that the source does not declare, or a buffer that is written
   * through one name and bound again through another, unless both write apart from one another:
   * WebGPU lets two writes race silently.
   */
  bind(bindings: Bindings): GPUBindGroup {
    let key = "";
    for (const name in bindings) key += `${name}=${bindings[name]!.id} `;
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, group = this.#createGroup(bindings));
    return group;
  }

  /** Drops cached bind groups, so that freed buffers are not kept alive. @internal */
  forgetBindings(): void {
    this.#groups.clear();
  }

  #createGroup(bindings: Bindings): GPUBindGroup {
    const refuse = (name: string, expected: string) =>
      new TypeError(`Cannot run ${this.label}: got ${name}, expected ${expected}`);
    const all = Object.entries(bindings);
    const entries = all.map(([name, { buffer, offset, bytes: size }], i) => {
      const slot = this.#slots.get(name);
      if (!slot) throw refuse(name, "a binding that the source declares");
      const clash = all.slice(0, i).find(([other, { buffer: its, offset: at, bytes }]) => {
        const writers = +slot.writes + +this.#slots.get(other)!.writes;
        const apart = at + bytes <= offset || offset + size <= at;
        return its === buffer && (writers === 1 || writers === 2 && !apart);
      });
      if (clash) throw refuse(name, `a buffer other than ${clash[0]}'s: one is written`);
      return { binding: slot.binding, resource: { buffer, offset, size } };
    });
    const layout = this.pipeline.getBindGroupLayout(0);
    return this.device.gpu.createBindGroup({ layout, entries, label: this.label });
  }
}
