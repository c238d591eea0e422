/** Passes: a layer whose four passes are entry points of one kernel that goes through elements (shared/each.wgsl). */
import type { Device, Overrides, Recorder, Source } from "../gpu/mod.ts";
import {
  bind,
  type Frame,
  type Op,
  type Parameter,
  parameterFloats,
  type Planes,
  sizeOf,
  sizesOf,
  type Span,
  type Table,
} from "./op.ts";

/** An entry point of the kernel, and what it binds. */
export type Entry = readonly [name: string, bindings: Table];

/** What such a layer is made of. */
export interface PassesSpec {
  /** Extents of x, of one image. */
  readonly input: Planes;
  /** Extents of y, of one image. */
  readonly output: Planes;
  /** Parameters in the order of PyTorch; none when left out. */
  readonly parameters?: readonly Parameter[];
  /** The kernel, which uses shared/each.wgsl. */
  readonly source: Source;
  /** The layer's own constants; `WG` and, where there are parameters, `THETA` are added. */
  readonly overrides: Overrides;
  /** Writes y, and the residual where there is one. */
  readonly forward: Entry;
  /** Writes ẏ, and the tangent of the residual where there is one. */
  readonly tangent: Entry;
  /** Writes x̄ and, where there are parameters, θ̄ or parts of it. */
  readonly backward: Entry;
  /** Writes x̄˙ and, where there are parameters, θ̄˙ or parts of it. */
  readonly backwardTangent: Entry;
  /** Elements of one network and image; otherwise those of what a pass writes, y or x. */
  readonly elements?: number;
  /** Turns of a loop for an element. */
  readonly turns?: number;
  /** Words of the residual, and of its tangent, for one network and image. */
  readonly residual?: { readonly words: number; readonly dot: number };
  /** Whether every four images leave their part of θ̄. */
  readonly splits?: boolean;
}

/** A layer on the GPU, made of the entry points of one kernel. */
export class Passes implements Op {
  /** Extents of x, of one image. */
  readonly input: Planes;
  /** Extents of y, of one image. */
  readonly output: Planes;
  /** Parameters in the order of PyTorch. */
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #spec: PassesSpec;

  /** Makes the layer; its kernels are compiled when they are first recorded. */
  constructor(device: Device, spec: PassesSpec) {
    this.#device = device;
    this.#spec = spec;
    this.input = spec.input;
    this.output = spec.output;
    this.parameters = spec.parameters ?? [];
  }

  /** Words of the residual, and of its tangent, for runs over a span; 0 where there is none. */
  residual({ networks, images }: Span): { readonly words: number; readonly dot: number } {
    const { words, dot } = this.#spec.residual ?? { words: 0, dot: 0 };
    return { words: words * networks * images, dot: dot * networks * images };
  }

  /** Partial sums of θ̄: one for every four images where the spec `splits`, else 0. */
  runs({ images }: Span): number {
    return this.#spec.splits ? images / 4 : 0;
  }

  /** Records y, or with `tangent` ẏ. */
  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    this.#run(record, frame, tangent ? this.#spec.tangent : this.#spec.forward, this.output);
  }

  /** Records x̄ and θ̄, or with `tangent` x̄˙ and θ̄˙; nothing where the frame has room for neither. */
  backward(record: Recorder, frame: Frame, tangent: boolean): void {
    const isWanted = tangent ? frame.xBarDot ?? frame.thetaBarDot : frame.xBar ?? frame.thetaBar;
    if (!isWanted) return;
    this.#run(
      record,
      frame,
      tangent ? this.#spec.backwardTangent : this.#spec.backward,
      this.input,
    );
  }

  #run(record: Recorder, frame: Frame, [entry, table]: Entry, written: Planes): void {
    const { source, overrides, elements = sizeOf(written), turns = 1 } = this.#spec;
    const kernel = this.#device.kernel(source, entry, {
      ...overrides,
      ...(this.parameters.length > 0 && { THETA: parameterFloats(this) }),
      WG: this.#device.profile.workgroup,
    });
    if (frame.networks > 1 && sizesOf(frame, this.input).XR === 1) {
      throw new TypeError(
        `Cannot run ${source.name} on an input that ${frame.networks} networks share, expected one ` +
          `each; let a convolution or a dense layer come first`,
      );
    }
    const sizes = {
      ...sizesOf(frame, this.input),
      COUNT: frame.networks * elements * frame.images / 4,
    };
    record.dispatchEach(kernel, { sizes, bindings: bind(source.name, this, frame, table), turns });
  }
}
