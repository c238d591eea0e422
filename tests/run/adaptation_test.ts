// adaptation_test: networks trained on one data set, distilled for another; held out, resumed, evaluated.
import assert from "node:assert/strict";
import type { Dataset, Split } from "../../src/sets/dataset.ts";
import { summarize, test } from "../../src/evaluate/accuracy.ts";
import { baselines } from "../../src/evaluate/baselines.ts";
import { distill, type Progress } from "../../src/run/distill.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { readNetworks, thetasOf } from "../../src/store/network_file.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { trainNetworks } from "../../src/run/train.ts";
import { trainSettings } from "../../src/recipe/train_settings.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { inTemporary } from "../support/temporary.ts";
import {
  contentsOf,
  easyDataset,
  expectSame,
  pick,
  readTensors,
  runTest,
  shortRecipe,
  SMALL,
} from "../support/runs.ts";

const source: Dataset = { ...easyDataset(), name: "bars" };
const target = displaced(source);

/** The same images dimmer and 3 × 2 pixels off, which the source's networks often read wrong. */
function displaced(dataset: Dataset): Dataset {
  const move = ({ images, labels, count }: Split) => {
    const moved = Uint8Array.from(images, (_, i) => {
      const [first, row, column] = [i - i % 784, Math.floor(i % 784 / 28), i % 28];
      return images[first + (row + 26) % 28 * 28 + (column + 25) % 28]! / 2;
    });
    return { images: moved, labels, count };
  };
  const splits = { train: move(dataset.train), test: move(dataset.test) };
  return { ...dataset, name: "displaced", mean: [0.12], std: [0.2], ...splits };
}

/** The bytes of a file of five networks trained on the source, made once. */
let trained: Promise<Uint8Array> | undefined;

function trainOnce(device: Device): Promise<Uint8Array> {
  return trained ??= (async () => {
    let bytes = new Uint8Array();
    await inTemporary(async (dir) => {
      const sizes = { arch: SMALL, networks: 5, epochs: 3, batch: 24 };
      const settings = trainSettings("bars", { ...sizes, lr: 1e-2 });
      await trainNetworks(device, source, settings, { out: `${dir}/n` });
      bytes = await Deno.readFile(`${dir}/n`);
    });
    return bytes;
  })();
}

function adaptTest(
  name: string,
  body: (device: Device, dir: string, file: string) => Promise<void>,
) {
  runTest(name, async (device, dir) => {
    const file = `${dir}/networks.safetensors`;
    await Deno.writeFile(file, await trainOnce(device));
    await body(device, dir, file);
  });
}

const RANDOM = { init: "random", networks: 2, test_networks: 2 } as const;

adaptTest(
  "random: held-out networks before, better after, evaluate as reported",
  async (device, dir, pretrained) => {
    const rates = { lr: 0.2, distill_lr: 0.05 };
    const recipe = shortRecipe({ ...RANDOM, ...rates, pretrained, iterations: 12, batch: 32 });
    const out = `${dir}/run`;
    const { before, after } = await distill(device, recipe, target, { out });
    const net = buildNet(device, SMALL, { channels: 1, height: 28, width: 28 }, 10);
    const thetas = thetasOf(net, await readNetworks(pretrained));
    using theta = net.theta(2).write(thetas.subarray(3 * net.stride));
    const untouched = summarize(await test(net, theta, target.test, target));
    assert.deepEqual(before, untouched);
    assert.ok(after.mean > before.mean + 0.1, `accuracy from ${before.mean} to ${after.mean}`);
    assert.deepEqual(await evaluate(device, out, target), { before, after });
    const one = await evaluate(device, out, target, { networks: 1 });
    assert.equal(one.after.networks, 1);
    const { metadata, tensors } = await readTensors(`${out}/distilled.safetensors`);
    const { pretrained_sha256: hash, pretrained_dataset, held_out, dataset, mean } = metadata;
    assert.deepEqual([metadata.pretrained, pretrained_dataset, held_out], [
      pretrained,
      "bars",
      "2",
    ]);
    assert.deepEqual([dataset, mean, hash!.length], ["displaced", "[0.12]", 64]);
    assert.deepEqual(Object.keys(tensors), ["images", "labels", "lrs"]);
    await expectRefusals(device, out, pretrained);
  },
);

