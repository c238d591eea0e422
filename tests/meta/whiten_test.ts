// whiten: the covariance of whitened images, the way back, and artifacts of whitened data.
import assert from "node:assert/strict";
import { Matrix, solve } from "ml-matrix";
import type { Dataset } from "../../src/sets/dataset.ts";
import { spectrumOf, unwhitened } from "../../src/sets/whitening.ts";
import { readArtifact } from "../../src/store/artifact.ts";
import { distill } from "../../src/run/distill.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { evaluateStandard } from "../../src/evaluate/standard.ts";
import { digestOf } from "../../src/sets/digest.ts";
import { normalized } from "../../src/sets/normalized.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { whitened, whitenSplit } from "../../src/meta/whiten.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";
import { easyDataset, easyTable, runTest, shortRecipe } from "../support/runs.ts";

const [CHANNELS, HEIGHT, WIDTH] = [3, 4, 5];
const D = CHANNELS * HEIGHT * WIDTH;

/** Images whose neighbouring pixels and channels are much alike. */
function smoothDataset(train: number, test: number): Dataset {
  const split = (count: number, seed: number) => {
    const images = new Uint8Array(count * D);
    for (let n = 0; n < count; n++) {
      const [a, b, c, e] = random(4, seed + n);
      const noise = random(D, seed + 10_000 + n);
      for (let i = 0; i < D; i++) {
        const [k, h, v] = [Math.floor(i / 20), Math.floor(i % 20 / 5), i % 5];
        const wave = a! + b! * h / 4 + c! * v / 5 + e! * k / 3;
        images[n * D + i] = 128 + 50 * wave + 6 * noise[i]!;
      }
    }
    return { images, labels: Uint8Array.from({ length: count }, (_, n) => n % 2), count };
  };
  const planes = { channels: CHANNELS, height: HEIGHT, width: WIDTH, classes: 2 };
  const statistics = { mean: [0.4, 0.5, 0.6], std: [0.15, 0.2, 0.25] };
  return {
    name: "smooth",
    ...planes,
    ...statistics,
    train: split(train, 1),
    test: split(test, 5e5),
  };
}

/** Mean and covariance of images [N, D] in float64. */
function momentsOf(images: ArrayLike<number>): { mean: number[]; covariance: Matrix } {
  const N = images.length / D;
  const rows = Array.from({ length: N }, (_, n) => {
    return Array.from({ length: D }, (_, i) => images[n * D + i]!);
  });
  const mean = rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / N);
  const centred = new Matrix(rows.map((row) => row.map((value, i) => value - mean[i]!)));
  return { mean, covariance: centred.transpose().mmul(centred).div(N) };
}

