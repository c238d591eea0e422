import assert from "node:assert/strict";
import type { Device } from "../../src/gpu/mod.ts";
import { fuse } from "../../src/nets/fuse.ts";
import { Net } from "../../src/nets/net.ts";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { Dense } from "../../src/ops/dense.ts";
import { MaxPool } from "../../src/ops/max_pool.ts";
import { type Op, padded, sizeOf } from "../../src/ops/op.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { unflatten } from "../support/nets.ts";

const [R, N] = [2, 5];

/** Two convolutions, each with a pooling, and a fully connected layer; sizes all differ. */
function chain(device: Device): [ops: Op[], stride: number] {
  const input = { channels: 2, height: 12, width: 12 };
  const first = { name: "a", input, channels: 3, size: 5, pad: 2, relu: false, at: 0 };
  const a = new Conv2d(device, first);
  const poolA = new MaxPool(device, a.output, 2);
  const second = { name: "b", input: poolA.output, channels: 5, size: 3, pad: 0, relu: true };
  const b = new Conv2d(device, { ...second, at: padded(3 * 51) });
  const poolB = new MaxPool(device, b.output, 2);
  const at = padded(3 * 51) + padded(5 * 28);
  const fc = new Dense(device, { name: "c", input: poolB.output, outputs: 7, relu: true, at });
  return [[a, poolA, b, poolB, fc], at + padded(7 * 25)];
}

/** Everything that a net computes of the same numbers. `ties`: the first convolution is constant. */
async function outputsOf(net: Net, ties: boolean): Promise<Record<string, Float32Array>> {
  const { device, classes } = net;
  const tensor = (rows: number, seed: number) =>
    device.tensor([rows, padded(N)]).write(Float32Array.from(random(rows * padded(N), seed)));
  const flats = (seed: number, still: number) =>
    unflatten(
      net,
      Array.from({ length: R }, (_, r) =>
        random(net.parameterCount, seed + r, 0.3).map((w, i) => i < still ? 0 : w)),
    );
  using theta = device.tensor([R, net.stride]).write(flats(1, ties ? 150 : 0));
  using thetaDot = device.tensor([R, net.stride]).write(flats(3, 0));
  using x = tensor(sizeOf(net.input), 5);
  using y = tensor(classes, 6);
  using thetaBar = device.tensor([R, net.stride]);
  using thetaBarDot = device.tensor([R, net.stride]);
  using xBarDot = device.tensor([R, sizeOf(net.input), padded(N)]);
  using work = net.workspace(R, N, { passes: "grad" });
  using tangents = net.tangents(R, N);
  const record = device.record();
  net.grad(record, work, { theta, x, y, thetaBar });
  const along = { theta, thetaDot, x, y, thetaBarDot, xBarDot };
  const lossDot = net.hvp(record, work, tangents, along);
  record.submit();
  const outputs = {
    logits: await work.logits.read(),
    thetaBar: await thetaBar.read(),
    thetaBarDot: await thetaBarDot.read(),
    xBarDot: await xBarDot.read(),
    lossDot: await lossDot.read(),
  };
  using eta = device.tensor([1]).write(Float32Array.of(0.3));
  using next = device.tensor([R, net.stride]);
  using nextDot = device.tensor([R, net.stride]);
  const steps = device.record();
  const descent = { a: theta, eta, out: next };
  net.grad(steps, work, { theta, x, y, thetaBar, descent });
  net.hvp(steps, work, tangents, { ...along, descent: { a: thetaDot, eta, out: nextDot } });
  steps.submit();
  return { ...outputs, next: await next.read(), nextDot: await nextDot.read() };
}

for (const ties of [false, true]) {
  gpuTest(`fuse: a fused net computes the same, ties=${ties}`, async (device) => {
    const [ops, stride] = chain(device);
    const [separate] = chain(device); // every pass a dispatch of its own
    for (const op of separate) {
      Object.assign(op, { vjp: undefined, hvp: undefined, fwdXent: undefined });
    }
    using plain = new Net(device, "plain", separate, stride);
    using fused = new Net(device, "fused", fuse(ops), stride);
    assert.equal(fused.ops.length, 3);
    assert.deepEqual(fused.parameters, plain.parameters);
    const [expected, found] = [await outputsOf(plain, ties), await outputsOf(fused, ties)];
    for (const [name, numbers] of Object.entries(expected)) {
      const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assert.ok(largest > 0, `${name} is not all zero`);
      // Where it pools a convolution adds up windows, not lines: its gradient rounds differently.
      const loose = /^(theta|next)/.test(name) ? ops.at(-1)!.parameters[0]!.at : 0;
      const off = numbers.map((value, i) => Math.abs(value - found[name]![i]!));
      const differs = off.findIndex((error, i) =>
        !(error <= (i % stride < loose ? 1e-6 * largest : 0))
      );
      assert.equal(differs, -1, `${name}[${differs}]`);
    }
  });
}

gpuTest("fuse leaves alone what does not fit", (device) => {
  const [[a, pool, , , fc]] = chain(device);
  const wide = new MaxPool(device, { channels: 3, height: 12, width: 12 }, 3);
  for (const ops of [[a!, wide], [pool!, fc!], [fc!], [a!, fc!]]) {
    assert.deepEqual(fuse(ops), ops);
  }
  const [twice] = fuse([a!, pool!, new MaxPool(device, pool!.output, 2)]);
  assert.deepEqual(twice!.output, pool!.output, "only one pooling goes into a convolution");
  return Promise.resolve();
});

gpuTest("Net takes separate passes for more logits than one dispatch has", async (device) => {
  const input = { channels: 3, height: 1, width: 1 };
  const op = new Dense(device, { name: "c", input, outputs: 17, relu: false, at: 0 });
  using net = new Net(device, "wide", [op], 17 * 4 + 20);
  const { thetaBar } = await outputsOf(net, false);
  // softmax times Σ labels, less the labels, adds up to zero over classes
  const biases = thetaBar!.subarray(17 * 4, 17 * 5);
  assert.ok(Math.abs(biases.reduce((a, b) => a + b, 0)) < 1e-5 && biases.every((b) => b !== 0));
});
