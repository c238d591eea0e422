// train_test: networks trained on real data: by which steps, to what accuracy, and bit for bit again.
import assert from "node:assert/strict";
import { Batches, gather } from "../../src/sets/batches.ts";
import { encodeSafetensors } from "../../src/base/safetensors.ts";
import type { Dataset } from "../../src/sets/dataset.ts";
import { drawNetworks } from "../../src/evaluate/measure.ts";
import { trainNetworks, type TrainProgress } from "../../src/run/train.ts";
import { trainRate, type TrainSettings, trainSettings } from "../../src/recipe/train_settings.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { importNetworks } from "../../src/nets/export.ts";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { digestOf } from "../../src/sets/digest.ts";
import { lockFile } from "../../src/store/folder_lock.ts";
import type { Device } from "../../src/gpu/mod.ts";
import type { Layer } from "../../src/nets/arch.ts";
import { endOf, ROOT, start } from "../support/command.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { flatten, relativeError } from "../support/nets.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  readTensors,
  runTest,
  SMALL,
  writeIdxDirectory,
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
    const [first, last] = [reports[0]!, reports.at(-1)!];
    assert.deepEqual([first.epoch, first.minibatch, first.loss], [1, 0, NaN]);
    assert.equal(first.secondsPerMinibatch, NaN);
    assert.deepEqual(
      [last.trained, last.training, last.networks, last.epoch, last.epochs],
      [0, 2, 2, 4, 4],
    );
    assert.deepEqual([last.minibatch, last.minibatches], [40, 40]);
    assert.ok(last.loss < 1 && last.secondsPerMinibatch > 0);
    assert.deepEqual(await namesIn(`${dir}/a`), ["networks.safetensors"]);
    const { tensors, metadata } = await readTensors(out);
    assert.deepEqual(tensors["fc1.weight"]!.shape, [2, 10, 144]);
    assert.deepEqual(JSON.parse(metadata.accuracies!), result.accuracies);
    const { arch, dataset, input, classes, mean, std, at_once, decay_epochs } = metadata;
    assert.deepEqual([dataset, input, classes], ["mnist", "[1, 28, 28]", "10"]);
    assert.deepEqual(JSON.parse(arch!), SMALL);
    assert.equal(metadata.dataset_sha256, await digestOf(easyDataset()));
    assert.deepEqual([mean, std, at_once, decay_epochs], ["[0.1307]", "[0.3081]", "2", "20"]);
  },
);

/** Calls train, each time stopped after some steps more, until it is done; gives the reports. */
async function trainInPieces(
  device: Device,
  dataset: Dataset,
  settings: TrainSettings,
  out: string,
  steps: number,
): Promise<TrainProgress[]> {
  const reports: TrainProgress[] = [];
  const onProgress = (progress: TrainProgress) => void reports.push(progress);
  for (;;) {
    let polls = 0; // the signal is asked before a checkpoint and after it, at every step but the last of a group
    const signal = {
      get aborted() {
        return ++polls >= steps;
      },
      throwIfAborted() {
        if (polls >= steps) throw new Error("stopped");
      },
    } as AbortSignal;
    const options = { out, resume: true, onProgress, signal };
    try {
      await trainNetworks(device, dataset, settings, options);
      return reports;
    } catch (error) {
      assert.equal((error as Error).message, "stopped");
    }
  }
}

