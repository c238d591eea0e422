// deno-lint-ignore-file camelcase -- keys are spelled as in the YAML files
import assert from "node:assert/strict";
import { LAYERS } from "../../src/layers/list.ts";
import { parse } from "yaml";
import { parseArch, parseRecipe, recipeToYaml } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import {
  archsFromText,
  archsOf,
  archToText,
  labelsOf,
  namesOf,
  stagesOf,
} from "../../src/nets/arch.ts";
import { ARCH_NAMES, imageOf, isNamed, layersOf } from "../../src/nets/named.ts";

const KNOWN = "lenet, alexcifar, alexnet, convnet3, linear2d, nonlinear, more_nonlinear";

const WRITTEN = `
name: mine
arch:
  - conv: { channels: 6, size: 5, pad: 2 }
  - relu
  - max_pool: 2
  - lrn: { size: 4 }
  - conv: { name: stem, channels: 8, size: 11, stride: 4 }
  - instance_norm
  - max_pool: { size: 3, stride: 2, pad: 1 }
  - instance_norm: { eps: 0.001, name: norm }
  - avg_pool: 2
  - avg_pool: { size: 3, pad: 1 }
  - dense: { outputs: 120, name: head.0 }
  - dense: 30
  - dense: { outputs: 20, bias: false }
  - relu: {}
  - dense: classes
`;

const READ = [
  { conv: { channels: 6, size: 5, stride: 1, pad: 2 } },
  "relu",
  { max_pool: { size: 2, stride: 2, pad: 0 } },
  { lrn: { size: 4, alpha: 1e-4, beta: 0.75, k: 1 } },
  { conv: { name: "stem", channels: 8, size: 11, stride: 4, pad: 0 } },
  { instance_norm: { eps: 1e-5 } },
  { max_pool: { size: 3, stride: 2, pad: 1 } },
  { instance_norm: { eps: 0.001, name: "norm" } },
  { avg_pool: { size: 2, stride: 2, pad: 0 } },
  { avg_pool: { size: 3, stride: 3, pad: 1 } },
  { dense: { outputs: 120, name: "head.0" } },
  { dense: { outputs: 30 } },
  { dense: { outputs: 20, bias: false } },
  "relu",
  { dense: { outputs: "classes" } },
];

Deno.test("a recipe's arch may be a list of layers; defaults are PyTorch's", () => {
  const recipe = parseRecipe(parse(WRITTEN), "mine.yaml");
  assert.deepEqual(recipe.arch, READ);
  assert.deepEqual(parseRecipe(parse(recipeToYaml(recipe)), "again"), recipe);
});

Deno.test("archsFromText reads what archToText writes into an artifact", () => {
  const { arch } = parseRecipe(parse(WRITTEN), "mine.yaml");
  for (const each of [arch, "alexcifar", "convnet3:width=16"]) {
    assert.deepEqual(archsFromText(archToText(each)), [each]);
  }
  for (const text of ["resnet", "[1]", "[{", "lenet:width=3"]) {
    assert.throws(() => archsFromText(text), {
      name: "SyntaxError",
      message: `Cannot read an arch: got ${text}, expected one of ${KNOWN}, or layers as JSON`,
    });
  }
});

Deno.test("a recipe's arch may be a list of networks, each a name or a list of layers", () => {
  const own = [{ dense: 3 }, "relu", { dense: "classes" }];
  const written = { name: "x", init: "random", arch: ["linear2d", own, "convnet3:width=16"] };
  const recipe = parseRecipe(written, "x.yaml");
  const layers = [{ dense: { outputs: 3 } }, "relu", { dense: { outputs: "classes" } }];
  assert.deepEqual(recipe.arch, ["linear2d", layers, "convnet3:width=16"]);
  assert.deepEqual(archsOf(recipe.arch), recipe.arch);
  assert.deepEqual(labelsOf(archsOf(recipe.arch)), ["linear2d", "network 2", "convnet3:width=16"]);
  assert.deepEqual(parseRecipe(parse(recipeToYaml(recipe)), "again"), recipe);
  assert.deepEqual(archsFromText(archToText(recipe.arch)), recipe.arch);
  for (const one of ["linear2d", layers]) {
    const { arch } = parseRecipe({ name: "x", arch: one }, "x.yaml");
    assert.deepEqual([arch, archsOf(arch)], [one, [one]]);
    assert.deepEqual(archsFromText(archToText(arch)), [one]);
  }
});

