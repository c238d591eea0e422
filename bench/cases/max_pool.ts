/**
 * The max-pools of LeNet; each is first proved against the oracle. Bytes are those of the tensors
 * that a pass reads and writes.
 */
import type { Device } from "../../src/gpu/mod.ts";
import { MaxPool } from "../../src/ops/max_pool.ts";
import { padded, sizeOf } from "../../src/ops/op.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { checkOp } from "../../tests/support/check_op.ts";
import { distinct } from "../../tests/support/inputs.ts";
import { BATCHES, noise, runsFor } from "./bilinear.ts";
import type { Case } from "../rate.ts";

const LAYERS = [
  { name: "pool1", channels: 6, height: 28, width: 28 },
  { name: "pool2", channels: 16, height: 10, width: 10 },
];

export async function maxPoolCases(device: Device): Promise<Case[]> {
  const cases: Case[] = [];
  for (const { name, ...input } of LAYERS) {
    const op = new MaxPool(device, input, 2);
    const oracle = maxPool({ C: input.channels, H: input.height, V: input.width, SIZE: 2 });
    for (const count of BATCHES) {
      const x = () => distinct(count * sizeOf(input), 11);
      await checkOp(device, op, 4, { oracle, networks: 1, images: count, terms: 1, x });
      cases.push(...passesOf(device, name, op, count));
    }
  }
  return cases;
}

function passesOf(device: Device, layer: string, op: MaxPool, count: number): Case[] {
  const images = padded(count);
  const span = { networks: 1, images };
  const wide = () => noise(device, [1, sizeOf(op.input), images], 1);
  const narrow = () => noise(device, [1, sizeOf(op.output), images], 2);
  const [x, xDot, xBar, y, yBar] = [wide(), wide(), wide(), narrow(), narrow()];
  const theta = device.tensor([4]);
  const shared = { group: `${layer} N=${images}`, runs: runsFor(count) };
  return [
    {
      ...shared,
      name: "fwd",
      work: { bytes: x.bytes + y.bytes },
      run: (record) => op.fwd(record, span, { x, y }),
    },
    {
      ...shared,
      name: "jvp",
      work: { bytes: 2 * x.bytes + y.bytes },
      run: (record) => op.jvp(record, span, { x, xDot, theta, thetaDot: theta, yDot: y }),
    },
    {
      ...shared,
      name: "vjp",
      work: { bytes: 2 * x.bytes + y.bytes },
      run: (record) => op.vjpX(record, span, { x, theta, yBar, xBar }),
    },
  ];
}
