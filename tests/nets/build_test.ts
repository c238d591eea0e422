import assert from "node:assert/strict";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import { ARCH_NAMES } from "../../src/nets/named.ts";
import type { Net } from "../../src/nets/net.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { dot } from "../../src/oracle/vector.ts";
import { assertClose, random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { thinned } from "../support/nets.ts";

const MNIST = { channels: 1, height: 28, width: 28 };
const CIFAR = { channels: 3, height: 32, width: 32 };
const IMAGENET = { channels: 3, height: 224, width: 224 };

const namesOf = (net: Net) => net.parameters.map(({ name, shape }) => [name, ...shape]);

/** A weight and its bias. */
const pair = (name: string, outputs: number, ...rest: number[]) => [
  [`${name}.weight`, outputs, ...rest],
  [`${name}.bias`, outputs],
];

gpuTest("buildNet: the parameters of the original networks", (device) => {
  const count = (arch: string, image = MNIST, classes = 10) =>
    buildNet(device, arch, image, classes).parameterCount;
  assert.equal(count("lenet"), 61_706);
  assert.equal(count("lenet", CIFAR), 62_006);
  assert.equal(count("lenet", MNIST, 7), 61_706 - 3 * 85);
  assert.equal(count("alexcifar", CIFAR), 1_756_426);
  assert.equal(count("alexnet", IMAGENET, 200), 57_823_240);
  assert.equal(count("alexnet", IMAGENET, 1000), 61_100_840, "torchvision's");
  assert.equal(count("convnet3", CIFAR), 320_010);
  assert.equal(count("convnet3", { ...MNIST, channels: 3 }), 320_010, "as of 32 × 32");
  // Of each block a convolution of 3 × 3 with bias, and scale and shift of its channels.
  const ofWidth16 = 16 * (3 * 9 + 1 + 2) + 16 * (16 * 9 + 1 + 2) + 10 * (16 * 8 * 8 + 1);
  assert.equal(count("convnet3:width=16,depth=2", CIFAR), ofWidth16);
  return Promise.resolve();
});

gpuTest("buildNet: PyTorch's names and shapes in order, at multiples of four", (device) => {
  for (const [input, classes] of [[MNIST, 10], [CIFAR, 7]] as const) {
    const net = buildNet(device, "lenet", input, classes);
    assert.deepEqual(namesOf(net), [
      ...pair("conv1", 6, input.channels, 5, 5),
      ...pair("conv2", 16, 6, 5, 5),
      ...pair("fc1", 120, 400),
      ...pair("fc2", 84, 120),
      ...pair("fc3", classes, 84),
    ]);
    let end = 0;
    for (const { name, shape, at, pitch, initial } of net.parameters) {
      if (initial === "weight") assert.equal(at % 4, 0, `${name} starts at ${at}`);
      assert.ok(at >= end, `${name} starts at ${at}, inside what comes before`);
      end = at + shape[0]! * pitch;
      assert.equal(initial, name.split(".")[1]);
    }
    assert.ok(net.stride >= end && net.stride % 4 === 0, `stride ${net.stride}, end ${end}`);
  }
  assert.deepEqual(namesOf(buildNet(device, "alexcifar", CIFAR, 10)), [
    ...pair("features.0", 64, 3, 5, 5),
    ...pair("features.4", 64, 64, 5, 5),
    ...pair("classifier.0", 384, 4096),
    ...pair("classifier.2", 192, 384),
    ...pair("classifier.4", 10, 192),
  ]);
  assert.deepEqual(namesOf(buildNet(device, "alexnet", IMAGENET, 9)), [
    ...pair("features.0", 64, 3, 11, 11),
    ...pair("features.3", 192, 64, 5, 5),
    ...pair("features.6", 384, 192, 3, 3),
    ...pair("features.8", 256, 384, 3, 3),
    ...pair("features.10", 256, 256, 3, 3),
    ...pair("classifier.1", 4096, 9216),
    ...pair("classifier.4", 4096, 4096),
    ...pair("classifier.6", 9, 4096),
  ]);
  const convnet = buildNet(device, "convnet3:width=16,depth=2", MNIST, 7);
  assert.deepEqual(namesOf(convnet), [
    ...pair("features.0", 16, 1, 3, 3),
    ...pair("features.1", 16),
    ...pair("features.4", 16, 16, 3, 3),
    ...pair("features.5", 16),
    ...pair("classifier", 7, 16 * 8 * 8),
  ]);
  assert.deepEqual(
    convnet.parameters.map(({ initial }) => initial),
    ["weight", "bias", "one", "zero", "weight", "bias", "one", "zero", "weight", "bias"],
  );
  return Promise.resolve();
});

gpuTest("buildNet names a custom net's layers, and takes names that are given", (device) => {
  const net = buildNet(
    device,
    [
      { conv: { channels: 2, size: 3, stride: 1, pad: 0 } },
      { instance_norm: { eps: 0.1 } },
      "relu",
      { conv: { name: "stem", channels: 4, size: 5, stride: 2, pad: 0 } },
      { dense: { outputs: 6 } },
      "relu",
      { dense: { outputs: "classes" } },
    ],
    MNIST,
    3,
  );
  assert.deepEqual(namesOf(net), [
    ...pair("conv1", 2, 1, 3, 3),
    ...pair("norm1", 2),
    ...pair("stem", 4, 2, 5, 5),
    ...pair("fc1", 6, 4 * 11 * 11),
    ...pair("fc2", 3, 6),
  ]);
  assert.deepEqual([net.name, net.classes, net.input], ["custom", 3, MNIST]);
  return Promise.resolve();
});

gpuTest("buildNet refuses images that a network does not take", (device) => {
  const expected: [string, string][] = [
    ["lenet", "any×28×28 or any×32×32"],
    ["alexcifar", "3×32×32"],
    ["alexnet", "3×224×224"],
    ["convnet3:depth=2", "any×32×32 or any×28×28"],
  ];
  for (const [arch, images] of expected) {
    for (const [height, width] of [[28, 32], [30, 30], [32, 28]] as const) {
      assert.throws(() => buildNet(device, arch, { channels: 3, height, width }, 10), {
        name: "RangeError",
        message: `Cannot build ${arch}: got images of 3×${height}×${width}, expected ${images}`,
      });
    }
  }
  assert.throws(() => buildNet(device, "alexcifar", { ...CIFAR, channels: 1 }, 10), {
    message: "Cannot build alexcifar: got images of 1×32×32, expected 3×32×32",
  });
  return Promise.resolve();
});

gpuTest("buildNet names what there is, and the layer that does not fit", (device) => {
  assert.throws(() => buildNet(device, "resnet", MNIST, 10), {
    name: "RangeError",
    message: `Cannot build resnet: got an unknown arch, expected ${ARCH_NAMES.join(", ")}`,
  });
  assert.throws(() => buildNet(device, "constructor", MNIST, 10), /got an unknown arch/);
  const pool = { max_pool: { size: 5, stride: 5, pad: 0 } };
  const last = { dense: { outputs: "classes" } } as const;
  const conv = { conv: { channels: 2, size: 1, stride: 1, pad: 0 } };
  assert.throws(() => buildNet(device, [conv, pool, "relu", pool, pool, last], MNIST, 10), {
    name: "RangeError",
    message: "Cannot build arch[4] max_pool: got 1 × 1 planes, which leave 2 channels of 0 × 0, " +
      "expected at least 1 × 1; use fewer or smaller layers, or larger images",
  });
  return Promise.resolve();
});

Deno.test("twinOf has the parameters and sizes of the original networks", () => {
  const sizes = (arch: string, image = CIFAR, classes = 10) => {
    const { params, inSize, outSize } = twinOf(arch, image, classes);
    return [params, inSize, outSize];
  };
  assert.deepEqual(sizes("lenet", MNIST), [61_706, 784, 10]);
  assert.deepEqual(sizes("lenet"), [62_006, 3072, 10]);
  assert.deepEqual(sizes("lenet", MNIST, 7), [61_706 - 3 * 85, 784, 7]);
  assert.deepEqual(sizes("alexcifar"), [1_756_426, 3072, 10]);
  assert.deepEqual(sizes("convnet3"), [320_010, 3072, 10]);
});

for (const arch of ["lenet", "convnet3:width=4"]) {
  Deno.test(`twinOf ${arch} of 28 × 28 equals 32 × 32 on the image padded with zeros`, () => {
    const small = twinOf(arch, MNIST, 10);
    const large = twinOf(arch, { channels: 1, height: 32, width: 32 }, 10);
    const theta = random(small.params, 1, 0.1);
    const image = random(28 * 28, 2);
    const padded = new Float64Array(32 * 32);
    for (let row = 0; row < 28; row++) {
      padded.set(image.subarray(row * 28, row * 28 + 28), (row + 2) * 32 + 2);
    }
    const z = small.fwd(image, theta, 1);
    assertClose(z, large.fwd(padded, theta, 1), 1e-12);
    assert.ok(z.some((value) => Math.abs(value - z[0]!) > 1e-3));
  });
}

for (
  const [name, arch, image] of [
    ["LeNet", "lenet", MNIST],
    ["a thin AlexCifarNet", thinned("alexcifar", CIFAR, 16), CIFAR],
    ["a thin ConvNet", "convnet3:width=4", CIFAR],
  ] as const
) {
  Deno.test(`twinOf ${name} has a symmetric Hessian`, () => {
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
