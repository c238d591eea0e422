/**
 * Op: one differentiable layer, and what its four passes take.
 *
 * Every pass records dispatches for R networks at once. Activations are [R, C, H, V, N] with the
 * images innermost, padded to a multiple of four; an input that all networks share is [C, H, V, N].
 * θ and everything shaped like it is [R, P], a network's parameters one after the other.
 *
 * Naming: `xDot` is a tangent, `xBar` a cotangent, `xBarDot` the tangent of a cotangent. The hvp
 * passes are the tangents of the vjp passes (Pearlmutter's R-operator).
 */
import type { Recorder, Tensor } from "../gpu/mod.ts";

/** Extents of one image's activations. */
export interface Planes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** How many networks and images a pass runs over. */
export interface Span {
  readonly networks: number;
  /** Images including padding: a multiple of four. */
  readonly images: number;
}

/** A named parameter inside a network's slice of θ. */
export interface Parameter {
  /** PyTorch's name, such as `conv1.weight`. */
  readonly name: string;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** Where it starts in the network's slice, in floats. */
  readonly at: number;
  /** Floats from one row (first index) to the next, at least the row's length. */
  readonly pitch: number;
  readonly fanIn: number;
  readonly fanOut: number;
  /** Whether it is a bias, which most initialisations leave at zero. */
  readonly bias: boolean;
}

/**
 * A layer. `xDot: null` stands for a zero tangent: the input images do not move with θ. `saved` is what
 * `fwd` leaves for the other passes, beside y, in ops that need it.
 */
export interface Op {
  /** Frees the op's scratch, where it has any. */
  [Symbol.dispose]?(): void;
  /** Bytes of the scratch that a run over `span` takes, where it takes any. */
  scratchBytes?(span: Span): number;
  /** Words of `saved` for runs over `span`; none when left out. */
  savedWords?(span: Span): number;
  readonly input: Planes;
  readonly output: Planes;
  /** Parameters in θ, in order; none for a gated op. */
  readonly parameters: readonly Parameter[];

  fwd(record: Recorder, span: Span, t: FwdTensors): void;
  jvp(record: Recorder, span: Span, t: JvpTensors): void;
  vjpX(record: Recorder, span: Span, t: VjpXTensors): void;
  hvpX(record: Recorder, span: Span, t: HvpXTensors): void;
}

/** Most logits that `fwdXent` computes: an invocation has them all. */
export const MOST_LOGITS = 16;

/**
 * How an op splits the gradient in its parameters: into `runs` parts of `size` floats at θ's `at`, a
 * multiple of four.
 */
export interface Split {
  readonly runs: number;
  readonly size: number;
  readonly at: number;
}

/**
 * An op with parameters also has the passes that end in θ. Where the sum over images is split they leave
 * its runs [runs, R, size] in `partial`, and thetaBar as it is (see SplitSums).
 */
export interface ParametricOp extends Op {
  vjpW(record: Recorder, span: Span, t: VjpWTensors): void;
  hvpW(record: Recorder, span: Span, t: HvpWTensors): void;
  /**
   * fwd to logits and the gradient of their mean cross-entropy over `count` images (SoftmaxXent.vjpZ)
   * in one dispatch, in ops that have it, for at most MOST_LOGITS outputs.
   */
  fwdXent?(record: Recorder, span: Span, t: FwdXentTensors, count: number): void;
  /** How the sum over images is split, in ops that do so. */
  split?(span: Span): Split;
  /** Bindings that its parameters may take, where they are more than one holds; 1 when left out. */
  readonly bindings?: number;
  /** vjpX and vjpW in one dispatch, in ops that have it. */
  vjp?(record: Recorder, span: Span, t: VjpXTensors & VjpWTensors): void;
  /** hvpX and hvpW in one dispatch, in ops that have it. */
  hvp?(record: Recorder, span: Span, t: HvpXTensors & HvpWTensors & { xDot: Tensor }): void;
}

export interface FwdTensors {
  x: Tensor;
  theta: Tensor;
  y: Tensor;
  saved?: Tensor;
}

export interface FwdXentTensors extends FwdTensors {
  labels: Tensor;
  zBar: Tensor;
}

export interface JvpTensors {
  x: Tensor;
  xDot: Tensor | null;
  theta: Tensor;
  thetaDot: Tensor;
  yDot: Tensor;
  saved?: Tensor;
}

export interface VjpXTensors {
  x: Tensor;
  theta: Tensor;
  yBar: Tensor;
  xBar: Tensor;
  saved?: Tensor;
}

export interface HvpXTensors {
  x: Tensor;
  xDot: Tensor | null;
  theta: Tensor;
  thetaDot: Tensor;
  yBar: Tensor;
  yBarDot: Tensor;
  xBarDot: Tensor;
  saved?: Tensor;
}

export interface VjpWTensors {
  x: Tensor;
  yBar: Tensor;
  thetaBar: Tensor;
  saved?: Tensor;
  partial?: Tensor;
}

export interface HvpWTensors {
  x: Tensor;
  xDot: Tensor | null;
  yBar: Tensor;
  yBarDot: Tensor;
  thetaBarDot: Tensor;
  saved?: Tensor;
  partial?: Tensor;
}

/** Whether an op has parameters. */
export function isParametric(op: Op): op is ParametricOp {
  return op.parameters.length > 0;
}

/** Floats of an op's parameters, which stand one after the other. */
export function parameterFloats({ parameters }: Op): number {
  return parameters.reduce((sum, { shape, pitch }) => sum + shape[0]! * pitch, 0);
}

/** Floats of one image's activations. */
export function sizeOf({ channels, height, width }: Planes): number {
  return channels * height * width;
}

/** Images rounded up to whole vec4s. */
export function padded(images: number): number {
  return Math.ceil(images / 4) * 4;
}

/** @throws TypeError unless `x` has one set of images for each network, or one that all share. */
export function checkShared(what: string, x: Tensor, planes: Planes, span: Span): void {
  const size = sizeOf(planes);
  if (x.size === size * span.images) return;
  checkSize(what, x, [span.networks, size, span.images]);
}

/** @throws TypeError when a tensor handed to an op has not the size that its planes give. */
export function checkSize(what: string, tensor: Tensor, expected: readonly number[]): void {
  const size = expected.reduce((a, b) => a * b, 1);
  if (tensor.size !== size) {
    throw new TypeError(
      `Cannot run ${what}: got shape [${tensor.shape.join(", ")}], expected ${size} numbers as ` +
        `[${expected.join(", ")}]`,
    );
  }
}

/** A tensor that a pass cannot do without. @throws TypeError when there is none, or of another size. */
export function needed(
  what: string,
  tensor: Tensor | undefined,
  expected: readonly number[],
): Tensor {
  if (!tensor) {
    throw new TypeError(`Cannot run ${what}: got none, expected [${expected.join(", ")}]`);
  }
  checkSize(what, tensor, expected);
  return tensor;
}