Deno.test("a bad list of networks: the message names the network and its layer", () => {
  const names = `one of ${KNOWN}, or a list of layers`;
  const last = { dense: "classes" };
  const expectations: [unknown, string][] = [
    [["lenet", "resnet"], `arch[1]: got "resnet", expected ${names}`],
    [["lenet", last], `arch[1]: got {"dense":"classes"}, expected ${names}`],
    [
      ["lenet", [{ dense: 0 }, last]],
      "arch[1][0].dense: got 0, expected an integer ≥ 1, or classes",
    ],
    [[[last], ["relu", last]], 'arch[1][0]: got "relu", expected conv or dense to come first'],
  ];
  for (const [arch, message] of expectations) {
    assert.throws(() => parseRecipe({ name: "x", init: "random", arch }, "x.yaml"), {
      name: "UsageError",
      message: `Cannot use recipe x.yaml: ${message}`,
    });
  }
  assert.throws(() => parseArch(["lenet", "lenet"], "--arch"), { name: "UsageError" });
});

Deno.test("networks for points of the plane have the sizes of the paper", () => {
  const image = { channels: 2, height: 1, width: 1 };
  const parameters = (arch: string) =>
    stagesOf(layersOf(arch, image), image, 1).filter(({ kind }) => kind === "dense")
      .map(({ input, output }) => (input.channels + 1) * output.channels)
      .reduce((a, b) => a + b);
  assert.deepEqual(["linear2d", "nonlinear", "more_nonlinear"].map(parameters), [3, 41, 261]);
});

