// train_test: networks trained on real data: by which steps, to what accuracy, and bit for bit again.
import assert from "node:assert/strict";
import { Batches, gather } from "../../src/sets/batches.ts";
import type { Dataset } from "../../src/sets/dataset.ts";
import { drawNetworks } from "../../src/evaluate/measure.ts";
import { trainNetworks, type TrainProgress } from "../../src/run/train.ts";
import { trainRate, type TrainSettings, trainSettings } from "../../src/recipe/train_settings.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { importNetworks } from "../../src/nets/export.ts";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { namesIn } from "../support/temporary.ts";
import { flatten, relativeError } from "../support/nets.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  readTensors,
  runTest,
  SMALL,
} from "../support/runs.ts";

const SETTINGS = { networks: 3, atOnce: 2, epochs: 2, decayEpochs: 1, lr: 0.01, batch: 4 };
const INIT = { init: "random", method: "xavier_normal", param: 1 } as const;

const settingsOf = (settings: Partial<TrainSettings>) =>
  trainSettings("mnist", { arch: SMALL, ...settings });

/** Adam in float64 on the minibatches that network `r` sees (Kingma & Ba 2015, algorithm 1). */
function trainOracle(theta: Float64Array, dataset: Dataset, settings: TrainSettings, r: number) {
  const { atOnce, epochs, batch, seed } = settings;
  const net = oracleNet(twinOf(SMALL, { channels: 1, height: 28, width: 28 }, 10));
  const batches = new Batches(dataset.train, batch, seed);
  const total = epochs * batches.perEpoch;
  const [m, v] = [theta.map(() => 0), theta.map(() => 0)];
  for (let k = 0; k < total; k++) {
    const indices = batches.indices(Math.floor(r / atOnce) * total + k);
    const { images, labels } = gather(dataset.train, indices);
    const x = Float64Array.from(images, (byte) => (byte / 255 - 0.1307) / 0.3081);
    const y = new Float64Array(batch * 10);
    labels.forEach((label, n) => y[n * 10 + label] = 1);
    const { dTheta } = net.grad(theta, x, y, batch);
    const rate = settings.lr * 0.5 ** Math.floor(k / batches.perEpoch / settings.decayEpochs);
    dTheta.forEach((g, i) => {
      m[i] = 0.5 * m[i]! + 0.5 * g;
      v[i] = 0.999 * v[i]! + 0.001 * g * g;
      const [mHat, vHat] = [m[i]! / (1 - 0.5 ** (k + 1)), v[i]! / (1 - 0.999 ** (k + 1))];
      theta[i]! -= rate * mHat / (Math.sqrt(vHat) + 1e-8);
    });
  }
}

runTest(
  "trainNetworks takes the steps of the oracle, a group's own minibatches",
  async (device, dir) => {
    const dataset = easyDataset(9, 10); // two minibatches an epoch, and an image left over
    const settings = settingsOf(SETTINGS);
    const net = buildNet(device, SMALL, { channels: 1, height: 28, width: 28 }, 10);
    using initial = net.theta(3);
    drawNetworks(net, initial, { ...INIT, seed: 1 }, 0);
    await trainNetworks(device, dataset, settings, { out: `${dir}/networks` });
    const theta = importNetworks(net, (await readTensors(`${dir}/networks`)).tensors);
    const words = await initial.read();
    for (const r of [1, 2]) { // of the first and of the second group
      const start = flatten(net, words, r);
      const expected = start.slice();
      trainOracle(expected, dataset, settings, r);
      const moved = flatten(net, theta, r).map((value, i) => value - start[i]!);
      const error = relativeError(moved, expected.map((value, i) => value - start[i]!));
      assert.ok(error < 1e-4, `network ${r}: relative error ${error}`);
    }
  },
);

runTest(
  "trainNetworks learns, reports each epoch and each network's accuracy",
  async (device, dir) => {
    const reports: TrainProgress[] = [];
    const settings = settingsOf({ networks: 2, epochs: 4, lr: 1e-2, batch: 24 });
    const out = `${dir}/a/networks.safetensors`;
    const onProgress = (progress: TrainProgress) => void reports.push(progress);
    const result = await trainNetworks(device, easyDataset(), settings, { out, onProgress });
    assert.deepEqual([result.accuracies.length, result.atOnce], [2, 2]);
    assert.ok(result.accuracies.every((accuracy) => accuracy > 0.9), `${result.accuracies}`);
    assert.equal(result.accuracy.networks, 2);
    assert.deepEqual(
      reports.map(({ epoch, epochs }) => [epoch, epochs]),
      [1, 2, 3, 4].map((e) => [e, 4]),
    );
    assert.deepEqual(reports.map(({ trained }) => trained), [0, 0, 0, 2]);
    assert.ok(reports[3]!.loss < 0.5 * reports[0]!.loss && reports[3]!.secondsPerEpoch > 0);
    assert.deepEqual(await namesIn(`${dir}/a`), ["networks.safetensors"]);
    const { tensors, metadata } = await readTensors(out);
    assert.deepEqual(tensors["fc1.weight"]!.shape, [2, 10, 144]);
    assert.deepEqual(JSON.parse(metadata.accuracies!), result.accuracies);
    const { arch, dataset, input, classes, mean, std, at_once, decay_epochs } = metadata;
    assert.deepEqual([dataset, input, classes], ["mnist", "[1, 28, 28]", "10"]);
    assert.deepEqual(JSON.parse(arch!), SMALL);
    assert.deepEqual([mean, std, at_once, decay_epochs], ["[0.1307]", "[0.3081]", "2", "20"]);
  },
);

