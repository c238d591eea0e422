/**
 * LeNet as in the original code of dataset distillation (Wang et al. 2018): conv 5×5 → 6, conv 5×5 →
 * 16, fully connected 120, 84, classes; ReLU and 2×2 max-pool after each convolution. 61 706
 * parameters at 1×28×28 and 10 classes, 62 006 at 3×32×32.
 *
 * ReLU stands at the input of the op that follows, so pooling comes before it: max and ReLU commute.
 */
import type { Device } from "../gpu/mod.ts";
import { Conv2d } from "../ops/conv2d.ts";
import { Dense } from "../ops/dense.ts";
import { MaxPool } from "../ops/max_pool.ts";
import { type Op, padded, type Planes } from "../ops/op.ts";
import { fuse } from "./fuse.ts";
import { Net } from "./net.ts";

/** Builds LeNet. @throws RangeError unless images are 28×28 or 32×32. */
export function lenet(device: Device, input: Planes, classes: number): Net {
  const side = input.height;
  if (side !== input.width || (side !== 28 && side !== 32)) {
    throw new RangeError(
      `Cannot build lenet: got images of ${input.height}×${input.width}, expected 28×28 or 32×32`,
    );
  }
  const ops: Op[] = [];
  let at = 0;
  function append(make: (input: Planes, at: number) => Op): void {
    const op = make(ops.at(-1)?.output ?? input, at);
    ops.push(op);
    const last = op.parameters.at(-1);
    if (last) at = padded(last.at + last.shape[0]!); // ops start at whole vec4s
  }
  const conv = (name: string, channels: number, pad: number, relu: boolean) =>
    append((input, at) => new Conv2d(device, { name, input, channels, size: 5, pad, relu, at }));
  const pool = () => append((input) => new MaxPool(device, input, 2));
  const dense = (name: string, outputs: number) =>
    append((input, at) => new Dense(device, { name, input, outputs, relu: true, at }));

  conv("conv1", 6, side === 28 ? 2 : 0, false);
  pool();
  conv("conv2", 16, 0, true);
  pool();
  dense("fc1", 120);
  dense("fc2", 84);
  dense("fc3", classes);
  return new Net(device, "lenet", fuse(ops), at);
}
