/** Both convolutions of LeNet, all passes; each is first proved against the float64 oracle. */
import { Device } from "../src/gpu/mod.ts";
import { Conv2d } from "../src/ops/conv2d.ts";
import { padded, sizeOf } from "../src/ops/op.ts";
import { conv2d } from "../src/oracle/conv2d.ts";
import { sequence } from "../src/oracle/layer.ts";
import { relu as oracleRelu } from "../src/oracle/relu.ts";
import { random } from "../tests/oracle/numeric.ts";
import { checkOp } from "../tests/support/check_op.ts";
import { offZero } from "../tests/support/inputs.ts";
import { BATCHES, passesOf } from "./support/bilinear.ts";
import { bench } from "./support/rate.ts";

const LAYERS = [
  { name: "conv1", C: 1, H: 28, V: 28, O: 6, K: 5, PAD: 2, relu: false },
  { name: "conv2", C: 6, H: 14, V: 14, O: 16, K: 5, PAD: 0, relu: true },
];

const device = await Device.open();
const cases = [];
for (const { name, relu, ...shape } of LAYERS) {
  const { C, H, V, O, K, PAD } = shape;
  const input = { channels: C, height: H, width: V };
  const op = new Conv2d(device, { name, input, channels: O, size: K, pad: PAD, relu, at: 0 });
  const stride = padded(O * (C * K * K + 1));
  const layer = conv2d(shape);
  const oracle = relu ? sequence([oracleRelu(sizeOf(input)), layer]) : layer;
  for (const images of BATCHES) {
    const x = () => offZero(random(images * sizeOf(input), 11));
    await checkOp(device, op, stride, { oracle, networks: 1, images, terms: images * H * V, x });
    cases.push(...passesOf(device, name, op, stride, images));
  }
}
await bench(device, "conv2d", cases);
