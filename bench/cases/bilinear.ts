/** Bilinear: the cases of an op with weights, all six passes on tensors of noise. */
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { type Op, padded, type ParametricOp, sizeOf } from "../../src/ops/op.ts";
import { SplitSums } from "../../src/ops/split_sums.ts";
import type { Case } from "../rate.ts";

/** Three tensors. */
export type Three = [Tensor, Tensor, Tensor];

/** Batch sizes of training with LeNet: ten distilled images, and a part of the real batch. */
export const BATCHES: readonly number[] = [10, 256];

/** With the far larger AlexCifarNet. */
export const LARGE_BATCHES: readonly number[] = [10];

/** Images that an op of a large network is proved at: more take the float64 loops minutes. */
export const FEW = 2;

/** Runs in one command buffer, so that small batches are not all waiting. */
export function runsFor(count: number): number {
  return count < 64 ? 200 : 10;
}

/** Floating-point operations of one product with an op's weights: 2 for each weight and output. */
export function flopsOf(op: Op, images: number): number {
  const { parameters: [weight], output: { height, width } } = op;
  const weights = weight?.shape.reduce((a, b) => a * b, 1) ?? 0;
  const pooled = op instanceof Conv2d && op.pools ? 4 : 1; // outputs that a maximum is taken of
  return 2 * weights * height * width * pooled * images;
}

/** A tensor of seeded noise. */
export function noise(device: Device, shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const words = Float32Array.from({ length: size }, (_, i) => Math.sin(1 + (i + seed) * 12.9898));
  return device.tensor(shape).write(words);
}

/**
 * The six passes of an op. A tangent pass counts two products, by the product rule; the gradient in w
 * of what is pooled a quarter of them, since the others are zero and are not done.
 *
 * @param stride floats of a network in θ
 */
export function passesOf(
  device: Device,
  layer: string,
  op: ParametricOp,
  stride: number,
  count: number,
): Case[] {
  const images = padded(count);
  const span = { networks: 1, images };
  const like = (rows: number, seed: number) => noise(device, [1, rows, images], seed);
  const [x, xDot, xBar] = [1, 2, 3].map((seed) => like(sizeOf(op.input), seed)) as Three;
  const [y, yBar, yBarDot] = [4, 5, 6].map((seed) => like(sizeOf(op.output), seed)) as Three;
  const [theta, thetaDot, thetaBar] = [7, 8, 9].map((s) => noise(device, [1, stride], s)) as Three;
  const sums = SplitSums.bytes([op], span) > 0 ? new SplitSums(device, [op], span) : undefined;
  const runs = sums ? { partial: sums.partials[0]! } : {};
  const pools = op instanceof Conv2d && op.pools;
  const kept = pools ? { saved: device.tensor([op.savedWords(span)]) } : {};
  const flops = flopsOf(op, images);
  const [once, twice] = [{ flops }, { flops: 2 * flops }];
  const summed = flops / (pools ? 4 : 1);
  const shared = { group: `${layer} N=${images}`, runs: runsFor(count) };
  const passes: Pick<Case, "name" | "work" | "run">[] = [
    { name: "fwd", work: once, run: (record) => op.fwd(record, span, { x, theta, y, ...kept }) },
    {
      name: "jvp",
      work: twice,
      run: (record) => op.jvp(record, span, { x, xDot, theta, thetaDot, yDot: y, ...kept }),
    },
    {
      name: "vjpX",
      work: once,
      run: (record) => op.vjpX(record, span, { x, theta, yBar, xBar, ...kept }),
    },
    {
      name: "hvpX",
      work: twice,
      run: (record) => {
        const cotangents = { yBar, yBarDot, xBarDot: xBar };
        op.hvpX(record, span, { x, xDot, theta, thetaDot, ...cotangents, ...kept });
      },
    },
    {
      name: "vjpW",
      work: { flops: summed },
      run: (record) => {
        op.vjpW(record, span, { x, yBar, thetaBar, ...runs, ...kept });
        sums?.sum(record, thetaBar);
      },
    },
    {
      name: "hvpW",
      work: { flops: 2 * summed },
      run: (record) => {
        const all = { x, xDot, yBar, yBarDot, thetaBarDot: thetaBar, ...runs, ...kept };
        op.hvpW(record, span, all);
        sums?.sum(record, thetaBar);
      },
    },
  ];
  return passes.map((pass) => ({ ...shared, ...pass }));
}
