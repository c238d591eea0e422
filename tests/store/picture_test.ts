// picture_test: images.png of images and of tables.
import assert from "node:assert/strict";
import { decode } from "fast-png";
import { type Artifact, metadataOf } from "../../src/store/artifact.ts";
import { writePicture } from "../../src/store/picture.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";
import { random } from "../oracle/numeric.ts";
import { easyDataset, easyTable, shortRecipe } from "../support/runs.ts";

function tensor(shape: number[], seed: number) {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from(random(size, seed)) };
}

Deno.test("writePicture captions each step with its own rates", async () => {
  await inTemporary(async (dir) => {
    const dataset = easyDataset(10, 10);
    const pictureOf = async (lrs: number[]) => {
      const artifact: Artifact = {
        images: tensor([20, 1, 6, 5], 1),
        labels: tensor([20, 10], 2),
        lrs: { shape: [6], data: Float32Array.from(lrs) },
        init: {},
        metadata: metadataOf(shortRecipe({ steps: 2, epochs: 3 }), dataset, "an adapter"),
      };
      await writePicture(dir, artifact, "a title", dataset);
      return await Deno.readFile(`${dir}/images.png`);
    };
    const picture = await pictureOf([1, 2, 3, 4, 5, 6]);
    assert.deepEqual(await namesIn(dir), ["images.png"]);
    assert.deepEqual(await pictureOf([1, 2, 3, 4, 5, 6]), picture);
    assert.notDeepEqual(await pictureOf([1, 2, 3, 4, 5, 7]), picture);
  });
});

Deno.test("writePicture captions any number of gradient steps, of many the first and last", async () => {
  await inTemporary(async (dir) => {
    const dataset = easyDataset(10, 10);
    const pictureOf = async (total: number, changed = -1) => {
      const lrs = Float32Array.from({ length: total }, (_, t) => t === changed ? 9 : 1 + t / 100);
      const recipe = shortRecipe({ steps: 2, steps_total: total });
      const artifact: Artifact = {
        images: tensor([20, 1, 6, 5], 1),
        labels: tensor([20, 10], 2),
        lrs: { shape: [total], data: lrs },
        init: {},
        metadata: metadataOf(recipe, dataset, "an adapter"),
      };
      await writePicture(dir, artifact, "a title", dataset);
      return await Deno.readFile(`${dir}/images.png`);
    };
    assert.notDeepEqual(await pictureOf(2), await pictureOf(3)); // the second step has one rate
    const many = await pictureOf(101);
    const { width } = decode(many);
    assert.equal(decode(await pictureOf(1001)).width, width);
    assert.deepEqual(await pictureOf(101, 50), many);
    for (const shown of [0, 1, 99, 100]) assert.notDeepEqual(await pictureOf(101, shown), many);
  });
});

Deno.test("writePicture: a table of two columns among its training rows, of others nothing", async () => {
  await inTemporary(async (dir) => {
    const table = easyTable(30, 10);
    const draw = async (columns: string[], dataset = table) => {
      const D = columns.length;
      const data = Float32Array.from({ length: 2 * D }, (_, i) => i);
      const artifact: Artifact = {
        images: { shape: [2, D, 1, 1], data },
        labels: { shape: [2, 2], data: Float32Array.of(0.3, 0.7, 1, 0) },
        lrs: tensor([1], 1),
        init: {},
        metadata: metadataOf(shortRecipe({ epochs: 1 }), { ...table, columns }, "an adapter"),
      };
      await writePicture(dir, artifact, "a title", dataset);
    };
    await draw(["a", "b", "c"]);
    await draw(["a"]);
    assert.deepEqual(await namesIn(dir), []);
    await draw(["a", "b"]);
    const picture = await Deno.readFile(`${dir}/images.png`);
    const { width, height, channels } = decode(picture);
    assert.ok(channels === 3 && width > 480 && height > 480);
    await draw(["a", "b"], easyTable(31, 10));
    assert.notDeepEqual(await Deno.readFile(`${dir}/images.png`), picture);
  });
});

Deno.test("writePicture: where no steps are recorded a row a class, or one row of one image each", async () => {
  await inTemporary(async (dir) => {
    const dataset = easyDataset(10, 10);
    const sizeOf = async (perClass: number) => {
      const settings = { objective: "kernel", epochs: 1, per_class: perClass } as const;
      const artifact: Artifact = {
        images: tensor([10 * perClass, 1, 6, 5], 1),
        labels: tensor([10 * perClass, 10], 2),
        lrs: { shape: [0], data: new Float32Array() },
        init: {},
        metadata: metadataOf(shortRecipe(settings), dataset, "an adapter"),
      };
      await writePicture(dir, artifact, "a title", dataset);
      return decode(await Deno.readFile(`${dir}/images.png`));
    };
    const [one, three] = [await sizeOf(1), await sizeOf(3)];
    assert.ok(one.width > one.height, "a row of ten images");
    assert.ok(three.height > 2 * one.height && three.height > three.width, "ten rows of three");
  });
});

Deno.test("writePicture: names the bitmap font lacks make an SVG, with them over the columns", async () => {
  await inTemporary(async (dir) => {
    const classNames = ["Null", "grün", "四", "a<b", "e", "f", "g", "h", "i", "j"];
    const dataset = { ...easyDataset(10, 10), classNames };
    const labels = tensor([20, 10], 2);
    labels.data.fill(0.05).set([0.95, 0, 0, 0, 0, 0, 0, 0, 0, 0.05]);
    const artifact: Artifact = {
      images: tensor([20, 1, 6, 5], 1),
      labels,
      lrs: { shape: [2], data: Float32Array.of(1, 2) },
      init: {},
      metadata: metadataOf(shortRecipe({ steps: 2, epochs: 1 }), dataset, "an adapter"),
    };
    await writePicture(dir, artifact, "a title", dataset);
    assert.deepEqual(await namesIn(dir), ["images.svg"]);
    const svg = await Deno.readTextFile(`${dir}/images.svg`);
    for (const said of [">grün<", ">四<", ">a&lt;b<", ">95%<", ">step 2: η 2.00<"]) {
      assert.equal(svg.split(said).length, 2, said);
    }
  });
});
