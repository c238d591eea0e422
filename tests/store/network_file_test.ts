// network_file_test: files of trained networks, written and read back, and what is wrong with others.
import assert from "node:assert/strict";
import { decodeSafetensors, encodeSafetensors } from "../../src/base/safetensors.ts";
import { readNetworks, thetasOf, writeNetworks } from "../../src/store/network_file.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { buildNet } from "../../src/nets/build.ts";
import { random } from "../oracle/numeric.ts";
import { namesIn } from "../support/temporary.ts";
import { oddNet, unflatten } from "../support/nets.ts";
import { runTest } from "../support/runs.ts";

const METADATA = { arch: "odd", dataset: "toy", input: "[3, 5, 7]", classes: "7" };

runTest(
  "writeNetworks and readNetworks: the same networks, names of PyTorch",
  async (device, dir) => {
    const net = oddNet(device);
    const theta = unflatten(net, [1, 2, 3].map((seed) => random(net.parameterCount, seed)));
    const path = `${dir}/networks.safetensors`;
    await writeNetworks(path, net, theta, METADATA);
    assert.deepEqual(await namesIn(dir), ["networks.safetensors"]);
    const file = await readNetworks(path);
    assert.deepEqual(file.metadata, { format: "retort-networks-1", ...METADATA });
    assert.deepEqual(file.tensors["conv.weight"]!.shape, [3, 5, 3, 3, 3]);
    assert.ok(thetasOf(net, file).every((value, i) => value === theta[i]));
    await writeNetworks(path, net, theta.with(0, 2), METADATA);
    assert.notEqual((await readNetworks(path)).sha256, file.sha256);
  },
);

runTest("readNetworks takes one network as PyTorch writes it", async (device, dir) => {
  const net = oddNet(device);
  const theta = unflatten(net, [random(net.parameterCount, 4)]);
  const named = Object.entries(exportParameters(net, theta));
  const tensors = named.map(([name, { shape, data }]) => [name, { shape: [...shape], data }]);
  const path = `${dir}/odd.safetensors`;
  await Deno.writeFile(path, encodeSafetensors(Object.fromEntries(tensors), {}));
  assert.ok(thetasOf(net, await readNetworks(path)).every((value, i) => value === theta[i]));
});

runTest("readNetworks and thetasOf say what is wrong with a file", async (device, dir) => {
  const net = oddNet(device);
  const path = `${dir}/networks.safetensors`;
  await assert.rejects(readNetworks(path), {
    name: "NotFound",
    message: `Cannot read networks from ${path}: got no such file, expected trained networks; ` +
      `say where they are`,
  });
  await assert.rejects(readNetworks(dir), {
    name: "IsADirectory",
    message:
      `Cannot read networks from ${dir}: got a folder, expected a file of trained networks; ` +
      `name the file in it`,
  });
  await writeNetworks(path, net, unflatten(net, [random(net.parameterCount, 1)]), METADATA);
  const good = await Deno.readFile(path);
  const { tensors, metadata } = decodeSafetensors(good, path);
  const { "fc.bias": _, ...missing } = tensors;
  const damages: [Uint8Array, RegExp][] = [
    [good.subarray(0, good.length - 5), /^Cannot read .*networks.safetensors: .* truncated/],
    [good.subarray(0, 6), /^Cannot read .*: got 6 bytes, expected a header/],
    [encodeSafetensors(tensors, { ...metadata, format: "retort-1" }), /got format retort-1, exp/],
    [
      encodeSafetensors(tensors, { ...metadata, arch: "lenet" }),
      /^Cannot use the networks of .*: got arch lenet, expected odd as in the recipe; train/,
    ],
    [
      encodeSafetensors(missing, metadata),
      /^Cannot use the networks of .* \(toy, images \[3, 5, 7\] and 7 classes\) on .*fc\.bias/,
    ],
  ];
  for (const [bytes, message] of damages) {
    await Deno.writeFile(path, bytes);
    const read = async () => thetasOf(net, await readNetworks(path));
    await assert.rejects(read(), (error: Error) => {
      assert.match(error.message, message);
      return true;
    });
  }
});

runTest("thetasOf names the sizes of both where channels differ", async (device, dir) => {
  const grey = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const path = `${dir}/grey.safetensors`;
  const about = { arch: "lenet", dataset: "mnist", input: "[1, 28, 28]", classes: "10" };
  await writeNetworks(path, grey, new Float32Array(grey.stride), about);
  const file = await readNetworks(path);
  const colour = buildNet(device, "lenet", { channels: 3, height: 32, width: 32 }, 10);
  assert.throws(() => thetasOf(colour, file), {
    name: "UsageError",
    message: `Cannot use the networks of ${path} (mnist, images [1, 28, 28] and 10 classes) on ` +
      `images [3, 32, 32] and 10 classes: Cannot load lenet: got shape [1, 6, 1, 5, 5] for ` +
      `conv1.weight, expected [1, 6, 3, 5, 5], that of all networks one after the other`,
  });
  // the padding makes up for the size: the weights of 28 × 28 and 32 × 32 are the same
  const larger = buildNet(device, "lenet", { channels: 1, height: 32, width: 32 }, 10);
  assert.equal(thetasOf(larger, file).length, larger.stride);
});
