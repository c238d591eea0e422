import assert from "node:assert/strict";
import { exportNetworks, exportParameters, importNetworks } from "../../src/nets/export.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { flatten, oddNet, unflatten } from "../support/nets.ts";

gpuTest("exportParameters gives PyTorch's names, shapes and order", (device) => {
  const net = oddNet(device);
  const flats = [1, 2, 3].map((seed) => random(net.parameterCount, seed).map(Math.fround));
  const theta = unflatten(net, flats).map((value) => value === 0 ? NaN : value); // padding
  for (const r of [0, 1, 2]) {
    const named = exportParameters(net, theta, r);
    assert.deepEqual(Object.entries(named).map(([name, { shape }]) => [name, ...shape]), [
      ["conv.weight", 5, 3, 3, 3],
      ["conv.bias", 5],
      ["fc.weight", 7, 75],
      ["fc.bias", 7],
    ]);
    assert.deepEqual(flatten(net, theta, r), flats[r], "no padding, nothing left out");
  }
  return Promise.resolve();
});

gpuTest("importNetworks gives back what exportParameters took, padding zero", (device) => {
  const net = oddNet(device);
  const theta = unflatten(net, [random(net.parameterCount, 4), random(net.parameterCount, 5)]);
  for (const r of [0, 1]) {
    const slice = theta.subarray(r * net.stride, (r + 1) * net.stride);
    assert.deepEqual(importNetworks(net, exportParameters(net, theta, r)), slice.slice());
  }
  return Promise.resolve();
});

gpuTest("importNetworks refuses a missing name and a wrong shape", (device) => {
  const net = oddNet(device);
  const named = exportParameters(net, unflatten(net, [random(net.parameterCount, 6)]));
  const { "conv.bias": _, ...missing } = named;
  assert.throws(() => importNetworks(net, missing), {
    name: "TypeError",
    message: "Cannot load odd: got nothing for conv.bias, expected [5]",
  });
  const turned = { ...named, "fc.weight": { ...named["fc.weight"]!, shape: [75, 7] } };
  assert.throws(() => importNetworks(net, turned), {
    name: "TypeError",
    message: "Cannot load odd: got shape [75, 7] for fc.weight, expected [7, 75]",
  });
  return Promise.resolve();
});

gpuTest("exportNetworks and importNetworks: all networks, a leading axis", (device) => {
  const net = oddNet(device);
  const theta = unflatten(net, [1, 2, 3].map((seed) => random(net.parameterCount, seed)));
  const named = exportNetworks(net, theta);
  assert.deepEqual(Object.entries(named).map(([name, { shape }]) => [name, ...shape]), [
    ["conv.weight", 3, 5, 3, 3, 3],
    ["conv.bias", 3, 5],
    ["fc.weight", 3, 7, 75],
    ["fc.bias", 3, 7],
  ]);
  const [, second] = [0, 1].map((r) => exportParameters(net, theta, r));
  assert.deepEqual(named["fc.bias"]!.data.slice(7, 14), second!["fc.bias"]!.data);
  assert.ok(importNetworks(net, named).every((value, i) => value === theta[i]));
  const plain = exportParameters(net, theta, 2); // without the axis, as PyTorch has one network
  assert.ok(importNetworks(net, plain).every((value, i) => value === theta[2 * net.stride + i]));
  return Promise.resolve();
});

gpuTest("importNetworks refuses arrays of different numbers and shapes", (device) => {
  const net = oddNet(device);
  const named = exportNetworks(net, unflatten(net, [1, 2].map((s) => random(3000, s))));
  const { "fc.bias": bias, ...missing } = named;
  const expectations: [typeof named, string][] = [
    [missing, "got nothing for fc.bias, expected [2, 7]"],
    [
      { ...named, "fc.bias": { ...bias!, shape: [7, 2] } },
      "got shape [7, 2] for fc.bias, expected",
    ],
    [{ ...named, "fc.bias": { ...bias!, shape: [14] } }, "got shape [14] for fc.bias, expected"],
    [{ ...named, "conv.weight": { ...bias!, shape: [0, 5, 3, 3, 3] } }, "expected [R, 5, 3, 3, 3]"],
    [{}, "got nothing for conv.weight, expected [R, 5, 3, 3, 3], that of all networks"],
  ];
  for (const [bad, message] of expectations) {
    assert.throws(() => importNetworks(net, bad), (error: Error) => {
      assert.ok(error instanceof TypeError && error.message.startsWith("Cannot load odd: "));
      assert.ok(error.message.includes(message), error.message);
      return true;
    });
  }
  return Promise.resolve();
});
