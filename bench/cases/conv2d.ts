/**
 * The convolutions of LeNet, with the max-pooling after them, and of AlexCifarNet, all passes; each is
 * first proved against the oracle.
 */
import type { Device } from "../../src/gpu/mod.ts";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { padded, sizeOf } from "../../src/ops/op.ts";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { maxPool } from "../../src/oracle/max_pool.ts";
import { relu as oracleRelu } from "../../src/oracle/relu.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { checkOp } from "../../tests/support/check_op.ts";
import { offZero } from "../../tests/support/inputs.ts";
import type { Case } from "../rate.ts";
import { BATCHES, FEW, LARGE_BATCHES, passesOf } from "./bilinear.ts";

const LENET = { pool: true, batches: BATCHES };
const ALEX = { pool: false, batches: LARGE_BATCHES };
const LAYERS = [
  { name: "lenet conv1", C: 1, H: 28, V: 28, O: 6, K: 5, PAD: 2, relu: false, ...LENET },
  { name: "lenet conv2", C: 6, H: 14, V: 14, O: 16, K: 5, PAD: 0, relu: true, ...LENET },
  { name: "alex conv1", C: 3, H: 32, V: 32, O: 64, K: 5, PAD: 2, relu: false, ...ALEX },
  { name: "alex conv2", C: 64, H: 16, V: 16, O: 64, K: 5, PAD: 2, relu: true, ...ALEX },
];

export async function conv2dCases(device: Device): Promise<Case[]> {
  const cases: Case[] = [];
  for (const { name, relu, pool, batches, ...shape } of LAYERS) {
    const { C, H, V, O, K, PAD } = shape;
    const input = { channels: C, height: H, width: V };
    const spec = { name, input, channels: O, size: K, pad: PAD, relu, at: 0 };
    const op = new Conv2d(device, { ...spec, pool });
    const stride = padded(O * (C * K * K + 1));
    const sides = { H: H + 2 * PAD - K + 1, V: V + 2 * PAD - K + 1 };
    const oracle = sequence([
      ...(relu ? [oracleRelu(sizeOf(input))] : []),
      conv2d(shape),
      ...(pool ? [maxPool({ C: O, ...sides, SIZE: 2 })] : []),
    ]);
    for (const images of batches) {
      const proved = batches === BATCHES ? images : FEW;
      const x = () => offZero(random(proved * sizeOf(input), 11));
      const terms = Math.max(proved * H * V, C * K * K);
      await checkOp(device, op, stride, { oracle, networks: 1, images: proved, terms, x });
      cases.push(...passesOf(device, name, op, stride, images));
    }
  }
  return cases;
}
