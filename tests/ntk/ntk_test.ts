/** Neural tangent kernels on the GPU against the float64 twin, and their gradient against its central differences. */
import assert from "node:assert/strict";
import type { Device } from "../../src/gpu/mod.ts";
import { type Planes, sizeOf } from "../../src/layers/op.ts";
import { Ntk, type NtkSpec } from "../../src/ntk/ntk.ts";
import { ntk } from "../../src/oracle/ntk.ts";
import { relativeError } from "../../src/run/gradcheck.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { load, run } from "../support/record.ts";

const CASES: readonly { spec: NtkSpec; input: Planes; left: number; images: number }[] = [
  {
    spec: { kernel: "fc", depth: 1, sigmaW2: 2, sigmaB2: 1e-4 },
    input: { channels: 1, height: 5, width: 3 },
    left: 4,
    images: 4,
  },
  {
    spec: { kernel: "fc", depth: 3, sigmaW2: 1.7, sigmaB2: 0.3 },
    input: { channels: 2, height: 3, width: 3 },
    left: 132, // more than one chunk of rows
    images: 20, // more than one tile
  },
  {
    spec: { kernel: "conv", depth: 1, sigmaW2: 2, sigmaB2: 0.01 },
    input: { channels: 3, height: 4, width: 5 },
    left: 8,
    images: 8,
  },
  {
    spec: { kernel: "conv", depth: 3, sigmaW2: 1.8, sigmaB2: 0.1 },
    input: { channels: 1, height: 5, width: 4 },
    left: 8,
    images: 12,
  },
];

const nameOf = ({ spec, left, images }: typeof CASES[number]) =>
  `${spec.kernel} of depth ${spec.depth}, ${left} × ${images} images`;

/** [count, D] as the GPU has it, [D, count], and back. */
function turned(values: ArrayLike<number>, count: number): Float64Array {
  const D = values.length / count;
  return Float64Array.from(values, (_, i) => values[i % count * D + Math.floor(i / count)]!);
}

/** K [A, N] on the GPU of images [A, D] and [N, D]; with `bar` also the gradient [N, D] of Σ bar · K. */
async function onGpu(
  device: Device,
  { spec, input, left, images }: typeof CASES[number],
  a: Float64Array,
  x: Float64Array,
  bar?: Float64Array,
): Promise<{ kernel: Float32Array; gradient: Float64Array }> {
  using block = new Ntk(device, spec, input, left, images);
  using leftImages = load(device, turned(a, left));
  using xImages = load(device, turned(x, images));
  using kernelBar = load(device, bar ?? new Float64Array(left * images));
  using xBar = device.tensor([x.length]);
  run(device, (record) => {
    block.forward(record, { left: leftImages, x: xImages });
    block.backward(record, { left: leftImages, x: xImages }, kernelBar, xBar);
  });
  const gradient = turned(await xBar.read(), x.length / images);
  return { kernel: await block.kernel.read(), gradient };
}

for (const made of CASES) {
  const { spec, input, left, images } = made;
  const D = sizeOf(input);
  const row = (of: Float64Array, i: number) => of.subarray(i * D, (i + 1) * D);

  gpuTest(`the kernel is its float64 twin's: ${nameOf(made)}`, async (device) => {
    const [a, x] = [rounded(random(left * D, 1, 1)), rounded(random(images * D, 2, 1))];
    const { kernel } = await onGpu(device, made, a, x);
    const expected = Float64Array.from(
      { length: left * images },
      (_, i) => ntk(row(a, Math.floor(i / images)), row(x, i % images), spec, input),
    );
    assert.ok(expected.some((value) => value !== 0), "all zero proves nothing");
    const error = relativeError(kernel, expected);
    assert.ok(error < 2e-6, `${error}`);
  });

  gpuTest(`the gradient is that of the twin: ${nameOf(made)}`, async (device) => {
    const [a, x] = [rounded(random(left * D, 3, 1)), rounded(random(images * D, 4, 1))];
    const bar = rounded(random(left * images, 5, 1));
    const { gradient } = await onGpu(device, made, a, x, bar);
    const expected = Float64Array.from(x, (_, i) => {
      const n = Math.floor(i / D);
      const slope = (step: number) => {
        const moved = row(x, n).slice();
        moved[i % D]! += step;
        let sum = 0;
        for (let r = 0; r < left; r++) {
          sum += bar[r * images + n]! * ntk(row(a, r), moved, spec, input);
        }
        return sum;
      };
      return (slope(1e-5) - slope(-1e-5)) / 2e-5;
    });
    assert.ok(expected.some((value) => value !== 0), "all zero proves nothing");
    const error = relativeError(gradient, expected);
    assert.ok(error < 5e-6, `${error}`);
  });
}

gpuTest(
  "closed cases: an image with itself, an orthogonal one and its opposite",
  async (device) => {
    const input = { channels: 1, height: 1, width: 4 };
    const spec: NtkSpec = { kernel: "fc", depth: 1, sigmaW2: 2, sigmaB2: 0 };
    const made = { spec, input, left: 4, images: 4 };
    const x = Float64Array.of(...[3, 0, 0, 4], ...[0, 2, 0, 0], ...[-3, 0, 0, -4], ...[6, 0, 0, 8]);
    const { kernel, gradient } = await onGpu(device, made, x, x, new Float64Array(16).fill(1));
    // With q = σ_w² ‖x‖² / 4 and r = √(q q′): 2r for the same direction, r/π for orthogonal ones, 0 for opposite.
    const [q, r] = [12.5, 5];
    assert.ok(Math.abs(kernel[0]! / (2 * q) - 1) < 1e-6, `${kernel[0]}`);
    assert.ok(Math.abs(kernel[3]! / (4 * q) - 1) < 1e-6, `${kernel[3]}`);
    assert.ok(Math.abs(kernel[1]! / (r / Math.PI) - 1) < 1e-6, `${kernel[1]}`);
    assert.equal(kernel[2], 0);
    assert.ok(gradient.every(Number.isFinite), "no slope is infinite where images coincide");
    // Θ(x, x) = σ_w² ‖x‖² · 2 / 4 from one side alone: its slope is half of that of the diagonal.
    const bar = new Float64Array(16);
    bar[0] = 1;
    const { gradient: alone } = await onGpu(device, made, x, x, bar);
    const expected = [3, 0, 0, 4];
    expected.forEach((value, i) => assert.ok(Math.abs(alone[i]! - value) < 1e-5, `${alone[i]}`));
  },
);
