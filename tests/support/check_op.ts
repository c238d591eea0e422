/**
 * check_op: proves all passes of an op, with R networks at once, against its float64 oracle.
 *
 * (1) each pass against the oracle, tolerance from the length of the sums; (2) ⟨ȳ, jvp⟩ = ⟨vjp, ẋ⟩ and
 * the symmetry of the second derivative on the GPU's own numbers; (3) a second run is bit-identical and
 * θ̄'s padding and every word around stays as it was. That the oracle itself agrees with central
 * differences is shown in tests/oracle.
 */
import { deepEqual } from "node:assert/strict";
import type { Device, Recorder, Tensor } from "../../src/gpu/mod.ts";
import { isParametric, type Op, type Parameter, sizeOf, type Span } from "../../src/ops/op.ts";
import { SplitSums } from "../../src/ops/split_sums.ts";
import type { OracleLayer } from "../../src/oracle/layer.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "./close.ts";
import { download, rounded, upload } from "./layout.ts";

const GUARD = 12345.5;

/** What to check an op against and with. */
export interface Check {
  readonly oracle: OracleLayer;
  readonly networks: number;
  readonly images: number;
  /** Products that the longest sum of any pass adds up. */
  readonly terms: number;
  /** Input of network r; keeps off the op's kinks. */
  readonly x: (r: number) => Float64Array;
  /** Whether all networks read the same input (x of network 0). */
  readonly shared?: boolean;
}

interface Case {
  x: Float64Array;
  w: Float64Array;
  xDot: Float64Array;
  wDot: Float64Array;
  yBar: Float64Array;
  yBarDot: Float64Array;
}

/** Runs every pass of `op` and compares; `stride` is the floats of a network in θ. */
export async function checkOp(device: Device, op: Op, stride: number, check: Check): Promise<void> {
  const { networks: R, images: N, oracle } = check;
  const cases = Array.from({ length: R }, (_, r): Case => ({
    x: rounded(check.x(check.shared ? 0 : r)),
    w: rounded(random(oracle.params, 21 + r)),
    xDot: rounded(random(oracle.inSize * N, check.shared ? 31 : 31 + r)),
    wDot: rounded(random(oracle.params, 41 + r)),
    yBar: rounded(random(oracle.outSize * N, 51 + r)),
    yBarDot: rounded(random(oracle.outSize * N, 61 + r)),
  }));
  const run = new Run(device, op, stride, check, cases);
  const gpu = await run.passes();
  compare(gpu, op, check, cases);
  await run.isDeterministic(gpu);
}

interface Results {
  y: Float64Array[];
  yDot: Float64Array[];
  yDotStill: Float64Array[];
  xBar: Float64Array[];
  xBarDot: Float64Array[];
  wBar: Float64Array[];
  wBarDot: Float64Array[];
  wBarDotStill: Float64Array[];
}

function compare(gpu: Results, op: Op, check: Check, cases: Case[]): void {
  const { oracle, images: N, terms } = check;
  cases.forEach((c, r) => {
    const zero = new Float64Array(c.x.length);
    const vjp = oracle.vjp(c.x, c.w, c.yBar, N);
    const hvp = oracle.hvp(c.x, c.w, c.xDot, c.wDot, c.yBar, c.yBarDot, N);
    const still = oracle.hvp(c.x, c.w, zero, c.wDot, c.yBar, c.yBarDot, N);
    const same = (name: string, actual: Float64Array, expected: Float64Array) =>
      assertClose(`${oracle.name} ${name} of network ${r}`, actual, expected, terms);
    same("y", gpu.y[r]!, oracle.fwd(c.x, c.w, N));
    same("xBar", gpu.xBar[r]!, vjp.xBar);
    same("xBarDot", gpu.xBarDot[r]!, hvp.xBarDot);
    same("yDot", gpu.yDot[r]!, oracle.jvp(c.x, c.w, c.xDot, c.wDot, N));
    const wBar = gpu.wBar[r] ?? new Float64Array(0);
    const adjoint = [dot(c.yBar, gpu.yDot[r]!), dot(gpu.xBar[r]!, c.xDot) + dot(wBar, c.wDot)];
    assertClose("⟨ȳ, jvp⟩ = ⟨vjp, (ẋ, ẇ)⟩", [adjoint[0]!], [adjoint[1]!], terms * c.x.length);
    if (!isParametric(op)) return;
    same("yDot with xDot = 0", gpu.yDotStill[r]!, oracle.jvp(c.x, c.w, zero, c.wDot, N));
    same("wBar", gpu.wBar[r]!, vjp.wBar);
    same("wBarDot", gpu.wBarDot[r]!, hvp.wBarDot);
    same("wBarDot with xDot = 0", gpu.wBarDotStill[r]!, still.wBarDot);
  });
}

/** The tensors of a check and its passes over them. */
class Run {
  readonly #device: Device;
  readonly #op: Op;
  readonly #check: Check;
  readonly #span: Span;
  readonly #in: Record<"x" | "xDot" | "yBar" | "yBarDot" | "theta" | "thetaDot", Tensor>;
  readonly #stride: number;
  readonly #saved: { saved?: Tensor };

