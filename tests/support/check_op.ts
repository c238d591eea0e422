/**
 * check_op: proves all passes of a layer, with R networks at once, against its float64 twin.
 *
 * (1) each pass against the twin, to what f32 allows a sum of that pass's own length; (2) on the GPU's own numbers
 * ⟨ȳ, ẏ⟩ = ⟨x̄, ẋ⟩ + ⟨θ̄, θ̇⟩ and the symmetry of the second derivative; (3) a second run is bit-identical, θ̄'s
 * padding stays zero, and every word around an output stays as it was. That the twin itself agrees with central
 * differences is shown in tests/oracle.
 */
import assert from "node:assert/strict";
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { kindOf, type LayerName, type LayerSettings } from "../../src/layers/list.ts";
import {
  type Frame,
  type Op,
  padded,
  type Parameter,
  parameterFloats,
  type Planes,
  sizeOf,
} from "../../src/layers/op.ts";
import { SplitSums } from "../../src/nets/split_sums.ts";
import { Theta } from "../../src/nets/theta.ts";
import { type OracleLayer, sequence } from "../../src/oracle/layer.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { relu as reluTwin } from "../../src/oracle/relu.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "./close.ts";
import { download, rounded, upload } from "./layout.ts";

const GUARD = 12345.5;

/** A layer where it stands. */
export interface Case<Name extends LayerName> {
  readonly kind: Name;
  readonly settings: LayerSettings<Name>;
  readonly input: Planes;
  readonly classes?: number;
  /** Whether its input passes through ReLU, and 2 × 2 max-pooling follows that it takes. */
  readonly relu?: boolean;
  readonly pool?: boolean;
}

/** What to check a layer with. */
export interface Check {
  readonly networks: number;
  readonly images: number;
  /** Products that the longest sum of a pass to y, to x̄ and to θ̄ adds up. */
  readonly terms: { readonly y: number; readonly x: number; readonly theta?: number };
  /** Input of network r; keeps off the layer's kinks. */
  readonly x: (r: number) => Float64Array;
  /** Whether all networks read the same input (x of network 0), which then also stands still. */
  readonly shared?: boolean;
}

/** The layer on the GPU. */
export function opOf<Name extends LayerName>(device: Device, layer: Case<Name>): Op {
  const { kind, settings, input, classes = 10, relu = false, pool = false } = layer;
  return kindOf(kind).op(device, { name: "layer", input, relu, pool }, settings as never, classes);
}

/** The same layer in float64, with the ReLU and the pooling that it takes. */
export function oracleOf<Name extends LayerName>(layer: Case<Name>): OracleLayer {
  const { kind, settings, input, classes = 10, relu = false, pool = false } = layer;
  const { channels: C, height: H, width: V } = kindOf(kind).output(
    input,
    settings as never,
    classes,
  );
  return sequence([
    ...(relu ? [reluTwin(sizeOf(input))] : []),
    kindOf(kind).twin(input, settings as never, classes),
    ...(pool ? [maxPool({ C, H, V, SIZE: 2 })] : []),
  ], kind);
}

/** Numbers of one network. */
interface Numbers {
  x: Float64Array;
  w: Float64Array;
  xDot: Float64Array;
  wDot: Float64Array;
  yBar: Float64Array;
  yBarDot: Float64Array;
}

/** Runs every pass of a layer and compares. */
export async function checkOp<Name extends LayerName>(
  device: Device,
  layer: Case<Name>,
  check: Check,
): Promise<void> {
  const op = opOf(device, layer);
  const oracle = oracleOf(layer);
  const { networks: R, images: N, shared = false } = check;
  const draw = (seed: number) =>
    Array.from({ length: R }, (_, r): Numbers => ({
      x: rounded(check.x(shared ? 0 : r)),
      w: rounded(random(oracle.params, 21 + r)),
      xDot: rounded(random(oracle.inSize * N, seed + (shared ? 10 : 10 + r))),
      wDot: rounded(random(oracle.params, seed + 20 + r)),
      yBar: rounded(random(oracle.outSize * N, 51 + r)),
      yBarDot: rounded(random(oracle.outSize * N, seed + 40 + r)),
    }));
  const [u, v] = [draw(21), draw(121)];
  const gpu = await runPasses(device, op, check, u);
  compare(gpu, oracle, check, u);
  assert.deepEqual(await runPasses(device, op, check, u), gpu, "a second run gives other bits");
  await isSymmetric(device, op, oracle, check, u, v);
}

interface Results {
  y: Float64Array[];
  yDot: Float64Array[];
  xBar: Float64Array[];
  xBarDot: Float64Array[];
  wBar: Float64Array[];
  wBarDot: Float64Array[];
  /** With ẋ = 0, of layers with parameters, which may come first. */
  still?: { yDot: Float64Array[]; xBarDot: Float64Array[]; wBarDot: Float64Array[] };
}

