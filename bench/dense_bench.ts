/** The fully connected layers of LeNet, all passes; each is first proved against the oracle. */
import { Device } from "../src/gpu/mod.ts";
import { Dense } from "../src/ops/dense.ts";
import { padded } from "../src/ops/op.ts";
import { dense } from "../src/oracle/dense.ts";
import { sequence } from "../src/oracle/layer.ts";
import { relu } from "../src/oracle/relu.ts";
import { random } from "../tests/oracle/numeric.ts";
import { checkOp } from "../tests/support/check_op.ts";
import { offZero } from "../tests/support/inputs.ts";
import { BATCHES, passesOf } from "./support/bilinear.ts";
import { bench } from "./support/rate.ts";

const LAYERS = [
  { name: "fc1", C: 400, O: 120 },
  { name: "fc2", C: 120, O: 84 },
  { name: "fc3", C: 84, O: 10 },
];

const device = await Device.open();
const cases = [];
for (const { name, C, O } of LAYERS) {
  const input = { channels: C, height: 1, width: 1 };
  const op = new Dense(device, { name, input, outputs: O, relu: true, at: 0 });
  const stride = padded(O * padded(C) + O);
  const oracle = sequence([relu(C), dense({ C, O })]);
  for (const images of BATCHES) {
    const terms = Math.max(C, O, images);
    const x = () => offZero(random(images * C, 11));
    await checkOp(device, op, stride, { oracle, networks: 1, images, terms, x });
    cases.push(...passesOf(device, name, op, stride, images));
  }
}
await bench(device, "dense", cases);