/** What evaluate says when the file of networks is not what it was. */
async function expectRefusals(device: Device, out: string, pretrained: string): Promise<void> {
  const refuse = async (message: RegExp, options = {}) => {
    await assert.rejects(evaluate(device, out, target, options), (error: Error) => {
      assert.match(error.message, message);
      return true;
    });
  };
  await refuse(/on 3 networks: got 2 that were held out, expected --networks 2/, { networks: 3 });
  await Deno.rename(pretrained, `${pretrained}.moved`);
  await refuse(
    /^Cannot read networks from .*: got no such file, expected trained networks; say where/,
  );
  await evaluate(device, out, target, { pretrained: `${pretrained}.moved`, networks: 1 });
  const bytes = await Deno.readFile(`${pretrained}.moved`);
  await Deno.writeFile(pretrained, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
  await refuse(
    /: got SHA-256 .*, expected .* as in the distillation; give that file with --init pr/,
  );
  await Deno.writeFile(pretrained, bytes.subarray(0, 1000));
  await refuse(/^Cannot read .*truncated/);
}

adaptTest("fixed: the first network, kept in the artifact", async (device, dir, pretrained) => {
  const out = `${dir}/run`;
  const recipe = shortRecipe({ pretrained, iterations: 4 });
  const { before, after } = await distill(device, recipe, target, { out });
  const { tensors } = await readTensors(`${out}/distilled.safetensors`);
  const { tensors: networks } = await readTensors(pretrained);
  for (const [name, { data }] of Object.entries(networks)) {
    const init = tensors[`init/${name}`]!.data;
    expectSame(name, { init }, { init: data.subarray(0, data.length / 5) });
  }
  await Deno.remove(pretrained); // the artifact has what it takes
  assert.deepEqual(await evaluate(device, out, target), { before, after });
});

adaptTest(
  "distill from a file resumes to the same bytes, from that file alone",
  async (device, dir, pretrained) => {
    const recipe = shortRecipe({ ...RANDOM, pretrained, log_every: 1, iterations: 5 });
    const files = ["distilled.safetensors", "checkpoint.safetensors"];
    await distill(device, recipe, target, { out: `${dir}/whole` });
    const out = `${dir}/stopped`;
    const onProgress = ({ iteration }: Progress) => {
      if (iteration === 4) throw new Error("stopped");
    };
    await assert.rejects(distill(device, recipe, target, { out, onProgress }), {
      message: "stopped",
    });
    const bytes = await Deno.readFile(pretrained);
    await Deno.writeFile(pretrained, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
    await assert.rejects(
      distill(device, recipe, target, { out, resume: true }),
      /^UsageError: Cannot resume from .*: got trained networks .*, expected .* as when it was/,
    );
    await Deno.writeFile(pretrained, bytes);
    await distill(device, recipe, target, { out, resume: true });
    const [stopped, whole] = [await contentsOf(out), await contentsOf(`${dir}/whole`)];
    expectSame("resumed", pick(stopped, ...files), pick(whole, ...files));
  },
);

adaptTest(
  "distill refuses networks that do not fit, and leaves no folder",
  async (device, dir, pretrained) => {
    const out = `${dir}/run`;
    const refuse = async (message: RegExp, settings: Partial<Recipe>, data = target) => {
      const recipe = shortRecipe({ ...RANDOM, pretrained, ...settings });
      await assert.rejects(distill(device, recipe, data, { out }), (error: Error) => {
        assert.match(error.message, message);
        return true;
      });
    };
    await refuse(/^Cannot read networks from .*none: got no such/, { pretrained: `${dir}/none` });
    await refuse(/^Cannot use the networks of .*: got 5, expected at least 6: networks 2/, {
      test_networks: 4,
    });
    const colour = ({ images, labels, count }: Split) => ({
      images: Uint8Array.from({ length: 3 * images.length }, (_, i) => images[i % images.length]!),
      labels,
      count,
    });
    const splits = { train: colour(target.train), test: colour(target.test) };
    const coloured = { ...target, channels: 3, mean: [0, 0, 0], std: [1, 1, 1], ...splits };
    await refuse(
      /\(bars, images \[1, 28, 28\] and 10 classes\) on images \[3, 28, 28\]/,
      {},
      coloured,
    );
    await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
  },
);

adaptTest("baselines start from the held-out networks too", async (device, _, pretrained) => {
  const reached = async (recipe: Recipe, networks: number, name: "optimised" | "random") => {
    const [found] = await baselines(device, recipe, target, { networks, only: [name] });
    return found!.accuracy;
  };
  const random = shortRecipe({ ...RANDOM, networks: 1, pretrained });
  const optimised = await reached(random, 2, "optimised");
  // One step of a new network leaves it guessing among ten classes.
  assert.ok(optimised.networks === 4 && optimised.mean > 0.3, `${optimised.mean}`);
  const fixed = await reached(shortRecipe({ pretrained }), 1, "random");
  assert.ok(fixed.networks === 4 && fixed.mean > 0.3, `${fixed.mean}`);
  const many = reached(random, 5, "random");
  await assert.rejects(many, /got 5, expected at least 9: networks 1 to sample and/);
  const attack = reached({ ...random, attack: "0:1" }, 2, "random");
  await assert.rejects(attack, /got attack 0:1, expected none$/);
});
