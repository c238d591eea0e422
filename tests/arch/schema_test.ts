// deno-lint-ignore-file camelcase -- keys are spelled as in the YAML files
import assert from "node:assert/strict";
import { parse } from "yaml";
import { archFromText, archToText } from "../../src/arch/schema.ts";
import { parseRecipe, recipeToYaml } from "../../src/distill/recipe.ts";
import { UsageError } from "../../src/distill/usage_error.ts";

const WRITTEN = `
name: mine
arch:
  - conv: { channels: 6, size: 5, pad: 2 }
  - relu
  - max_pool: 2
  - lrn: { size: 4 }
  - conv: { name: stem, channels: 8, size: 11, stride: 4 }
  - max_pool: { size: 3, stride: 2, pad: 1 }
  - dense: { outputs: 120, name: head.0 }
  - dense: 30
  - relu
  - dense: classes
`;

const READ = [
  { conv: { channels: 6, size: 5, stride: 1, pad: 2 } },
  "relu",
  { max_pool: { size: 2, stride: 2, pad: 0 } },
  { lrn: { size: 4, alpha: 1e-4, beta: 0.75, k: 1 } },
  { conv: { name: "stem", channels: 8, size: 11, stride: 4, pad: 0 } },
  { max_pool: { size: 3, stride: 2, pad: 1 } },
  { dense: { outputs: 120, name: "head.0" } },
  { dense: { outputs: 30 } },
  "relu",
  { dense: { outputs: "classes" } },
];

Deno.test("a recipe's arch may be a list of layers; defaults are PyTorch's", () => {
  const recipe = parseRecipe(parse(WRITTEN), "mine.yaml");
  assert.deepEqual(recipe.arch, READ);
  assert.deepEqual(parseRecipe(parse(recipeToYaml(recipe)), "again"), recipe);
});

Deno.test("archFromText reads what archToText writes into an artifact", () => {
  const { arch } = parseRecipe(parse(WRITTEN), "mine.yaml");
  for (const each of [arch, "alexcifar"]) assert.deepEqual(archFromText(archToText(each)), each);
  for (const text of ["resnet", "[1]", "[{"]) {
    assert.throws(() => archFromText(text), {
      name: "SyntaxError",
      message: `Cannot read an arch: got ${text}, expected one of lenet, alexcifar, alexnet, or ` +
        "layers as JSON",
    });
  }
});

Deno.test("a bad arch: the message names the layer, what was got and what was expected", () => {
  const conv = { conv: { channels: 2, size: 3 } };
  const last = { dense: "classes" };
  const kinds = "one layer: conv, dense, max_pool, lrn, relu";
  const outputs = "an integer ≥ 1, or classes";
  const names = "one of lenet, alexcifar, alexnet, or a list of layers";
  const expectations: [unknown, string][] = [
    ["resnet", `arch: got "resnet", expected ${names}`],
    [3, `arch: got 3, expected ${names}`],
    [[conv, "rely", last], `arch[1]: got "rely", expected ${kinds}`],
    [[conv, "dense", last], `arch[1]: got "dense", expected ${kinds}`],
    [[conv, null, last], `arch[1]: got null, expected ${kinds}`],
    [
      [{ ...conv, max_pool: 2 }, last],
      `arch[0]: got ${JSON.stringify({ ...conv, max_pool: 2 })}, expected ${kinds}`,
    ],
    [
      [{ conv: 5 }, last],
      "arch[0].conv: got 5, expected its settings: name, channels, size, " +
      "stride, pad",
    ],
    [
      [{ conv: { channels: 0 } }, last],
      "arch[0].conv.channels: got 0, expected an integer ≥ 1; " +
      "arch[0].conv.size: got nothing, expected an integer ≥ 1",
    ],
    [
      [{ conv: { channels: 2, size: 3, kernel: 5 } }, last],
      "arch[0].conv.kernel: got 5, expected " +
      "no such setting (name, channels, size, stride, pad)",
    ],
    [
      [{ conv: { name: "a/b", channels: 2, size: 3 } }, last],
      `arch[0].conv.name: got "a/b", ` +
      "expected a name of letters, digits, '.', '_' and '-'",
    ],
    [[conv, { dense: 0 }, last], `arch[1].dense: got 0, expected ${outputs}`],
    [
      [conv, { dense: { outputs: "k" } }, last],
      `arch[1].dense.outputs: got "k", expected ${outputs}`,
    ],
    [[conv, { max_pool: 2.5 }, last], "arch[1].max_pool: got 2.5, expected an integer ≥ 1"],
    [
      [conv, { max_pool: { size: 3, pad: 2 } }, last],
      "arch[1].max_pool.pad: got 2, expected at " +
      "most half of size",
    ],
    [[conv, { lrn: { size: 4, k: 0 } }, last], "arch[1].lrn.k: got 0, expected a number > 0"],
    [["relu", last], `arch[0]: got "relu", expected conv or dense to come first`],
    [[conv, { dense: 10 }], `arch[1]: got {"dense":10}, expected dense: classes to come last`],
    [[conv, "relu"], `arch[1]: got "relu", expected dense: classes to come last`],
    [
      [{ conv: { channels: 2, size: 3, name: "fc1" } }, last],
      `arch[1]: got {"dense":"classes"}, ` +
      "expected a name other than fc1, that of arch[0]",
    ],
  ];
  for (const [arch, message] of expectations) {
    assert.throws(() => parseRecipe({ name: "x", arch }, "x.yaml"), (error) => {
      assert(error instanceof UsageError);
      assert.equal(error.message, `Cannot use recipe x.yaml: ${message}`);
      return true;
    });
  }
});
