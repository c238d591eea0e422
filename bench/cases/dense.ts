/** Fully connected layers of LeNet and AlexCifarNet, all passes; each is first proved on the oracle. */
import type { Device } from "../../src/gpu/mod.ts";
import { Dense } from "../../src/ops/dense.ts";
import { padded } from "../../src/ops/op.ts";
import { dense } from "../../src/oracle/dense.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { relu } from "../../src/oracle/relu.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { checkOp } from "../../tests/support/check_op.ts";
import { offZero } from "../../tests/support/inputs.ts";
import type { Case } from "../rate.ts";
import { BATCHES, FEW, LARGE_BATCHES, passesOf } from "./bilinear.ts";

const LAYERS = [
  { name: "lenet fc1", C: 400, O: 120, batches: BATCHES },
  { name: "lenet fc2", C: 120, O: 84, batches: BATCHES },
  { name: "lenet fc3", C: 84, O: 10, batches: BATCHES },
  { name: "alex fc1", C: 4096, O: 384, batches: LARGE_BATCHES },
  { name: "alex fc2", C: 384, O: 192, batches: LARGE_BATCHES },
];

export async function denseCases(device: Device): Promise<Case[]> {
  const cases: Case[] = [];
  for (const { name, C, O, batches } of LAYERS) {
    const input = { channels: C, height: 1, width: 1 };
    const op = new Dense(device, { name, input, outputs: O, relu: true, at: 0 });
    const stride = padded(O * padded(C) + O);
    const oracle = sequence([relu(C), dense({ C, O })]);
    for (const images of batches) {
      const proved = batches === BATCHES ? images : FEW;
      const x = () => offZero(random(proved * C, 11));
      const terms = Math.max(C, O, images);
      await checkOp(device, op, stride, { oracle, networks: 1, images: proved, terms, x });
      cases.push(...passesOf(device, name, op, stride, images));
    }
  }
  return cases;
}
