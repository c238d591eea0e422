import assert from "node:assert/strict";
import { classify, fractionOf, summarize } from "../../src/evaluate/accuracy.ts";
import { drawHeldOut } from "../../src/evaluate/measure.ts";
import { bestOf, type Rate, RateSearch, spread } from "../../src/evaluate/rate_search.ts";
import type { RealSet } from "../../src/evaluate/real_sets.ts";
import { Trainees } from "../../src/evaluate/trainees.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import type { Initialization } from "../../src/meta/initial_networks.ts";
import { random } from "../oracle/numeric.ts";
import { oddNet } from "../support/nets.ts";
import { runTest } from "../support/runs.ts";
import { unrollSpec } from "../support/specs.ts";

const SIZE = 3 * 5 * 7;
const HOW: Initialization = { init: "random", method: "xavier_normal", param: 1, seed: 3 };
const STEPS = 2;
const PER_STEP = 7;

/** Images of seven classes, each bright in a place of its own. */
function images(count: number, seed: number) {
  const bytes = Uint8Array.from(random(count * SIZE, seed), (v) => 60 + Math.floor(50 * v));
  const labels = Uint8Array.from({ length: count }, (_, n) => n % 7);
  labels.forEach((k, n) => bytes.fill(250, n * SIZE + 15 * k, n * SIZE + 15 * (k + 1)));
  return { images: bytes, labels, count };
}

const planes = { channels: 3, height: 5, width: 7, classes: 7 };
const scale = { mean: [0.3, 0.3, 0.3], std: [0.3, 0.3, 0.3] };
const dataset = { name: "odd", ...planes, ...scale, train: images(70, 1), test: images(70, 2) };

function setOf(seed: number): RealSet {
  const { images: bytes, labels } = images(STEPS * PER_STEP, seed);
  return { images: Float32Array.from(bytes, (byte) => (byte / 255 - 0.3) / 0.3), labels };
}

const spec = (rates: readonly Rate[], learned?: number[]) => {
  return { steps: STEPS, perStep: PER_STEP, rates, epochs: [1, 3], learned };
};

runTest(
  "RateSearch: networks are dealt out over the sets, tested as they train",
  async (device) => {
    const net = oddNet(device);
    using grid = new RateSearch(net, dataset, HOW, spec([0.01, 0.2]));
    const sets = [setOf(5), setOf(6)];
    const rates: Rate[] = [];
    const cells = await grid.search(sets, 3, (rate) => void rates.push(rate));
    assert.deepEqual(rates, [0.01, 0.2]);
    assert.deepEqual(cells.map(({ rate, epochs }) => [rate, epochs]), [
      [0.01, 1],
      [0.01, 3],
      [0.2, 1],
      [0.2, 3],
    ]);
    // The last cell, by the parts it is made of: three passes without a test between them.
    const fractions: number[] = [];
    for (const [s, set] of sets.entries()) {
      const sizes = unrollSpec({ blocks: STEPS, perBlock: PER_STEP, total: 3 * STEPS });
      using data = new DistilledData(net, sizes);
      data.images.write(set.images);
      data.labels.write(
        Array.from(set.labels, (k) => [...Array(7).keys()].map((c) => c === k ? 1 : 0)).flat(),
      );
      data.lrs.write(new Float32Array(3 * STEPS).fill(0.2));
      using trainees = new Trainees(net, sizes, 3);
      drawHeldOut(net, trainees.theta, HOW, 3 * s);
      await trainees.train(data, { seed: 1 });
      const { hits } = await classify(net, trainees.theta, dataset.test, dataset);
      fractions.push(...hits.map(fractionOf));
    }
    assert.deepEqual(cells[3], {
      rate: 0.2,
      epochs: 3,
      accuracy: summarize(fractions),
      diverged: 0,
    });
    assert.equal(bestOf(cells), cells[3]);
    assert.deepEqual(await grid.measure(sets, 3, cells[3]!), summarize(fractions));
    assert.ok(cells[3]!.accuracy.mean > cells[0]!.accuracy.mean + 0.2);
  },
);

runTest(
  "RateSearch: learned rates step by step, the last epoch's again after that",
  async (device) => {
    const net = oddNet(device);
    const set = setOf(5);
    // One epoch was learned; the same rates for both steps are a fixed rate.
    using learned = new RateSearch(net, dataset, HOW, spec(["learned"], [0.2, 0.2]));
    using fixed = new RateSearch(net, dataset, HOW, spec([0.2]));
    const accuracies = async (grid: RateSearch) =>
      (await grid.search([set], 2, () => {})).map(({ accuracy }) => accuracy);
    assert.deepEqual(await accuracies(learned), await accuracies(fixed));
    using still = new RateSearch(net, dataset, HOW, spec(["learned"], [0.2, 0.2, 0, 0]));
    const [one, three] = await accuracies(still);
    assert.deepEqual(three, one); // the second epoch's rates of zero hold for the third
  },
);

runTest("RateSearch: networks that diverge are counted, and do not stop it", async (device) => {
  const net = oddNet(device);
  using grid = new RateSearch(net, dataset, HOW, spec([1e30]));
  const [, last] = await grid.search([setOf(5)], 2, () => {});
  assert.equal(last!.diverged, 2);
  assert.ok(last!.accuracy.mean < 0.5);
});

runTest("RateSearch: score tells good sets from mislabelled ones", async (device) => {
  const net = oddNet(device);
  using grid = new RateSearch(net, dataset, HOW, spec([]));
  const good = setOf(5);
  const bad = { ...good, labels: good.labels.map((k) => (k + 1) % 7) };
  const cell = { rate: 0.2, epochs: 3 };
  const score = (set: RealSet) => grid.score(set, cell, 3, dataset.train);
  assert.ok(await score(good) > await score(bad) + 0.3);
});

runTest(
  "RateSearch: combinations are compared on 1000 test images, the best measured on all",
  async (device) => {
    const net = oddNet(device);
    const test = images(1500, 2);
    for (let n = 0; n < 1500; n += 3) test.labels[n] = (test.labels[n]! + 1) % 7;
    const large = { ...dataset, test };
    using grid = new RateSearch(net, large, HOW, spec([0.2]));
    const [, part] = await grid.search([setOf(5)], 1, () => {});
    using onPart = new RateSearch(net, { ...large, test: spread(test, 1000) }, HOW, spec([0.2]));
    assert.deepEqual(await onPart.measure([setOf(5)], 1, part!), part!.accuracy);
    assert.notDeepEqual(await grid.measure([setOf(5)], 1, part!), part!.accuracy);
  },
);

Deno.test("spread: images from the first to the last part of a split", () => {
  const split = images(10, 1);
  assert.equal(spread(split, 10), split);
  const { images: bytes, labels, count } = spread(split, 4); // 0, 2, 5, 7
  assert.deepEqual([count, [...labels]], [4, [0, 2, 5, 0]]);
  assert.deepEqual([...bytes.subarray(3 * SIZE)], [...split.images.subarray(7 * SIZE, 8 * SIZE)]);
});
