/** Kernel: one entry point of a WGSL source, compiled for one set of overrides, bound by name. */
import type { Device } from "./device.ts";
import type { Source } from "./link.ts";
import type { Tensor } from "./tensor.ts";

/** Values of a kernel's `override` constants by name. */
export type Overrides = Readonly<Record<string, number>>;

/**
 * Tensors by the name that the WGSL source gives their binding; `null` for one that the entry point
 * names but does not touch under its overrides.
 */
export type Bindings = Readonly<Record<string, Tensor | null>>;

const DECLARATION =
  /@group\(0\)\s*@binding\((\d+)\)\s*var<(?:storage,\s*)?(read|read_write|uniform)>\s*(\w+)/g;

/** A compute pipeline and the names of its bindings, read from the source. */
export class Kernel {
  readonly #compile: () => GPUComputePipeline;
  #pipeline: GPUComputePipeline | undefined;
  readonly #slots = new Map<string, { binding: number; writes: boolean }>();
  readonly #groups = new Map<string, GPUBindGroup>();

  /** `label` names the kernel in errors. */
  constructor(
    private readonly device: Device,
    readonly label: string,
    module: GPUShaderModule,
    source: Source,
    entryPoint: string,
    constants: Overrides,
  ) {
    for (const [, binding, access, name] of source.text.matchAll(DECLARATION)) {
      this.#slots.set(name!, { binding: Number(binding), writes: access === "read_write" });
    }
    const compute = { module, entryPoint, constants };
    this.#compile = () => device.gpu.createComputePipeline({ label, layout: "auto", compute });
  }

  /**
   * The entry point, compiled when it is first wanted: a run wants many, and others get a turn in between. What is
   * wrong with it, `Device.check` throws.
   */
  get pipeline(): GPUComputePipeline {
    return this.#pipeline ??= this.device.scoped(`compile ${this.label}`, this.#compile);
  }

  /**
   * The bind group for sizes and tensors by name, made once for each choice of them.
   *
   * @throws TypeError for a name that the source does not declare, or a buffer that is written
   * through one name and bound again through another, unless both write apart from one another:
   * WebGPU lets two writes race silently.
   */
  bind(sizes: GPUBuffer, bindings: Bindings): GPUBindGroup {
    let key = sizes.label;
    for (const name in bindings) key += ` ${name}=${bindings[name]?.id ?? ""}`;
    let group = this.#groups.get(key);
    if (group) return group;
    this.#groups.set(key, group = this.#createGroup(sizes, bindings));
    const tensors = Object.values(bindings).filter((tensor) => tensor !== null);
    const forget = () => {
      this.#groups.delete(key);
      tensors.forEach(({ users }) => users.delete(forget));
    };
    tensors.forEach(({ users }) => users.add(forget));
    return group;
  }

  /** Makes sure that tensors can be bound. @throws TypeError as `bind` does. */
  check(bindings: Bindings): void {
    this.#entries(bindings);
  }

  #entries(bindings: Bindings): { binding: number; tensor: Tensor }[] {
    const refuse = (name: string, expected: string) =>
      new TypeError(`Cannot run ${this.label}: got ${name}, expected ${expected}`);
    const bound: { name: string; tensor: Tensor; writes: boolean }[] = [];
    return Object.entries(bindings).map(([name, given]) => {
      const slot = this.#slots.get(name);
      if (!slot) throw refuse(name, "a binding that the source declares");
      const { binding, writes } = slot;
      const tensor = given ?? this.device.nothing(writes);
      const clash = given && bound.find((other) => races(other, { tensor, writes }));
      if (clash) throw refuse(name, `a buffer other than ${clash.name}'s: one is written`);
      if (given) bound.push({ name, tensor, writes });
      return { binding, tensor };
    });
  }

  #createGroup(sizes: GPUBuffer, bindings: Bindings): GPUBindGroup {
    const entries = this.#entries(bindings).map(({ binding, tensor }) => {
      const { buffer, offset, bytes: size } = tensor;
      return { binding, resource: { buffer, offset, size } };
    });
    const { label, pipeline } = this;
    const size = { binding: 0, resource: { buffer: sizes } };
    return this.device.scoped(`bind the tensors of ${label}`, () => {
      const layout = pipeline.getBindGroupLayout(0);
      return this.device.gpu.createBindGroup({ layout, entries: [size, ...entries], label });
    });
  }
}

interface Use {
  readonly tensor: Tensor;
  readonly writes: boolean;
}

function races(a: Use, b: Use): boolean {
  if (a.tensor.buffer !== b.tensor.buffer || !(a.writes || b.writes)) return false;
  const [first, second] = a.tensor.offset < b.tensor.offset ? [a, b] : [b, a];
  const apart = first.tensor.offset + first.tensor.bytes <= second.tensor.offset;
  return !(a.writes && b.writes && apart);
}