function farthest(a: Matrix, b: Matrix): number {
  return Matrix.sub(a, b).to1DArray().reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

Deno.test("spectrumOf: eigenvectors and eigenvalues of a symmetric matrix", () => {
  const { vectors, values } = spectrumOf(Float64Array.of(2, 1, 0, 1, 2, 0, 0, 0, 5), 3);
  [1, 3, 5].forEach((value, i) => assert.ok(Math.abs(values[i]! - value) < 1e-12));
  assert.ok(Math.abs(Math.abs(vectors[0]!) - Math.SQRT1_2) < 1e-7); // of (1, −1, 0) / √2
  assert.ok(Math.abs(vectors[0]! + vectors[3]!) < 1e-7 && Math.abs(vectors[6]!) < 1e-7);
});

const every = ({ train }: Dataset) => Array.from({ length: train.count }, (_, n) => n);

gpuTest(
  "whitened: without regularisation the covariance is the identity, the mean 0",
  async (device) => {
    const dataset = smoothDataset(300, 20);
    const { train, whitening } = await whitened(device, dataset, 1e-9);
    const { mean, covariance } = momentsOf(train.images);
    assert.ok(mean.every((value) => Math.abs(value) < 1e-4));
    assert.ok(farthest(covariance, Matrix.eye(D)) < 2e-3, `${farthest(covariance, Matrix.eye(D))}`);
    const { matrix } = whitening!;
    assert.ok(
      matrix.every((value, i) => Math.abs(value - matrix[i % D * D + Math.floor(i / D)]!) < 1e-4),
    );
  },
);

gpuTest("whitened: W is (C + λI)^(−1/2), and its inverse gives the images back", async (device) => {
  const dataset = smoothDataset(300, 20);
  const before = normalized(dataset, every(dataset));
  const { covariance, mean } = momentsOf(before);
  const lambda = 0.1 * covariance.trace() / D;
  const regular = Matrix.add(covariance, Matrix.eye(D).mul(lambda));
  const notes: string[] = [];
  const seen = await whitened(device, dataset, 0.1, { onNote: (line) => notes.push(line) });
  const { whitening, train, test } = seen;
  assert.equal(notes.length, 3);
  assert.equal(whitening!.zca, 0.1);
  mean.forEach((value, i) => assert.ok(Math.abs(value - whitening!.mean[i]!) < 1e-5));
  const [W, V] = [whitening!.matrix, whitening!.inverse].map((m) => Matrix.from1DArray(D, D, m));
  assert.ok(farthest(W!.mmul(regular).mmul(W!), Matrix.eye(D)) < 1e-4);
  assert.ok(farthest(V!, W!.mmul(regular)) < 1e-4);
  // the covariance of the whitened training images, W C W
  const expected = solve(regular, covariance);
  assert.ok(farthest(momentsOf(train.images).covariance, expected) < 1e-4);
  const back = unwhitened(train.images as Float32Array, whitening!);
  assert.ok(back.every((value, i) => Math.abs(value - before[i]!) < 1e-4));
  const same = await whitenSplit(device, dataset, dataset.test, whitening!);
  assert.deepEqual(same, test);
  const { train: _, test: __, whitening: ___, sha256, ...rest } = seen;
  assert.equal(sha256, await digestOf(dataset));
  const { train: ____, test: _____, ...given } = dataset;
  assert.deepEqual(rest, given);
  assert.equal(await whitened(device, dataset, 0), dataset);
});

gpuTest(
  "whitened: asked to end, it does before it finds eigenvectors, and after",
  async (device) => {
    const dataset = smoothDataset(20, 10);
    for (const at of [1, 2]) {
      const controller = new AbortController();
      const reason = new Error("asked to end");
      const notes: string[] = [];
      const onNote = (line: string) => {
        if (notes.push(line) === at) setTimeout(() => controller.abort(reason)); // as Ctrl-C comes
      };
      await assert.rejects(
        whitened(device, dataset, 0.1, { onNote, signal: controller.signal }),
        reason,
      );
      assert.ok(notes.length <= 2, `${notes}`);
    }
  },
);

gpuTest("whitened: images of more than 4096 numbers are refused", async (device) => {
  const dataset = { ...easyDataset(10, 10), channels: 3, height: 64, width: 64 };
  await assert.rejects(whitened(device, dataset, 0.1), (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /^Cannot whiten mnist: got images of 3×64×64, 12288 numbers, expe/);
    return true;
  });
});

runTest(
  "distill with zca: the artifact alone whitens the test images, and unwhitens its own",
  async (device, dir) => {
    const dataset = smoothDataset(60, 30);
    const arch = [{ dense: { outputs: "classes" } }] as const;
    const recipe = shortRecipe({ arch, zca: 0.1, image_init: "real", iterations: 3, lr: 1e-9 });
    const result = await distill(device, recipe, dataset, { out: dir });
    const artifact = await readArtifact(dir);
    assert.equal(artifact.metadata.zca, "0.1");
    const evaluated = await evaluate(device, dir, dataset);
    assert.deepEqual(evaluated.after, result.after);
    assert.equal((await evaluateStandard(device, dir, dataset, { networks: 1 })).networks, 1);
    const images = unwhitened(artifact.images.data, artifact.whitening!);
    const real = normalized(dataset, every(dataset));
    for (let n = 0; n < images.length; n += D) { // each is a training image, which was not moved
      const distances = every(dataset).map((m) =>
        images.subarray(n, n + D).reduce(
          (sum, v, i) => Math.max(sum, Math.abs(v - real[m * D + i]!)),
          0,
        )
      );
      assert.ok(Math.min(...distances) < 1e-3, `image ${n / D}`);
    }
  },
);

runTest("distill with zca of a table: distilled.csv has its units", async (device, dir) => {
  const table = easyTable(60, 20);
  const arch = [{ dense: { outputs: "classes" } }] as const;
  const recipe = shortRecipe({ arch, zca: 0.1, image_init: "real", iterations: 3, lr: 1e-9 });
  const { files } = await distill(device, recipe, table, { out: dir });
  assert.ok(files.includes(`${dir}/distilled.csv`) && files.includes(`${dir}/images.png`));
  const [, ...rows] = (await Deno.readTextFile(`${dir}/distilled.csv`)).trimEnd().split("\n");
  for (const row of rows) {
    const [height, width] = row.split(",").map(Number);
    assert.ok(height! > 150 && height! < 190 && width! > 39.4 && width! < 40.6, row);
  }
});
