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
import { type Bindings, type Device, MOST_TURNS, type Recorder, type Tensor } from "../gpu/mod.ts";
import type { OracleLayer } from "../oracle/layer.ts";

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
  /** R, networks side by side. */
  readonly networks: number;
  /** N, images including padding: a multiple of four. */
  readonly images: number;
}

/**
 * The tensors of one layer at one step, with ℓ the loss. Left out is what a pass does not read, or
 * is not to write.
 */
export interface Frame extends Span {
  /** The layer's input: [R, C, H, V, N], or [C, H, V, N] where all networks share it. */
  readonly x: Tensor;
  /** ẋ [R, C, H, V, N]. Left out where the input stands still: the images do not move with θ. */
  readonly xDot?: Tensor | undefined;
  /** θ [R, P]. A layer without parameters has neither θ nor anything of its shape. */
  readonly theta?: Tensor | undefined;
  /** θ̇ [R, P], the direction of the tangents. */
  readonly thetaDot?: Tensor | undefined;
  /** The layer's output [R, C, H, V, N]. */
  readonly y: Tensor;
  /** ẏ [R, C, H, V, N]. */
  readonly yDot?: Tensor | undefined;
  /** What `forward` leaves for the other passes beside y; `Op.residual` says how many words. */
  readonly residual?: Tensor | undefined;
  /** What `forward` with `tangent` leaves for `backward` with `tangent` beside ẏ. */
  readonly residualDot?: Tensor | undefined;
  /** ȳ = ∂ℓ/∂y [R, C, H, V, N]. */
  readonly yBar?: Tensor | undefined;
  /** ȳ˙ [R, C, H, V, N]. */
  readonly yBarDot?: Tensor | undefined;
  /** x̄ = ∂ℓ/∂x [R, C, H, V, N]. */
  readonly xBar?: Tensor | undefined;
  /** x̄˙ [R, C, H, V, N]. */
  readonly xBarDot?: Tensor | undefined;
  /** θ̄ = ∂ℓ/∂θ [R, P]. */
  readonly thetaBar?: Tensor | undefined;
  /** θ̄˙ [R, P]. */
  readonly thetaBarDot?: Tensor | undefined;
  /**
   * Partial sums [runs, R, P] of θ̄, or with `tangent` of θ̄˙. An op with `runs` leaves these in
   * place of the sum, and `SplitSums` adds them up.
   */
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
  /** PyTorch's fan_in of the weight: inputs that an output depends on. */
  readonly fanIn: number;
  /** PyTorch's fan_out of the weight: output channels times the area of the kernel. */
  readonly fanOut: number;
  /** What it starts as: drawn; zero, except by PyTorch's initialisation; or one, or zero, always. */
  readonly initial: "weight" | "bias" | "one" | "zero";
}

/** A layer on the GPU. */
export interface Op {
  /** Extents of x, of one image. */
  readonly input: Planes;
  /** Extents of y, of one image. */
  readonly output: Planes;
  /** Parameters in the order of PyTorch; none in most layers. */
  readonly parameters: readonly Parameter[];
  /** Records y and its residual, or with `tangent` ẏ and the tangent of the residual. */
  forward(record: Recorder, frame: Frame, tangent: boolean): void;
  /** Records x̄ and θ̄, or with `tangent` x̄˙ and θ̄˙: whichever of them the frame has room for. */
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
  /** Extents of its input, of one image. */
  readonly input: Planes;
  /** Whether its input passes through ReLU first, in kinds that take one. */
  readonly relu: boolean;
  /** Whether 2 × 2 max-pooling follows that it is to take, in kinds that can. */
  readonly pool: boolean;
}

/** A check of what a recipe says of a layer. Zod's schemas are such checks. */
export interface SettingsSchema<Settings> {
  /** The settings, defaults filled in, or what is wrong with `value`. */
  safeParse(value: unknown):
    | { readonly success: true; readonly data: Settings }
    | { readonly success: false; readonly error: { readonly issues: readonly SettingsIssue[] } };
}

/** What is wrong with a setting. */
export interface SettingsIssue {
  /** Where in the settings. */
  readonly path: readonly PropertyKey[];
  /** What was expected. */
  readonly message: string;
  /** Settings that do not exist, where that is what is wrong. */
  readonly keys?: readonly string[];
}

/** A kind of layer: how a recipe writes it, and what it becomes. */
export interface LayerKind<Settings> {
  /** Its settings as a recipe writes them; the message of a rule is what was expected. */
  readonly settings: SettingsSchema<Settings>;
  /** The setting that may stand for all of them: `dense: 120` is `dense: {outputs: 120}`. */
  readonly short?: string;
  /** What its layers are called where they are not named: conv1, conv2 …; kinds with parameters. */
  readonly prefix?: string;
  /** Whether a ReLU before it is its own (`take`), may as well come after it (`pass`), or needs an op. */
  readonly relu?: "take" | "pass";
  /** Extents of its output. `classes` is how many the data set has, for settings that name them. */
  output(input: Planes, settings: Settings, classes: number): Planes;
  /** Whether it can take 2 × 2 max-pooling of its output. */
  pools?(input: Planes, settings: Settings): boolean;
  /** Makes the layer for a device. */
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

/**
 * Refuses a layer whose loops a software adapter would leave unfinished (`MOST_TURNS`).
 *
 * @throws RangeError for more turns than an invocation may take there; `advice` says what to do.
 */
export function expectTurns(device: Device, name: string, turns: number, advice: string): void {
  if (device.profile.name !== "software" || turns <= MOST_TURNS) return;
  throw new RangeError(
    `Cannot build ${name}: got loops of ${turns} turns, expected at most ${MOST_TURNS} on a software ` +
      `adapter; ${advice}`,
  );
}

/**
 * Which tensors of a frame a kernel binds: their names in {@linkcode Frame} by the names of the
 * bindings in WGSL. `null` is for a binding that the entry point names but does not touch.
 */
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
