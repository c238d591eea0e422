// pretrained_test: samples of the networks of a file, and which of them no sample may have.
// deno-lint-ignore-file camelcase -- settings are spelled as in the recipes
import assert from "node:assert/strict";
import type { NetworkFile } from "../../src/store/network_file.ts";
import { type Needs, Pretrained } from "../../src/evaluate/pretrained.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { exportNetworks, exportParameters } from "../../src/nets/export.ts";
import type { Net } from "../../src/nets/net.ts";
import { gpuTest } from "../support/device.ts";
import { oddNet, unflatten } from "../support/nets.ts";

const COUNT = 11;
const NEEDS: Needs = { init: "random", networks: 3, test_networks: 4, seed: 5 };

/** Networks that are all their own number plus one. */
function numbered(net: Net): NetworkFile {
  const flat = (r: number) => new Float64Array(net.parameterCount).fill(r + 1);
  const theta = unflatten(net, Array.from({ length: COUNT }, (_, r) => flat(r)));
  const named = Object.entries(exportNetworks(net, theta));
  const tensors = named.map(([name, { shape, data }]) => [name, { shape: [...shape], data }]);
  return { path: "a file", sha256: "", tensors: Object.fromEntries(tensors), metadata: {} };
}

/** The numbers of the networks in θ. */
function numbersIn(net: Net, theta: Float32Array): number[] {
  return Array.from({ length: theta.length / net.stride }, (_, r) => {
    const numbers = new Set(theta.subarray(r * net.stride, (r + 1) * net.stride));
    numbers.delete(0); // padding
    assert.equal(numbers.size, 1);
    return [...numbers][0]! - 1;
  });
}

gpuTest("Pretrained: samples are repeatable, of different networks, none held out", (device) => {
  const net = oddNet(device);
  const file = numbered(net);
  const pretrained = new Pretrained(net, file, NEEDS);
  assert.deepEqual(numbersIn(net, pretrained.tested), [7, 8, 9, 10]);
  const [again, other] = [NEEDS, { ...NEEDS, seed: 6 }].map((n) => new Pretrained(net, file, n));
  const uses = new Array(COUNT).fill(0);
  const samples = Array.from({ length: 200 }, (_, k) => numbersIn(net, pretrained.sample(k)));
  samples.forEach((numbers, k) => {
    assert.deepEqual([...pretrained.numbers(k)], numbers);
    assert.deepEqual([...again!.numbers(k)], numbers);
    assert.equal(new Set(numbers).size, 3);
    numbers.forEach((number) => uses[number]++);
  });
  assert.notDeepEqual(samples.map((_, k) => [...other!.numbers(k)]), samples);
  assert.ok(new Set(samples.map(String)).size > 100, "samples repeat");
  assert.deepEqual(uses.slice(7), [0, 0, 0, 0]); // held out
  // 600 draws of 7 networks: 86 of each, give or take 4.5 standard deviations
  assert.ok(uses.slice(0, 7).every((count) => count > 50 && count < 120), `${uses}`);
  return Promise.resolve();
});

gpuTest("Pretrained: a fixed initialisation is the first network", (device) => {
  const net = oddNet(device);
  const fixed = { ...NEEDS, init: "fixed", networks: 1, test_networks: 200 } as const;
  assert.deepEqual(numbersIn(net, new Pretrained(net, numbered(net), fixed).tested), [0]);
  return Promise.resolve();
});

gpuTest("Pretrained: a new head has zero weights, and biases of one, for any classes", (device) => {
  const net = oddNet(device);
  const [weight, bias] = net.parameters.slice(-2);
  const { tensors, ...file } = numbered(net);
  const { [weight!.name]: _, ...others } = tensors; // a head of other classes, or none
  const other = {
    ...file,
    tensors: { ...others, [bias!.name]: { shape: [3], data: new Float32Array(3) } },
  };
  const fixed = { ...NEEDS, init: "fixed", networks: 1, new_head: true } as const;
  assert.throws(() => new Pretrained(net, other, { ...fixed, new_head: false }), UsageError);
  const named = exportParameters(net, new Pretrained(net, other, fixed).tested);
  for (const { name } of net.parameters) {
    const values = [...new Set(named[name]!.data)];
    const isHead = name === weight!.name;
    assert.deepEqual(values, isHead ? [0] : [1], name); // the first network is all ones
  }
  return Promise.resolve();
});

gpuTest("Pretrained refuses networks whose training was stopped", (device) => {
  const net = oddNet(device);
  const file = { ...numbered(net), metadata: { networks: "20" } };
  assert.throws(() => new Pretrained(net, file, NEEDS), {
    name: "UsageError",
    message: "Cannot use the networks of a file: got 11 of 20, since their training was stopped; " +
      "finish it by the command that began it, with --resume",
  });
  return Promise.resolve();
});

gpuTest("Pretrained refuses a file with too few networks", (device) => {
  const net = oddNet(device);
  new Pretrained(net, numbered(net), { ...NEEDS, networks: 7 });
  for (const more of [{ networks: 8 }, { test_networks: 9 }, { test_networks: 20 }]) {
    const needs = { ...NEEDS, ...more };
    assert.throws(() => new Pretrained(net, numbered(net), needs), (error: Error) => {
      assert.ok(error instanceof UsageError);
      const least = needs.networks + needs.test_networks;
      assert.match(
        error.message,
        new RegExp(`^Cannot use .* a file: got 11, expected .* ${least}:`),
      );
      return true;
    });
  }
  return Promise.resolve();
});