function compare(gpu: Results, oracle: OracleLayer, check: Check, numbers: Numbers[]): void {
  const { images: N, terms, shared = false } = check;
  numbers.forEach((c, r) => {
    const zero = new Float64Array(c.x.length);
    const vjp = oracle.vjp(c.x, c.w, c.yBar, N);
    const hvp = oracle.hvp(c.x, c.w, c.xDot, c.wDot, c.yBar, c.yBarDot, N);
    const same = (name: string, actual: Float64Array, expected: Float64Array, sum = 1) =>
      assertClose(`${oracle.name} ${name} of network ${r}`, actual, expected, sum);
    same("y", gpu.y[r]!, oracle.fwd(c.x, c.w, N), terms.y);
    same("xBar", gpu.xBar[r]!, vjp.xBar, terms.x);
    if (!shared) {
      same("yDot", gpu.yDot[r]!, oracle.jvp(c.x, c.w, c.xDot, c.wDot, N), 2 * terms.y);
      same("xBarDot", gpu.xBarDot[r]!, hvp.xBarDot, 2 * terms.x);
      const bars = dot(gpu.xBar[r]!, c.xDot) + dot(gpu.wBar[r] ?? [], c.wDot);
      const scale = abs(gpu.yDot[r]!, c.yBar);
      assertClose("⟨ȳ, ẏ⟩ = ⟨x̄, ẋ⟩ + ⟨θ̄, θ̇⟩", [dot(c.yBar, gpu.yDot[r]!)], [bars], terms.y, scale);
    }
    if (!gpu.still) return;
    const still = oracle.hvp(c.x, c.w, zero, c.wDot, c.yBar, c.yBarDot, N);
    const { yDot, xBarDot, wBarDot } = gpu.still;
    same("wBar", gpu.wBar[r]!, vjp.wBar, terms.theta);
    if (!shared) same("wBarDot", gpu.wBarDot[r]!, hvp.wBarDot, 2 * terms.theta!);
    if (yDot.length === 0) return;
    same("yDot with ẋ = 0", yDot[r]!, oracle.jvp(c.x, c.w, zero, c.wDot, N), terms.y);
    same("xBarDot with ẋ = 0", xBarDot[r]!, still.xBarDot, 2 * terms.x);
    same("wBarDot with ẋ = 0", wBarDot[r]!, still.wBarDot, terms.theta);
  });
}

/** With ȳ fixed, x̄˙ and θ̄˙ are a Hessian times (ẋ, θ̇): ⟨Hu, v⟩ = ⟨Hv, u⟩. */
async function isSymmetric(
  device: Device,
  op: Op,
  oracle: OracleLayer,
  check: Check,
  u: Numbers[],
  v: Numbers[],
): Promise<void> {
  if (check.shared) return;
  const fixed = (numbers: Numbers[]) =>
    numbers.map((c) => ({ ...c, yBarDot: new Float64Array(c.yBarDot.length) }));
  const [Hu, Hv] = [
    await runPasses(device, op, check, fixed(u)),
    await runPasses(device, op, check, fixed(v)),
  ];
  const along = (H: Results, r: number, c: Numbers, times = dot) =>
    times(H.xBarDot[r]!, c.xDot) + times(H.wBarDot[r] ?? [], c.wDot);
  u.forEach((c, r) => {
    const [uHv, vHu] = [along(Hv, r, c), along(Hu, r, v[r]!)];
    const scale = along(Hv, r, c, abs);
    const { y, x, theta = 1 } = check.terms;
    const tolerance = 4 * 2 ** -23 * Math.sqrt(Math.max(y, x, theta)) * scale;
    assert.ok(
      Math.abs(uHv - vHu) <= tolerance,
      `${oracle.name}: the second derivative is not symmetric: ${uHv}, ${vHu}, tolerance ${tolerance}`,
    );
  });
}

