import assert from "node:assert/strict";
import { exportParameters, importParameters } from "../../src/nets/export.ts";
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

gpuTest("importParameters gives back what exportParameters took, padding zero", (device) => {
  const net = oddNet(device);
  const theta = unflatten(net, [random(net.parameterCount, 4), random(net.parameterCount, 5)]);
  for (const r of [0, 1]) {
    const slice = theta.subarray(r * net.stride, (r + 1) * net.stride);
    assert.deepEqual(importParameters(net, exportParameters(net, theta, r)), slice.slice());
  }
  return Promise.resolve();
});

gpuTest("importParameters refuses a missing name and a wrong shape", (device) => {
  const net = oddNet(device);
  const named = exportParameters(net, unflatten(net, [random(net.parameterCount, 6)]));
  const { "conv.bias": _, ...missing } = named;
  assert.throws(() => importParameters(net, missing), {
    name: "TypeError",
    message: "Cannot load odd: got nothing for conv.bias, expected [5]",
  });
  const turned = { ...named, "fc.weight": { ...named["fc.weight"]!, shape: [75, 7] } };
  assert.throws(() => importParameters(net, turned), {
    name: "TypeError",
    message: "Cannot load odd: got shape [75, 7] for fc.weight, expected [7, 75]",
  });
  return Promise.resolve();
});
