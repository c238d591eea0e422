// train_advice_test: the command that trains what a recipe starts from.
import assert from "node:assert/strict";
import { listRecipes } from "../../src/recipe/recipes_builtin.ts";
import { loadRecipe } from "../../src/recipe/recipe.ts";
import { trainAdvice } from "../../src/recipe/train_advice.ts";

Deno.test("trainAdvice has the flags of every built-in recipe, and of LeNets the time", async () => {
  const advice = async (name: string, settings = {}) =>
    trainAdvice(await loadRecipe(name, settings));
  const out = (name: string) => `--out out/networks/${name}.safetensors`;
  const other = "; or name another file by --set pretrained=FILE";
  assert.equal(
    await advice("adapt-usps-mnist"),
    `train them: train --dataset usps --resize 20 --pad 4 --networks 204 ${
      out("usps")
    }, about 15 h ` +
      `without a GPU; with --set test_networks=8 --networks 12 are enough, about 52 min${other}`,
  );
  assert.equal(
    await advice("adapt-svhn-mnist-fixed"),
    `train them: train --dataset svhn --networks 1 ${
      out("svhn")
    }, about 22 min without a GPU${other}`,
  );
  assert.equal(
    await advice("attack-cifar10"),
    `train them: train --dataset cifar10 --arch alexcifar --networks 204 ${out("cifar10")}${other}`,
  );
  assert.equal(
    await advice("attack-mnist", { resize: 32, channels: 3, test_networks: 8 }),
    "train them: train --dataset mnist --resize 32 --channels 3 --networks 12 " +
      `${out("mnist")}, about 2 h without a GPU${other}`,
  );
  for (const { name } of listRecipes()) {
    const recipe = await loadRecipe(name, {});
    if (recipe.pretrained === "none" || name === "fine-tune-alexnet") continue;
    assert.match(trainAdvice(recipe), /^train them: train --dataset (mnist|usps|svhn|cifar10) /);
  }
});