/** Runs all passes of a layer on numbers of R networks. */
async function runPasses(
  device: Device,
  op: Op,
  { networks, images: N, shared }: Check,
  numbers: Numbers[],
): Promise<Results> {
  using owned = new DisposableStack();
  const images = padded(N);
  const span = { networks, images };
  const floats = parameterFloats(op);
  const [rowsX, rowsY] = [sizeOf(op.input), sizeOf(op.output)];
  const inputs = shared ? numbers.slice(0, 1) : numbers;
  const put = (arrays: Float64Array[], rows: number) => owned.use(upload(device, arrays, rows, N));
  const theta = (pick: (c: Numbers) => Float64Array) =>
    floats > 0
      ? owned.use(device.tensor([networks, floats])).write(
        pack(op.parameters, floats, numbers.map(pick)),
      )
      : undefined;
  const words = op.residual?.(span) ?? { words: 0, dot: 0 };
  const scratch = (size: number) => size > 0 ? owned.use(device.tensor([size])) : undefined;
  const sums = owned.use(new SplitSums(device, [op], span));
  const guarded = (size: number, inside: number) => {
    const whole = owned.use(device.tensor([64 + size + 64]));
    const words = new Float32Array(whole.size).fill(GUARD);
    whole.write(words.fill(inside, 64, 64 + size));
    return { whole, out: whole.view(64, [size]) };
  };
  const toX = () => guarded(networks * rowsX * images, GUARD);
  const toY = () => guarded(networks * rowsY * images, GUARD);
  const outs = { y: toY(), yDot: toY(), xBar: toX(), xBarDot: toX() };
  const still = { yDot: toY(), xBarDot: toX() };
  const thetas = Array.from({ length: 3 }, () => new Theta(device, [floats], networks));
  thetas.forEach((theta) => owned.use(theta));
  const frame: Frame = {
    ...span,
    x: put(inputs.map((c) => c.x), rowsX),
    xDot: shared ? undefined : put(numbers.map((c) => c.xDot), rowsX),
    theta: theta((c) => c.w),
    thetaDot: theta((c) => c.wDot),
    y: outs.y.out,
    yDot: outs.yDot.out,
    residual: scratch(words.words),
    residualDot: scratch(words.dot),
    yBar: put(numbers.map((c) => c.yBar), rowsY),
    yBarDot: put(numbers.map((c) => c.yBarDot), rowsY),
    xBar: outs.xBar.out,
    xBarDot: outs.xBarDot.out,
    runs: sums.runs[0],
  };
  const record = device.record();
  const isMoving = !shared;
  const canStand = op.parameters.length > 0 && op.parameters[0]!.initial === "weight";
  const back = (which: number, tangent: boolean, on: Frame) => {
    const bar = thetas[which]!.layers[0];
    op.backward(
      record,
      { ...on, ...(tangent ? { thetaBarDot: bar } : { thetaBar: bar }) },
      tangent,
    );
    if (floats > 0) sums.finish(record, thetas[which]!);
  };
  op.forward(record, frame, false);
  back(0, false, frame);
  if (isMoving) {
    op.forward(record, frame, true);
    back(1, true, frame);
  }
  if (canStand) {
    const stands = { ...frame, xDot: undefined, yDot: still.yDot.out, xBarDot: still.xBarDot.out };
    op.forward(record, stands, true);
    back(2, true, stands);
  }
  record.submit();
  const read = async ({ whole, out }: { whole: Tensor; out: Tensor }, rows: number) => {
    const words = await whole.read();
    const around = [...words.subarray(0, 64), ...words.subarray(64 + out.size)];
    assert.deepEqual(around, around.map(() => GUARD), "words around an output were written");
    return await download(out, networks, rows, N);
  };
  const readTheta = async (which: number) => {
    if (floats === 0) return [];
    const words = await thetas[which]!.read();
    const padding = paddingOf(op.parameters, floats, networks).map((i) => words[i]);
    assert.deepEqual(padding, padding.map(() => 0), "padding of θ̄ was written");
    return unpack(op.parameters, floats, words, networks);
  };
  return {
    y: await read(outs.y, rowsY),
    yDot: isMoving ? await read(outs.yDot, rowsY) : [],
    xBar: await read(outs.xBar, rowsX),
    xBarDot: isMoving ? await read(outs.xBarDot, rowsX) : [],
    wBar: await readTheta(0),
    wBarDot: isMoving ? await readTheta(1) : [],
    ...(floats > 0 && {
      still: canStand
        ? {
          yDot: await read(still.yDot, rowsY),
          xBarDot: await read(still.xBarDot, rowsX),
          wBarDot: await readTheta(2),
        }
        : { yDot: [], xBarDot: [], wBarDot: [] },
    }),
  };
}

/** The twin's flat parameters to R slices of θ with its paddings. */
function pack(parameters: readonly Parameter[], floats: number, flats: Float64Array[]) {
  const theta = new Float32Array(flats.length * floats);
  flats.forEach((flat, r) => {
    forEachElement(parameters, (at, i) => theta[r * floats + at] = flat[i]!);
  });
  return theta;
}

function unpack(parameters: readonly Parameter[], floats: number, theta: Float32Array, R: number) {
  return Array.from({ length: R }, (_, r) => {
    const flat: number[] = [];
    forEachElement(parameters, (at, i) => flat[i] = theta[r * floats + at]!);
    return Float64Array.from(flat);
  });
}

/** Places in R slices of θ that belong to no parameter. */
function paddingOf(parameters: readonly Parameter[], floats: number, R: number): number[] {
  const used = new Set<number>();
  for (let r = 0; r < R; r++) forEachElement(parameters, (at) => used.add(r * floats + at));
  return Array.from({ length: R * floats }, (_, i) => i).filter((i) => !used.has(i));
}

function forEachElement(parameters: readonly Parameter[], visit: (at: number, i: number) => void) {
  let i = 0;
  for (const { shape, at, pitch } of parameters) {
    const columns = shape.slice(1).reduce((a, b) => a * b, 1);
    for (let row = 0; row < shape[0]!; row++) {
      for (let column = 0; column < columns; column++) visit(at + row * pitch + column, i++);
    }
  }
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function abs(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! * b[i]!);
  return sum;
}
