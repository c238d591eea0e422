/**
 * Op: a differentiable layer for R networks at once.
 *
 *   forward    y, or with `tangent` ẏ
 *   backward   x̄ and θ̄, or with `tangent` x̄˙ and θ̄˙: whichever of them the frame has room for
 *
 * Activations are [R, C, H, V, N] with the images innermost, padded to a multiple of four; an input that all
 * networks share is [C, H, V, N]. θ and what has its shape is [R, P], a network's parameters of this layer one
 * after the other.
 *
 * Naming: `xDot` is a tangent, `xBar` a cotangent, `xBarDot` the tangent of a cotangent (Pearlmutter 1994).
 */
import type { Bindings, Device, Recorder, Tensor } from "../gpu/mod.ts";
import type { OracleLayer } from "../oracle/layer.ts";
import type { z } from "zod";

/** Extents of one image's activations. */
export interface Planes {
  /** Channels; numbers, where there are no planes. */
  readonly channels: number;
  /** Rows of a plane. */
  readonly height: number;
  /** Columns of a plane. */
  readonly width: number;
}

/** How many networks and images a pass runs over. */
export interface Span {
  readonly networks: number;
  /** Images including padding: a multiple of four. */
  readonly images: number;
}

/** The tensors of one layer at one step. Left out is what a pass does not read, or is not to write. */
export interface Frame extends Span {
  readonly x: Tensor;
  /** Left out where the input stands still: the images do not move with θ. */
  readonly xDot?: Tensor | undefined;
  readonly theta?: Tensor | undefined;
  readonly thetaDot?: Tensor | undefined;
  readonly y: Tensor;
  readonly yDot?: Tensor | undefined;
  /** What forward leaves for the other passes beside y, and with `tangent` for the others with it. */
  readonly residual?: Tensor | undefined;
  readonly residualDot?: Tensor | undefined;
  readonly yBar?: Tensor | undefined;
  readonly yBarDot?: Tensor | undefined;
  readonly xBar?: Tensor | undefined;
  readonly xBarDot?: Tensor | undefined;
  readonly thetaBar?: Tensor | undefined;
  readonly thetaBarDot?: Tensor | undefined;
  /** Where an op that splits the sum that is θ̄ leaves the runs [runs, R, P], in place of θ̄ (SplitSums). */
  readonly runs?: Tensor | undefined;
}

/** A named parameter inside a network's slice of a layer's θ. */
export interface Parameter {
  /** PyTorch's name, such as `conv1.weight`. */
  readonly name: string;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** Where it starts in the slice, in floats. */
  readonly at: number;
  /** Floats from one row (first index) to the next, at least the row's length. */
  readonly pitch: number;
  readonly fanIn: number;
  readonly fanOut: number;
  /** What it starts as: drawn; zero, except by PyTorch's initialisation; or one, or zero, always. */
  readonly initial: "weight" | "bias" | "one" | "zero";
}

/** A layer on the GPU. */
export interface Op {
  readonly input: Planes;
  readonly output: Planes;
  /** Parameters in the order of PyTorch; none in most layers. */
  readonly parameters: readonly Parameter[];
  forward(record: Recorder, frame: Frame, tangent: boolean): void;
  backward(record: Recorder, frame: Frame, tangent: boolean): void;
  /** Words of the residual, and of its tangent, for runs over `span`, where it leaves one. */
  residual?(span: Span): { readonly words: number; readonly dot: number };
  /** Runs that it splits the sum of θ̄ into, where it does. */
  runs?(span: Span): number;
}

/** Where a layer stands in a network. */
export interface Place {
  /** Its parameters are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly input: Planes;
  /** Whether its input passes through ReLU first, in kinds that take one. */
  readonly relu: boolean;
  /** Whether 2 × 2 max-pooling follows that it is to take, in kinds that can. */
  readonly pool: boolean;
}

