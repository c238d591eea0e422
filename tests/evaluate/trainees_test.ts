/** trainees_test: networks that train on distilled data do so as the float64 oracle, for every optimiser. */
import assert from "node:assert/strict";
import { Trainees } from "../../src/evaluate/trainees.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import { InnerTraining } from "../../src/meta/inner_training.ts";
import { OPTIMIZER_NAMES } from "../../src/meta/optimizers/list.ts";
import type { UnrollSpec } from "../../src/meta/unroll.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { oracleOptimizer } from "../../src/oracle/optimizers/list.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { flatten, oddNet, oddOracle, relativeError, unflatten } from "../support/nets.ts";
import { oracleSettings, unrollSpec } from "../support/specs.ts";

const SIZE = 3 * 5 * 7;
const CLASSES = 7;
const NETWORKS = 2;
const MOMENTUM = 0.8;
const RATES = { gd: 0.05, momentum: 0.02, adam: 0.005 };

/** Three blocks, each taken twice, or a third of all images at each step. */
const BLOCKS = unrollSpec({ blocks: 3, perBlock: 5, total: 6 });
const DRAWN = unrollSpec({ blocks: 1, perBlock: 15, total: 6, innerBatch: 5, rates: "one" });

function numbersOf({ blocks, perBlock, total, optimizer, rates }: UnrollSpec, params: number) {
  const count = rates === "per_step" ? total : 1;
  return {
    thetas: Array.from({ length: NETWORKS }, (_, r) => rounded(random(params, 10 + r, 0.3))),
    images: rounded(random(blocks * perBlock * SIZE, 1)),
    labels: rounded(random(blocks * perBlock * CLASSES, 2).map(Math.abs)),
    lrs: rounded(random(count, 3).map((v) => RATES[optimizer] * (1 + 0.8 * v))),
  };
}

/** θ after the steps, in stretches that end at `stops`. */
async function onGpu(device: Device, spec: UnrollSpec, stops: number[], seed = 7) {
  const net = oddNet(device);
  const { thetas, images, labels, lrs } = numbersOf(spec, net.parameterCount);
  using data = new DistilledData(net, spec);
  data.images.write(images);
  data.labels.write(labels);
  data.lrs.write(lrs);
  data.momentum.write([MOMENTUM]);
  using trainees = new Trainees(net, spec, NETWORKS);
  trainees.theta.write(unflatten(net, thetas));
  let from = 0;
  for (const to of stops) {
    await trainees.train(data, { seed, from, to });
    from = to;
  }
  return await trainees.theta.read();
}

for (const optimizer of OPTIMIZER_NAMES) {
  for (const [kind, sizes] of Object.entries({ "blocks in order": BLOCKS, "minibatches": DRAWN })) {
    const spec: UnrollSpec = { ...sizes, optimizer };
    gpuTest(`Trainees: ${optimizer} on ${kind}, as in float64`, async (device) => {
      const net = oddNet(device);
      const words = await onGpu(device, spec, [spec.total]);
      const { thetas, images, labels, lrs } = numbersOf(spec, net.parameterCount);
      using inner = new InnerTraining(net, spec);
      const drawn = inner.draw(7, 0, true);
      const twin = oracleNet(oddOracle());
      const descent = oracleOptimizer(oracleSettings(spec, MOMENTUM));
      thetas.forEach((theta, r) => {
        const zero = () => new Float64Array(theta.length);
        let at = { theta, state: Array.from({ length: descent.slots }, zero) } as Parameters<
          typeof descent.step
        >[0];
        for (let t = 0; t < spec.total; t++) {
          const chosen = drawn[t] ?? [0, 1, 2, 3, 4].map((n) => t % 3 * 5 + n);
          const rows = (of: Float64Array, size: number) =>
            Float64Array.from(
              [...chosen].flatMap((n) => [...of.subarray(n * size, (n + 1) * size)]),
            );
          const { dTheta: g } = twin.grad(at.theta, rows(images, SIZE), rows(labels, CLASSES), 5);
          at = descent.step(at, { g, eta: lrs[t] ?? lrs[0]!, t });
        }
        const moved = flatten(net, words, r).map((value, i) => value - theta[i]!);
        const error = relativeError(moved, at.theta.map((value, i) => value - theta[i]!));
        assert.ok(error < 1e-5, `network ${r}: relative error ${error}`);
      });
    });

    gpuTest(`Trainees: ${optimizer} on ${kind}, the same bits in stretches`, async (device) => {
      const whole = await onGpu(device, spec, [6]);
      for (const stops of [[1, 6], [2, 3, 6], [1, 2, 3, 4, 5, 6]]) {
        assert.deepEqual(await onGpu(device, spec, stops), whole, `in stretches to ${stops}`);
      }
    });
  }
}

gpuTest("Trainees of another seed draw other minibatches; blocks have an order", async (device) => {
  assert.notDeepEqual(await onGpu(device, DRAWN, [6], 8), await onGpu(device, DRAWN, [6], 7));
  assert.deepEqual(await onGpu(device, BLOCKS, [6], 8), await onGpu(device, BLOCKS, [6], 7));
});
