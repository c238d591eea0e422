import assert from "node:assert/strict";
import { buildNet, NET_NAMES } from "../../src/nets/build.ts";
import { lenet } from "../../src/nets/lenet.ts";
import { gpuTest } from "../support/device.ts";

const MNIST = { channels: 1, height: 28, width: 28 };
const CIFAR = { channels: 3, height: 32, width: 32 };

gpuTest("lenet has the parameters of the original", (device) => {
  assert.equal(lenet(device, MNIST, 10).parameterCount, 61_706);
  assert.equal(lenet(device, CIFAR, 10).parameterCount, 62_006);
  const seven = lenet(device, MNIST, 7);
  assert.deepEqual([seven.parameterCount, seven.classes], [61_706 - 3 * 85, 7]);
  return Promise.resolve();
});

gpuTest("lenet has PyTorch's names and shapes in order, at multiples of four", (device) => {
  for (const [input, classes] of [[MNIST, 10], [CIFAR, 7]] as const) {
    const net = lenet(device, input, classes);
    assert.deepEqual(net.parameters.map(({ name, shape }) => [name, ...shape]), [
      ["conv1.weight", 6, input.channels, 5, 5],
      ["conv1.bias", 6],
      ["conv2.weight", 16, 6, 5, 5],
      ["conv2.bias", 16],
      ["fc1.weight", 120, 400],
      ["fc1.bias", 120],
      ["fc2.weight", 84, 120],
      ["fc2.bias", 84],
      ["fc3.weight", classes, 84],
      ["fc3.bias", classes],
    ]);
    let end = 0;
    for (const { name, shape, at, pitch, bias } of net.parameters) {
      if (!bias) assert.equal(at % 4, 0, `${name} starts at ${at}`);
      assert.ok(at >= end, `${name} starts at ${at}, inside what comes before`);
      end = at + shape[0]! * pitch;
      assert.equal(bias, name.endsWith(".bias"));
    }
    assert.ok(net.stride >= end && net.stride % 4 === 0, `stride ${net.stride}, end ${end}`);
  }
  return Promise.resolve();
});

gpuTest("lenet refuses images of other sizes", (device) => {
  for (const [height, width] of [[28, 32], [30, 30], [32, 28]] as const) {
    assert.throws(() => lenet(device, { channels: 1, height, width }, 10), {
      name: "RangeError",
      message: `Cannot build lenet: got images of ${height}×${width}, expected 28×28 or 32×32`,
    });
  }
  return Promise.resolve();
});

gpuTest("buildNet builds by name and names what there is", (device) => {
  const net = buildNet(device, "lenet", MNIST, 9);
  assert.deepEqual([net.name, net.classes, net.input], ["lenet", 9, MNIST]);
  assert.ok(NET_NAMES.includes("lenet"));
  assert.throws(() => buildNet(device, "alexnet", MNIST, 10), {
    name: "RangeError",
    message: `Cannot build alexnet: got an unknown arch, expected ${NET_NAMES.join(", ")}`,
  });
  return Promise.resolve();
});
