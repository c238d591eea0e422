/** Passes: a layer whose four passes are entry points of one kernel that goes through elements (shared/each.wgsl). */
import type { Device, Overrides, Recorder, Source } from "../gpu/mod.ts";
import { bind, type Frame, type Op, type Parameter, type Planes, type Span } from "./op.ts";
import { parameterFloats, sizeOf, sizesOf, type Table } from "./op.ts";

/** An entry point, and what it binds. */
export type Entry = readonly [name: string, bindings: Table];

/** What such a layer is made of. */
export interface PassesSpec {
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters?: readonly Parameter[];
  readonly source: Source;
  readonly overrides: Overrides;
  readonly forward: Entry;
  readonly tangent: Entry;
  readonly backward: Entry;
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
  readonly input: Planes;
  readonly output: Planes;
  readonly parameters: readonly Parameter[];
  readonly #device: Device;
  readonly #spec: PassesSpec;

  constructor(device: Device, spec: PassesSpec) {
    this.#device = device;
    this.#spec = spec;
    this.input = spec.input;
    this.output = spec.output;
    this.parameters = spec.parameters ?? [];
  }

  residual({ networks, images }: Span) {
    const { words, dot } = this.#spec.residual ?? { words: 0, dot: 0 };
    return { words: words * networks * images, dot: dot * networks * images };
  }

  runs({ images }: Span): number {
    return this.#spec.splits ? images / 4 : 0;
  }

  forward(record: Recorder, frame: Frame, tangent: boolean): void {
    this.#run(record, frame, tangent ? this.#spec.tangent : this.#spec.forward, this.output);
  }

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
    const sizes = {
      ...sizesOf(frame, this.input),
      COUNT: frame.networks * elements * frame.images / 4,
    };
    record.dispatchEach(kernel, { sizes, bindings: bind(source.name, this, frame, table), turns });
  }
}