/** A kind of layer: how a recipe writes it, and what it becomes. */
export interface LayerKind<Settings> {
  /** Its settings as a recipe writes them; the message of a rule is what was expected. */
  readonly settings: z.ZodType<Settings>;
  /** The setting that may stand for all of them: `dense: 120` is `dense: {outputs: 120}`. */
  readonly short?: string;
  /** What its layers are called where they are not named: conv1, conv2 …; kinds with parameters. */
  readonly prefix?: string;
  /** Whether a ReLU before it is its own (`take`), may as well come after it (`pass`), or needs an op. */
  readonly relu?: "take" | "pass";
  output(input: Planes, settings: Settings, classes: number): Planes;
  /** Whether it can take 2 × 2 max-pooling of its output. */
  pools?(input: Planes, settings: Settings): boolean;
  op(device: Device, place: Place, settings: Settings, classes: number): Op;
  /** The same layer in float64, without the ReLU and the pooling that it takes. */
  twin(input: Planes, settings: Settings, classes: number): OracleLayer;
}

/** Numbers of one image's activations. */
export function sizeOf({ channels, height, width }: Planes): number {
  return channels * height * width;
}

/** Images, or floats, rounded up to whole vec4s. */
export function padded(count: number): number {
  return Math.ceil(count / 4) * 4;
}

/** Floats of an op's parameters of one network: whole vec4s. */
export function parameterFloats({ parameters }: Op): number {
  return padded(
    parameters.reduce((end, { at, shape, pitch }) => Math.max(end, at + shape[0]! * pitch), 0),
  );
}

/** How many windows of a side there are along each side of `input`. */
export function windowsOf(
  { height, width }: Planes,
  { size, stride, pad }: { size: number; stride: number; pad: number },
): { height: number; width: number } {
  const along = (side: number) => Math.floor((side + 2 * pad - size) / stride) + 1;
  return { height: along(height), width: along(width) };
}

/**
 * A bilinear layer y = f(x, w) + b whose input stands still: its tangent is f(x, ẇ) + ḃ, the pass itself with θ̇ for
 * θ, and that of θ̄ = fW(x, ȳ) is fW(x, ȳ˙), the pass itself with ȳ˙ for ȳ.
 */
export function standingStill(frame: Frame): Frame {
  const { thetaDot: theta, yDot: y, yBarDot: yBar, thetaBarDot: thetaBar } = frame;
  return { ...frame, theta, y: y ?? frame.y, yBar, thetaBar };
}

/** The tensors of a frame by the names that a kernel gives them; `null` for one that it does not touch. */
export type Table = Readonly<Record<string, Exclude<keyof Frame, keyof Span> | null>>;

/**
 * Looks up what a kernel binds. An x̄ that the frame has no room for is not touched.
 *
 * @throws TypeError for any other tensor that the frame lacks, or that has another size.
 */
export function bind(what: string, op: Op, frame: Frame, table: Table): Bindings {
  const { networks, images } = frame;
  const [inputs, outputs] = [sizeOf(op.input), sizeOf(op.output)];
  const sizeOfTensor = (name: string): number[] => {
    if (name === "runs") return [op.runs!(frame), networks, parameterFloats(op)];
    if (name === "residual") return [op.residual!(frame).words];
    if (name === "residualDot") return [op.residual!(frame).dot];
    if (name.startsWith("theta")) return [networks, parameterFloats(op)];
    if (name === "x" && isShared(frame, op.input)) return [inputs, images];
    return [networks, name.startsWith("x") ? inputs : outputs, images];
  };
  const entries = Object.entries(table).map(([binding, name]) => {
    if (name === null || name.startsWith("xBar") && !frame[name]) return [binding, null];
    return [binding, needed(`${what} on ${name}`, frame[name], sizeOfTensor(name))];
  });
  return Object.fromEntries(entries);
}

/** Whether all networks share one x. */
function isShared({ images, x }: Frame, input: Planes): boolean {
  return x.size === sizeOf(input) * images;
}

/** The sizes of a frame, for a kernel. */
export function sizesOf(frame: Frame, input: Planes) {
  const { networks, images } = frame;
  return { R: networks, XR: isShared(frame, input) ? 1 : networks, N: images / 4 };
}

/** A tensor that a pass cannot do without. @throws TypeError when there is none, or of another size. */
export function needed(
  what: string,
  tensor: Tensor | undefined,
  expected: readonly number[],
): Tensor {
  const size = expected.reduce((a, b) => a * b, 1);
  if (tensor?.size === size) return tensor;
  const got = tensor ? `shape [${tensor.shape.join(", ")}]` : "none";
  throw new TypeError(
    `Cannot run ${what}: got ${got}, expected ${size} numbers as [${expected.join(", ")}]`,
  );
}