runTest("trainNetworks: the same bytes again, and resumed after any step", async (device, dir) => {
  const dataset = easyDataset(17, 10);
  const settings = settingsOf({ ...SETTINGS, networks: 5, batch: 8 }); // 4 steps in each of 3 groups
  await trainNetworks(device, dataset, settings, { out: `${dir}/whole` });
  for (const steps of [1, 2, 3]) {
    const out = `${dir}/pieces-of-${steps}`;
    const reports = await trainInPieces(device, dataset, settings, out, steps);
    assert.deepEqual([reports.at(-1)!.minibatch, reports.at(-1)!.minibatches], [12, 12]);
    assert.ok(reports.some(({ minibatch }) => minibatch % 4 !== 0), "it went on within a group");
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

runTest(
  "trainNetworks does not write over networks, and its checkpoint is of them",
  async (device, dir) => {
    const dataset = easyDataset(17, 10);
    const out = `${dir}/networks`;
    const settings = settingsOf({ ...SETTINGS, batch: 8 });
    const stop = new AbortController();
    stop.abort(new Error("stopped"));
    const options = { out, signal: stop.signal };
    await assert.rejects(trainNetworks(device, dataset, settings, options), { message: "stopped" });
    assert.deepEqual(await namesIn(dir), ["networks.checkpoint"]);
    await assert.rejects(
      trainNetworks(device, dataset, settings, { out }),
      /^UsageError: Cannot write to .*: .*networks\.checkpoint is there already; pass --resume/,
    );
    const other = { ...settings, seed: 2 };
    await assert.rejects(
      trainNetworks(device, dataset, other, { out, resume: true }),
      /^UsageError: Cannot resume .*networks\.checkpoint: got seed 2, expected 1 as in the file/,
    );
    await trainNetworks(device, dataset, settings, { out, resume: true });
    assert.deepEqual(await namesIn(dir), ["networks"]);
    await assert.rejects(
      trainNetworks(device, dataset, settings, { out }),
      /^UsageError: Cannot write to .*: .*networks is there already; pass --resume/,
    );
  },
);

runTest("trainNetworks that takes long tells it after a few minibatches", async (device, dir) => {
  const { now } = performance;
  try {
    for (const epochs of [2, 200]) { // 4 minibatches of 2 s, or 400
      let time = 0;
      performance.now = () => time;
      const told: number[] = [];
      const stop = new AbortController();
      const training = trainNetworks(
        device,
        easyDataset(17, 10),
        settingsOf({ networks: 1, epochs, batch: 8 }),
        {
          out: `${dir}/${epochs}`,
          signal: stop.signal,
          onOutlook: (seconds) => void told.push(seconds),
          onProgress: ({ minibatch }) => {
            time += minibatch === 0 ? 60_000 : 2_000; // the first compiles
            if (minibatch === 10) stop.abort(new Error("enough"));
          },
        },
      );
      if (epochs === 200) await assert.rejects(training, { message: "enough" });
      else await training;
      assert.deepEqual(told, epochs === 200 ? [396 * 2] : []);
    }
  } finally {
    performance.now = now;
  }
});

runTest("trainNetworks looks for networks when nobody else can write any", async (device, dir) => {
  const out = `${dir}/networks`;
  const train = () => trainNetworks(device, easyDataset(17, 10), settingsOf(SETTINGS), { out });
  await Deno.writeTextFile(out, "");
  {
    using _lock = await lockFile(out);
    await assert.rejects(
      train(),
      /^UsageError: Cannot write into .*networks: .* is writing there;/,
    );
  }
  await assert.rejects(train(), /^UsageError: Cannot write to .*networks is there already; pass/);
  assert.deepEqual(await namesIn(dir), ["networks"]);
});

runTest("trainNetworks ended in a test keeps the group, to the same bytes", async (device, dir) => {
  const dataset = easyDataset(17, 10);
  const settings = settingsOf({ ...SETTINGS, batch: 8 }); // 4 steps in each of 2 groups
  await trainNetworks(device, dataset, settings, { out: `${dir}/whole` });
  const out = `${dir}/tested`;
  const stop = new AbortController();
  const read = device.record; // what is recorded after the last step is the test
  const onProgress = ({ minibatch }: TrainProgress) => {
    if (minibatch !== 4) return;
    device.record = () => {
      stop.abort(new Error("stopped"));
      return read.call(device);
    };
  };
  const options = { out, signal: stop.signal, onProgress };
  const training = trainNetworks(device, dataset, settings, options);
  await assert.rejects(training, { message: "stopped" }).finally(() => device.record = read);
  assert.equal((await readTensors(`${out}.checkpoint`)).metadata.step, "4");
  await trainNetworks(device, dataset, settings, { out, resume: true });
  const { whole, tested } = await contentsOf(dir);
  expectSame("ended in a test", { file: tested! }, { file: whole! });
});

/** Minibatches, those of all groups, that a checkpoint of the test below has done. */
async function minibatchesIn(checkpoint: string): Promise<number> {
  try {
    const { trained, step } = (await readTensors(checkpoint)).metadata;
    return Number(trained) / SETTINGS.atOnce * 10 + Number(step);
  } catch {
    return 0; // there is none yet
  }
}

runTest("trainNetworks believes neither a damaged file nor its checkpoint", async (device, dir) => {
  const dataset = easyDataset(17, 10);
  const out = `${dir}/networks`;
  const settings = settingsOf({ ...SETTINGS, networks: 2, batch: 8 }); // 4 steps
  const signal = AbortSignal.abort(new Error("stopped"));
  await trainNetworks(device, dataset, settings, { out, signal }).catch(() => {});
  const resume = () => trainNetworks(device, dataset, settings, { out, resume: true });
  /** Resumes from a file with other metadata, or another first number; its own is put back. */
  const refuses = async (
    path: string,
    change: Record<string, string>,
    first: number | undefined,
    why: RegExp,
  ) => {
    const { tensors, metadata } = await readTensors(path);
    const saved = encodeSafetensors(tensors, metadata);
    if (first !== undefined) Object.values(tensors)[0]!.data[0] = first;
    await Deno.writeFile(path, encodeSafetensors(tensors, { ...metadata, ...change }));
    await assert.rejects(resume(), why, JSON.stringify(change));
    await Deno.writeFile(path, saved);
  };
  const checkpoint = `${out}.checkpoint`;
  const steps =
    /^SyntaxError: Cannot resume from .*: got 0 networks trained and step 1000000000, exp/;
  await refuses(checkpoint, { step: "1000000000" }, undefined, steps);
  await refuses(
    checkpoint,
    { step: "5" },
    undefined,
    /step 5, expected two counts and at most 4 st/,
  );
  await refuses(
    checkpoint,
    {},
    NaN,
    /^RangeError: Cannot read .*checkpoint: got NaN at index 0 of/,
  );
  await resume();
  for (const accuracies of ["[0.5", "7", "[0.5]", "[0.5, 2]", "[1, null]", "[0, 0, 0]"]) {
    const why =
      /^SyntaxError: Cannot resume .*: got 2 networks and accuracies .*, expected at most 2/;
    await refuses(out, { accuracies }, undefined, why);
  }
  assert.equal((await resume()).accuracies.length, 2);
});

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

Deno.test("train killed at any moment goes on to the same bytes", async () => {
  await inTemporary(async (dir) => {
    await writeIdxDirectory(`${dir}/data`, easyDataset(40, 10));
    const settings = JSON.stringify({ ...SETTINGS, arch: SMALL, batch: 8 }); // 10 steps in 2 groups
    const child = (out: string) => {
      const cli = `${ROOT}tests/support/train_often.ts`;
      return start([`${dir}/data`, `${dir}/${out}`, settings], { cli });
    };
    const whole = await endOf(child("whole"));
    assert.equal(whole.code, 0, whole.err);
    for (const minibatch of [4, 13]) {
      const training = child("killed");
      const ending = endOf(training);
      while (await minibatchesIn(`${dir}/killed.checkpoint`) < minibatch) await pause(3);
      training.kill("SIGKILL");
      assert.equal((await ending).code, 128 + 9);
    }
    const { code, err } = await endOf(child("killed"));
    assert.equal(code, 0, err);
    const [expected, file] = await Promise.all(
      ["whole", "killed"].map((name) => Deno.readFile(`${dir}/${name}`)),
    );
    expectSame("killed", { file: file! }, { file: expected! });
  });
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
  const deep: Layer[] = Array.from({ length: 20 }, () => ({ dense: { outputs: 1000 } }));
  const wide = { arch: [...deep, { dense: { outputs: "classes" } }] as Layer[], batch: 20 };
  await assert.rejects(
    train({ ...wide, networks: 20, atOnce: 20 }),
    /^UsageError: Cannot train 20 networks side by side: got [78]\.\d GB, expected at most 4\.0 GB .*; lower --at-once/,
  );
  await assert.rejects(
    train({ networks: 1, batch: 20, epochs: 3, lr: 1e30 }),
    /^Error: Cannot go on training at epoch [123]: got a loss of .*; lower lr \(now 1e\+30\)/,
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
