import assert from "node:assert/strict";
import { oracleNet } from "../../src/oracle/net.ts";
import { dot } from "../../src/oracle/vector.ts";
import { thinned, twinOf } from "../support/nets.ts";
import { assertClose, random } from "./numeric.ts";

const MNIST = { channels: 1, height: 28, width: 28 };
const CIFAR = { channels: 3, height: 32, width: 32 };

Deno.test("oracleOf() has the parameters and sizes of the original networks", () => {
  const sizes = (arch: string, image = CIFAR, classes = 10) => {
    const { params, inSize, outSize } = twinOf(arch, image, classes);
    return [params, inSize, outSize];
  };
  assert.deepEqual(sizes("lenet", MNIST), [61_706, 784, 10]);
  assert.deepEqual(sizes("lenet"), [62_006, 3072, 10]);
  assert.deepEqual(sizes("lenet", MNIST, 7), [61_706 - 3 * 85, 784, 7]);
  assert.deepEqual(sizes("alexcifar"), [1_756_426, 3072, 10]);
});

Deno.test("oracleOf() LeNet of 28 × 28 equals 32 × 32 on the image padded with zeros", () => {
  const theta = random(61_706, 1, 0.1);
  const image = random(28 * 28, 2);
  const padded = new Float64Array(32 * 32);
  for (let row = 0; row < 28; row++) {
    padded.set(image.subarray(row * 28, row * 28 + 28), (row + 2) * 32 + 2);
  }
  const z = twinOf("lenet", MNIST, 10).fwd(image, theta, 1);
  const large = twinOf("lenet", { channels: 1, height: 32, width: 32 }, 10);
  assertClose(z, large.fwd(padded, theta, 1), 1e-12);
  assert.ok(z.some((value) => Math.abs(value - z[0]!) > 1e-3));
});

for (
  const [name, arch, image] of [
    ["LeNet", "lenet", MNIST],
    ["a thin AlexCifarNet", thinned("alexcifar", CIFAR, 16), CIFAR],
  ] as const
) {
  Deno.test(`oracleOf() ${name} has a symmetric Hessian`, () => {
    const logits = twinOf(arch, image, 10);
    const net = oracleNet(logits);
    const theta = random(logits.params, 1, 0.1);
    const [u, v] = [random(logits.params, 2), random(logits.params, 3)];
    const x = random(2 * logits.inSize, 4);
    const y = random(2 * 10, 5);
    const uHv = dot(u, net.hvp(theta, v, x, y, 2).thetaBarDot);
    const vHu = dot(v, net.hvp(theta, u, x, y, 2).thetaBarDot);
    assert.notEqual(uHv, 0);
    assertClose([uHv], [vHu], 1e-10);
  });
}