runTest("trainNetworks: the same bytes again, and resumed after any group", async (device, dir) => {
  const dataset = easyDataset(17, 10);
  const settings = settingsOf({ ...SETTINGS, networks: 5, batch: 8 });
  await trainNetworks(device, dataset, settings, { out: `${dir}/whole` });
  for (const trained of [2, 4]) {
    const out = `${dir}/stopped-${trained}`;
    const onProgress = (progress: TrainProgress) => {
      if (progress.epoch > trained) throw new Error("stopped"); // groups of 2 take 2 epochs
    };
    const stopped = trainNetworks(device, dataset, settings, { out, onProgress });
    await assert.rejects(stopped, { message: "stopped" });
    assert.equal((await readTensors(out)).tensors["fc1.bias"]!.shape[0], trained);
    await trainNetworks(device, dataset, settings, { out, resume: true });
  }
  await trainNetworks(device, dataset, settings, { out: `${dir}/new`, resume: true });
  const { whole, ...others } = await contentsOf(dir);
  for (const [name, file] of Object.entries(others)) expectSame(name, { file }, { file: whole! });
  const done = await trainNetworks(device, dataset, settings, {
    out: `${dir}/whole`,
    resume: true,
  });
  assert.equal(done.accuracies.length, 5);
  expectSame("resumed when done", { file: (await contentsOf(dir)).whole! }, { file: whole! });
  const other = { ...settings, seed: 2 };
  await assert.rejects(
    trainNetworks(device, dataset, other, { out: `${dir}/whole`, resume: true }),
    /^UsageError: Cannot resume .*: got seed 2, expected 1 as in the file; use another --out/,
  );
  const augmented = { ...settings, networks: 2, augment: "crop-flip" } as const;
  await trainNetworks(device, dataset, augmented, { out: `${dir}/augmented` });
  const [plain, varied] = await Promise.all(
    ["whole", "augmented"].map((n) => readTensors(`${dir}/${n}`)),
  );
  const biases = plain!.tensors["fc1.bias"]!.data.subarray(0, 20);
  assert.notDeepEqual(varied!.tensors["fc1.bias"]!.data, biases);
  const { seed: _, ...seeds } = { seed: 0, networks: 2, atOnce: 2 };
  await trainNetworks(device, dataset, { ...other, ...seeds }, { out: `${dir}/other` });
  const [first, second] = await Promise.all(
    ["whole", "other"].map((n) => readTensors(`${dir}/${n}`)),
  );
  assert.notDeepEqual(
    first!.tensors["fc1.weight"]!.data.subarray(0, 40),
    second!.tensors["fc1.weight"]!.data.subarray(0, 40),
  );
});

runTest("trainNetworks that cannot train says why and leaves no file", async (device, dir) => {
  const out = `${dir}/networks`;
  const train = (settings: Partial<TrainSettings>) =>
    trainNetworks(device, easyDataset(40, 10), settingsOf(settings), { out });
  await assert.rejects(
    train({ batch: 41 }),
    /^UsageError: Cannot train on mnist: got batch 41, exp/,
  );
  await assert.rejects(
    train({ batch: 20, arch: "alexcifar" }),
    /^UsageError: Cannot train on mnist: Cannot build alexcifar: got images of 1×28×28, expected/,
  );
  await assert.rejects(
    train({ networks: 1, batch: 20, epochs: 3, lr: 1e30 }),
    /^Error: Cannot go on training at epoch [12]: got a loss of .*; lower lr \(now 1e\+30\)/,
  );
  assert.deepEqual(await namesIn(dir), []);
});

Deno.test("trainSettings: the original's by data set, and what is said about bad ones", () => {
  const published = { mnist: [40, 20, 2e-4], usps: [130, 40, 2e-4], svhn: [65, 20, 2e-4] };
  for (const [dataset, expected] of Object.entries({ ...published, cifar10: [50, 7, 1e-3] })) {
    const { epochs, decayEpochs, lr, batch } = trainSettings(dataset);
    assert.deepEqual([epochs, decayEpochs, lr, batch], [...expected, 1024]);
  }
  assert.deepEqual(trainSettings("mine"), trainSettings("mnist"));
  assert.deepEqual([0, 6, 7, 14].map((e) => trainRate(trainSettings("cifar10"), e)), [
    1e-3,
    1e-3,
    5e-4,
    2.5e-4,
  ]);
  assert.throws(() => trainSettings("mnist", { arch: "resnet", epochs: 0, lr: -1 }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /^Cannot use settings of train: arch: got "resnet", expected one of lenet/,
    );
    assert.match(
      error.message,
      /; epochs: got 0, expected an integer ≥ 1; lr: got -1, expected a n/,
    );
    return true;
  });
});