Deno.test("a bad arch: the message names the layer, what was got and what was expected", () => {
  const conv = { conv: { channels: 2, size: 3 } };
  const last = { dense: "classes" };
  const kinds = `one layer: ${Object.keys(LAYERS).join(", ")}`;
  const outputs = "an integer ≥ 1, or classes";
  const names = `one of ${KNOWN}, or a list of layers`;
  const expectations: [unknown, string][] = [
    ["resnet", `arch: got "resnet", expected ${names}`],
    [3, `arch: got 3, expected ${names}`],
    ["convnet3:height=3", `arch: got "convnet3:height=3", expected ${names}`],
    [[conv, "rely", last], `arch[1]: got "rely", expected ${kinds}`],
    [[conv, "dense", last], `arch[1].dense.outputs: got nothing, expected ${outputs}`],
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
    [
      [conv, { dense: { outputs: 3, bias: 0 } }, last],
      "arch[1].dense.bias: got 0, expected true or false",
    ],
    [[conv, { max_pool: 2.5 }, last], "arch[1].max_pool: got 2.5, expected an integer ≥ 1"],
    [
      [conv, { max_pool: { size: 3, pad: 2 } }, last],
      "arch[1].max_pool.pad: got 2, expected at " +
      "most half of size",
    ],
    [[conv, { avg_pool: 0 }, last], "arch[1].avg_pool: got 0, expected an integer ≥ 1"],
    [
      [conv, { avg_pool: { size: 2, stride: 0 } }, last],
      "arch[1].avg_pool.stride: got 0, expected an integer ≥ 1",
    ],
    [
      [conv, { avg_pool: { size: 2, mode: "ceil" } }, last],
      'arch[1].avg_pool.mode: got "ceil", expected no such setting (size, stride, pad)',
    ],
    [[conv, "avg_pool", last], "arch[1].avg_pool.size: got nothing, expected an integer ≥ 1"],
    [
      [conv, { instance_norm: { eps: 0 } }, last],
      "arch[1].instance_norm.eps: got 0, expected a number > 0",
    ],
    [
      [conv, { instance_norm: 0.1 }, last],
      "arch[1].instance_norm: got 0.1, expected its settings: name, eps",
    ],
    [
      [conv, { relu: { slope: 0.1 } }, last],
      "arch[1].relu.slope: got 0.1, expected no such setting (none)",
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

Deno.test("namesOf gives names that are left out, by kind, and none to layers without parameters", () => {
  const conv = (name?: string) => ({
    conv: { channels: 2, size: 1, stride: 1, pad: 0, ...(name && { name }) },
  });
  const layers = [
    conv(),
    { instance_norm: { eps: 0.1 } },
    "relu" as const,
    conv("stem"),
    { instance_norm: { eps: 0.1 } },
    { avg_pool: { size: 2, stride: 2, pad: 0 } },
    conv(),
    { dense: { outputs: 3 } },
    { dense: { outputs: "classes" as const } },
  ];
  const none = undefined;
  const names = ["conv1", "norm1", none, "stem", "norm2", none, "conv2", "fc1", "fc2"];
  assert.deepEqual(namesOf(layers), names);
});

Deno.test("stagesOf follows the sizes of the planes from layer to layer", () => {
  const layers = parseArch([
    { conv: { channels: 6, size: 5, pad: 1, stride: 2 } },
    "instance_norm",
    { max_pool: { size: 3, stride: 2, pad: 1 } },
    { avg_pool: 2 },
    "relu",
    { dense: "classes" },
  ], "a test");
  assert.ok(typeof layers === "object");
  const stages = stagesOf(layers, { channels: 3, height: 20, width: 31 }, 7);
  const sizes = (
    { channels, height, width }: typeof stages[0]["input"],
  ) => [channels, height, width];
  assert.deepEqual(stages.map(({ kind, output }) => [kind, ...sizes(output)]), [
    ["conv", 6, 9, 15],
    ["instance_norm", 6, 9, 15],
    ["max_pool", 6, 5, 8],
    ["avg_pool", 6, 2, 4],
    ["relu", 6, 2, 4],
    ["dense", 7, 1, 1],
  ]);
  assert.deepEqual(
    stages.slice(1).map(({ input }) => input),
    stages.slice(0, -1).map((s) => s.output),
  );
});

Deno.test("a built-in arch may have options, which are numbers that it knows", () => {
  const image = { channels: 3, height: 32, width: 32 };
  const shapesOf = (arch: string) =>
    layersOf(arch, image).map((layer) => Object.values(Object(layer))[0])
      .filter((settings) => Object.hasOwn(Object(settings), "channels"))
      .map((settings) => Object(settings).channels);
  assert.deepEqual(shapesOf("convnet3"), [128, 128, 128]);
  assert.deepEqual(shapesOf("convnet3:width=16"), [16, 16, 16]);
  assert.deepEqual(shapesOf("convnet3:depth=2,width=5"), [5, 5]);
  for (const arch of [...ARCH_NAMES, "convnet3:width=16"]) {
    assert.ok(isNamed(arch), arch);
    assert.ok(layersOf(arch, imageOf(arch)).length > 0);
  }
  const known = "width=NUMBER, depth=NUMBER";
  const expectations = [
    ["convnet3:height=3", `got height=3, expected ${known}`],
    ["convnet3:width", `got width, expected ${known}`],
    ["convnet3:width=", `got width=, expected ${known}`],
    ["convnet3:width=0", `got width=0, expected ${known}`],
    ["convnet3:width=-3", `got width=-3, expected ${known}`],
    ["convnet3:width=1.5", `got width=1.5, expected ${known}`],
    ["convnet3:width=16;depth=2", `got width=16;depth=2, expected ${known}`],
    ["convnet3:depth=2,toString=3", `got toString=3, expected ${known}`],
    ["lenet:width=3", "got width=3, expected no option"],
    ["resnet:width=3", `got an unknown arch, expected ${KNOWN}`],
    ["constructor", `got an unknown arch, expected ${KNOWN}`],
  ];
  for (const [arch, message] of expectations) {
    assert.ok(!isNamed(arch!), arch);
    assert.throws(() => layersOf(arch!, image), {
      name: "RangeError",
      message: `Cannot build ${arch}: ${message}`,
    });
  }
});