  constructor(device: Device, op: Op, stride: number, check: Check, cases: Case[]) {
    const { networks, images: N } = check;
    const [rowsX, rowsY] = [sizeOf(op.input), sizeOf(op.output)];
    const theta = (pick: (c: Case) => Float64Array) =>
      device.tensor([networks, stride]).write(pack(op.parameters, stride, cases.map(pick)));
    const inputs = check.shared ? cases.slice(0, 1) : cases;
    this.#device = device;
    this.#op = op;
    this.#check = check;
    this.#stride = stride;
    this.#span = { networks, images: Math.ceil(N / 4) * 4 };
    const words = op.savedWords?.(this.#span) ?? 0;
    this.#saved = words > 0 ? { saved: device.tensor([words]) } : {};
    this.#in = {
      x: upload(device, inputs.map((c) => c.x), rowsX, N),
      xDot: upload(device, inputs.map((c) => c.xDot), rowsX, N),
      yBar: upload(device, cases.map((c) => c.yBar), rowsY, N),
      yBarDot: upload(device, cases.map((c) => c.yBarDot), rowsY, N),
      theta: theta((c) => c.w),
      thetaDot: theta((c) => c.wDot),
    };
  }

  async passes(): Promise<Results> {
    const { xDot, yBar, yBarDot, theta, thetaDot } = this.#in;
    const [op, span] = [this.#op, this.#span];
    const x = { x: this.#in.x, ...this.#saved };
    const [rowsX, rowsY] = [sizeOf(op.input), sizeOf(op.output)];
    const toY = (pass: (record: Recorder, out: Tensor) => void) => this.#output(rowsY, pass);
    const toX = (pass: (record: Recorder, out: Tensor) => void) => this.#output(rowsX, pass);
    const results: Results = {
      y: await toY((record, y) => op.fwd(record, span, { ...x, theta, y })),
      yDot: await toY((record, yDot) =>
        op.jvp(record, span, { ...x, xDot, theta, thetaDot, yDot })
      ),
      xBar: await toX((record, xBar) => op.vjpX(record, span, { ...x, theta, yBar, xBar })),
      xBarDot: await toX((record, xBarDot) =>
        op.hvpX(record, span, { ...x, xDot, theta, thetaDot, yBar, yBarDot, xBarDot })
      ),
      yDotStill: [],
      wBar: [],
      wBarDot: [],
      wBarDotStill: [],
    };
    if (!isParametric(op)) return results;
    results.yDotStill = await toY((record, yDot) =>
      op.jvp(record, span, { ...x, xDot: null, theta, thetaDot, yDot })
    );
    results.wBar = await this.#theta((record, thetaBar, runs) =>
      op.vjpW(record, span, { ...x, yBar, thetaBar, ...runs })
    );
    results.wBarDot = await this.#theta((record, thetaBarDot, runs) =>
      op.hvpW(record, span, { ...x, xDot, yBar, yBarDot, thetaBarDot, ...runs })
    );
    results.wBarDotStill = await this.#theta((record, thetaBarDot, runs) =>
      op.hvpW(record, span, { ...x, xDot: null, yBar, yBarDot, thetaBarDot, ...runs })
    );
    return results;
  }

  async isDeterministic(first: Results): Promise<void> {
    deepEqual(await this.passes(), first, "a second run gives other bits");
  }

  /** Runs a pass into the middle of a guarded buffer. */
  async #output(rows: number, pass: (record: Recorder, out: Tensor) => void) {
    const { networks, images } = this.#span;
    const whole = await this.#guarded([networks, rows, images], pass);
    return await download(whole, networks, rows, this.#check.images);
  }

  /** Runs a pass that ends in θ, and adds up what it has split. */
  async #theta(
    pass: (record: Recorder, out: Tensor, runs: { partial?: Tensor }) => void,
  ): Promise<Float64Array[]> {
    const { networks } = this.#span;
    const isSplit = SplitSums.bytes([this.#op], this.#span) > 0;
    using sums = isSplit ? new SplitSums(this.#device, [this.#op], this.#span) : undefined;
    const tensor = await this.#guarded([networks, this.#stride], (record, out) => {
      pass(record, out, sums ? { partial: sums.partials[0]! } : {});
      sums?.sum(record, out);
    });
    return unpack(this.#op.parameters, this.#stride, await tensor.read(), networks);
  }

  /** A view between guard words that the pass must leave alone. */
  async #guarded(shape: number[], pass: (record: Recorder, out: Tensor) => void): Promise<Tensor> {
    const size = shape.reduce((a, b) => a * b, 1);
    const whole = this.#device.tensor([64 + size + 64]);
    whole.write(new Float32Array(whole.size).fill(GUARD));
    const out = whole.view(64, shape);
    const record = this.#device.record();
    pass(record, out);
    record.submit();
    const words = await whole.read();
    const around = [...words.subarray(0, 64), ...words.subarray(64 + size)];
    deepEqual(around, around.map(() => GUARD), "words around the output were written");
    return out;
  }
}

/** The oracle's flat parameters to R slices of θ with its paddings. */
function pack(parameters: readonly Parameter[], stride: number, flats: Float64Array[]) {
  const theta = new Float32Array(flats.length * stride);
  flats.forEach((flat, r) => {
    forEachElement(parameters, (at, i) => theta[r * stride + at] = flat[i]!);
  });
  return theta;
}

function unpack(parameters: readonly Parameter[], stride: number, theta: Float32Array, R: number) {
  return Array.from({ length: R }, (_, r) => {
    const flat: number[] = [];
    forEachElement(parameters, (at, i) => flat[i] = theta[r * stride + at]!);
    return Float64Array.from(flat);
  });
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

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
