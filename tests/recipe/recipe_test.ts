// recipe_test: what a recipe may say, what is said about a bad one, and the paper's numbers.
// deno-lint-ignore-file camelcase -- keys are spelled as in the YAML files
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "yaml";
import { lossOf, specOf } from "../../src/recipe/spec.ts";
import { loadRecipe, parseRecipe, recipeToYaml } from "../../src/recipe/recipe.ts";
import { parseYaml } from "../../src/recipe/recipes_builtin.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { namesIn } from "../support/temporary.ts";

const ADAPTATIONS = [
  "adapt-mnist-usps",
  "adapt-mnist-usps-fixed",
  "adapt-usps-mnist",
  "adapt-usps-mnist-fixed",
  "adapt-svhn-mnist",
  "adapt-svhn-mnist-fixed",
];
const BUILTIN = [
  "quick",
  "mnist-fixed-10",
  "mnist-fixed-100",
  "mnist-random-100",
  "mnist-strong-10",
  "mnist-random-100-small",
  "mnist-kip-10",
  "mnist-kip-100",
  "mnist-kip-500",
  "mnist-label-solve-10",
  "mnist-dc-1",
  "mnist-dc-10",
  "mnist-dsa-10",
  "mnist-dm-1",
  "mnist-dm-10",
  "mnist-dc-10-convnet3",
  "cifar10-fixed-100",
  "cifar10-fixed-100-small",
  "cifar10-random-100",
  "cifar10-random-100-small",
  "adapt-usps-mnist-small",
  ...ADAPTATIONS,
  "fine-tune-alexnet",
  "attack-mnist",
  "attack-cifar10",
  "moons-linear",
  "moons-nonlinear",
  "moons-more-nonlinear",
  "moons-all",
];

/** The settings in which the paper's experiments on MNIST agree. */
const PAPER = {
  dataset: "mnist",
  arch: "lenet",
  init_method: "xavier_normal",
  init_param: 1,
  epochs: 3,
  per_class: 1,
  image_init: "noise",
  batch: 1024,
  iterations: 400 * 59,
  lr: 0.01,
  beta1: 0.5,
  beta2: 0.999,
  schedule: "step",
  decay_every: 40 * 59,
  decay_factor: 0.5,
  distill_lr: 0.02,
  soft_labels: false,
};

/** Where those on CIFAR-10 differ. */
const CIFAR10 = {
  dataset: "cifar10",
  arch: "alexcifar",
  augment: "crop-flip",
  steps: 10,
  iterations: 400 * 49,
  decay_every: 40 * 49,
  distill_lr: 0.001,
};

function expectMessage(settings: unknown, message: string): void {
  assert.throws(() => parseRecipe(settings, "x.yaml"), (error) => {
    assert(error instanceof UsageError);
    assert.equal(error.message, `Cannot use recipe x.yaml: ${message}`);
    return true;
  });
}

Deno.test("a recipe names data sets built in, of the hub and in folders", () => {
  for (
    const dataset of [
      "fashion_mnist",
      "hf:o/n",
      "hf:o.p-q/n_1/a/b",
      "folder:my images/x",
      "csv:my data/x.csv",
    ]
  ) {
    const recipe = parseRecipe({ name: "x", dataset }, "x.yaml");
    assert.deepEqual([recipe.dataset, recipe.resize, recipe.channels], [dataset, 0, 0]);
    assert.deepEqual(parseRecipe(parse(recipeToYaml(recipe)), "y.yaml"), recipe);
  }
});

Deno.test("a bad setting: the message names the key, what was got and what was expected", () => {
  const seeds = "an integer from 0 to 4294967295";
  const datasets =
    "a name such as mnist, hf:OWNER/NAME, hf:OWNER/NAME/FOLDER, folder:PATH or csv:PATH";
  const expectations: [string, unknown, string][] = [
    ["name", "a/b", `got "a/b", expected a word of letters, digits, '.', '_' and '-'`],
    ["dataset", "o/n", `got "o/n", expected ${datasets}`],
    ["dataset", "hf:o", `got "hf:o", expected ${datasets}`],
    ["dataset", "folder:", `got "folder:", expected ${datasets}`],
    ["dataset", "csv:", `got "csv:", expected ${datasets}`],
    ["resize", -1, "got -1, expected an integer ≥ 0"],
    ["pad", 0.5, "got 0.5, expected an integer ≥ 0"],
    ["channels", 2, "got 2, expected 0, 1 or 3"],
    ["augment", "flip", `got "flip", expected one of none, crop-flip, siamese`],
    ["init", "loaded", `got "loaded", expected one of fixed, random`],
    ["init_param", 0, "got 0, expected a number > 0"],
    ["pretrained", "", `got "", expected a file`],
    ["pretrained", 3, "got 3, expected a file"],
    ["attack", "0", `got "0", expected none, or two different classes such as 0:1`],
    ["attack", "1:1", `got "1:1", expected none, or two different classes such as 0:1`],
    ["attack", "10:-1", `got "10:-1", expected none, or two different classes such as 0:1`],
    ["steps", 0, "got 0, expected an integer ≥ 1"],
    ["steps", 1.5, "got 1.5, expected an integer ≥ 1"],
    ["steps", "x", `got "x", expected an integer ≥ 1`],
    ["steps", null, "got null, expected an integer ≥ 1"],
    ["image_init", "zeros", `got "zeros", expected one of noise, real, kmeans`],
    ["lr", NaN, "got NaN, expected a number > 0"],
    ["lr", Infinity, "got Infinity, expected a number > 0"],
    ["beta2", 1, "got 1, expected a number from 0 to less than 1"],
    ["schedule", "linear", `got "linear", expected one of constant, step, cosine`],
    ["decay_factor", 1.1, "got 1.1, expected a number > 0 and ≤ 1"],
    ["steps_total", -1, "got -1, expected an integer ≥ 0"],
    ["window", 1.5, "got 1.5, expected an integer ≥ 0"],
    ["pool", -1, "got -1, expected an integer ≥ 0"],
    ["inner_batch", "x", `got "x", expected an integer ≥ 0`],
    ["optimizer", "sgd", `got "sgd", expected one of gd, momentum, adam`],
    ["momentum", 1, "got 1, expected a number from 0 to less than 1"],
    ["learn_momentum", 1, "got 1, expected true or false"],
    ["adam_beta1", -0.1, "got -0.1, expected a number from 0 to less than 1"],
    ["adam_beta2", 1, "got 1, expected a number from 0 to less than 1"],
    ["adam_eps_root", 0, "got 0, expected a number > 0"],
    ["rates", "two", `got "two", expected one of per_step, one, fixed`],
    ["loss", "hinge", `got "hinge", expected one of auto, softmax, sigmoid, mse`],
    ["soft_labels", "no", `got "no", expected true or false`],
    ["seed", -1, `got -1, expected ${seeds}`],
    ["seed", 2 ** 32, `got 4294967296, expected ${seeds}`],
    ["eval_every", -1, "got -1, expected an integer ≥ 0"],
  ];
  for (const [key, value, message] of expectations) {
    expectMessage({ name: "x", [key]: value }, `${key}: ${message}`);
  }
});

Deno.test("several bad settings are all in one message", () => {
  expectMessage(
    { name: "x", steps: 0, stepz: 3 },
    "steps: got 0, expected an integer ≥ 1; stepz: got an unknown key, expected steps",
  );
});

Deno.test("an unknown key: the message suggests the nearest known one", () => {
  const nearest = { perClass: "per_class", epoch: "epochs", "distil_lr": "distill_lr" };
  for (const [key, known] of Object.entries(nearest)) {
    expectMessage(
      { name: "x", [key]: 1 },
      `${key}: got an unknown key, expected ${known}`,
    );
  }
});

Deno.test("a recipe must be a mapping and have a name", () => {
  for (const value of [null, 3, "text", []]) {
    expectMessage(value, `got ${JSON.stringify(value)}, expected settings as key: value`);
  }
  expectMessage({}, "name: got nothing, expected a word of letters, digits, '.', '_' and '-'");
});

Deno.test("a table has no size, channels or augmentation to set", () => {
  const settings = { name: "x", dataset: "csv:x", resize: 2, pad: 1, augment: "crop-flip" };
  const why = "since the rows of a table are no images";
  expectMessage(
    { ...settings, channels: 1 },
    `resize: got 2, expected 0, ${why}; pad: got 1, expected 0, ${why}; ` +
      `channels: got 1, expected 0, ${why}; augment: got "crop-flip", expected none, ${why}`,
  );
  const moons = { name: "x", dataset: "moons", pad: 1 };
  expectMessage(moons, `pad: got 1, expected 0, ${why}`);
});

Deno.test("networks of several architectures are drawn anew", () => {
  const why = "since networks of several architectures are drawn anew";
  const arch = ["lenet", "convnet3"];
  expectMessage(
    { name: "x", arch, pretrained: "nets.safetensors", attack: "0:1" },
    `init: got nothing, expected random, ${why}; pretrained: got "nets.safetensors", expected none, ` +
      `${why}; attack: got "0:1", expected none, ${why}`,
  );
  assert.deepEqual(parseRecipe({ name: "x", arch, init: "random" }, "x").arch, arch);
});

Deno.test("several networks need a random init", () => {
  expectMessage(
    { name: "x", networks: 4 },
    "networks: got 4, expected 1, since init is fixed and all networks would be the same " +
      "(init: random allows more)",
  );
  assert.equal(parseRecipe({ name: "x", networks: 4, init: "random" }, "x").networks, 4);
});

Deno.test("settings of inner training that do not go together are refused", () => {
  const refused: [settings: Record<string, unknown>, message: string][] = [
    [
      { steps: 2, epochs: 2, window: 5 },
      "window: got 5, expected at most the 4 steps of a training (steps × epochs, or steps_total)",
    ],
    [
      { steps: 2, steps_total: 3, window: 4 },
      "window: got 4, expected at most the 3 steps of a training (steps × epochs, or steps_total)",
    ],
    [
      { steps: 5, steps_total: 4 },
      "steps_total: got 4, expected 0, or at least steps, since networks would never see the images of the others",
    ],
    [
      { pool: 2, init: "random" },
      "pool: got 2, expected 0, or init: random and a window, since networks of a pool are trained window by window",
    ],
    [
      { pool: 2, window: 3 },
      "pool: got 2, expected 0, or init: random and a window, since networks of a pool are trained window by window",
    ],
    [
      { inner_batch: 5, steps: 2 },
      "inner_batch: got 5, expected 0, or steps: 1, since each step then draws from all images",
    ],
    [
      { learn_momentum: true },
      "learn_momentum: got true, expected false, or optimizer: momentum and a momentum > 0 to start from",
    ],
    [
      { learn_momentum: true, optimizer: "adam" },
      "learn_momentum: got true, expected false, or optimizer: momentum and a momentum > 0 to start from",
    ],
    [
      { learn_momentum: true, optimizer: "momentum", momentum: 0 },
      "learn_momentum: got true, expected false, or optimizer: momentum and a momentum > 0 to start from",
    ],
    [
      { soft_labels: true, loss: "sigmoid" },
      "soft_labels: got true, expected false, since labels are learned as probabilities of classes (loss: softmax)",
    ],
  ];
  for (const [settings, message] of refused) expectMessage({ name: "x", ...settings }, message);
  const good = [
    { steps: 2, epochs: 2, window: 4 },
    { steps: 2, epochs: 1, steps_total: 300, window: 60, pool: 5, init: "random" },
    { steps: 1, steps_total: 30, inner_batch: 5, optimizer: "adam", rates: "one" },
    { optimizer: "momentum", learn_momentum: true, soft_labels: true, loss: "mse" },
  ];
  for (const settings of good) {
    const recipe = parseRecipe({ name: "x", ...settings }, "x.yaml");
    assert.deepEqual({ ...recipe, ...settings }, recipe);
    assert.deepEqual(parseRecipe(parse(recipeToYaml(recipe)), "y.yaml"), recipe);
  }
});

Deno.test("kernel regression trains no networks, and has something to learn or to solve", () => {
  const kernel = { objective: "kernel", steps: 1, epochs: 1, init: "random" };
  const refused: [Record<string, unknown>, string][] = [
    [{ steps: 2 }, "steps: got 2, expected 1, since kernel regression trains no networks"],
    [{ window: 1 }, "window: got 1, expected 0, since kernel regression trains no networks"],
    [
      { attack: "0:1" },
      'attack: got "0:1", expected none, since kernel regression trains no networks',
    ],
    [
      { augment: "crop-flip" },
      'augment: got "crop-flip", expected none, since targets are as they are',
    ],
    [{ loss: "softmax" }, 'loss: got "softmax", expected mse, or auto, which is mse here'],
    [{ iterations: 0 }, "iterations: got 0, expected an integer ≥ 1, or label_solve: true"],
    [
      { label_solve: true, soft_labels: true },
      "label_solve: got true, expected false, or soft_labels: false, since solved labels replace learned ones",
    ],
    [{ kernel: "ntk" }, 'kernel: got "ntk", expected one of fc, conv'],
    [{ depth: 0 }, "depth: got 0, expected an integer ≥ 1"],
    [{ reg: 0 }, "reg: got 0, expected a number > 0"],
  ];
  for (const [settings, message] of refused) {
    expectMessage({ name: "x", ...kernel, ...settings }, message);
  }
  expectMessage({ name: "x", iterations: 0 }, "iterations: got 0, expected an integer ≥ 1");
  expectMessage(
    { name: "x", label_solve: true },
    "label_solve: got true, expected false, or objective: kernel",
  );
  const solved = { ...kernel, label_solve: true, iterations: 0 };
  const recipe = parseRecipe({ name: "x", ...solved }, "x.yaml");
  assert.deepEqual({ ...recipe, ...solved }, recipe);
  assert.deepEqual(parseRecipe(parse(recipeToYaml(recipe)), "y.yaml"), recipe);
});

Deno.test("inner training is the paper's where a recipe does not say otherwise", () => {
  const recipe = parseRecipe({ name: "x" }, "x.yaml");
  const paper = {
    optimizer: "gd",
    rates: "per_step",
    loss: "auto",
    steps_total: 0,
    window: 0,
    pool: 0,
    inner_batch: 0,
    learn_momentum: false,
  };
  const constants = { momentum: 0.9, adam_beta1: 0.9, adam_beta2: 0.99, adam_eps_root: 1e-6 };
  assert.deepEqual({ ...recipe, ...paper, ...constants }, recipe);
  const spec = { networks: 1, blocks: 10, perBlock: 10, total: 30, window: 30, innerBatch: 0 };
  const rest = { optimizer: "gd", beta1: 0.9, beta2: 0.99, epsRoot: 1e-6, rates: "per_step" };
  const fixed = { labels: "fixed", learnMomentum: false };
  assert.deepEqual(specOf(recipe, 10), { ...spec, ...rest, ...fixed });
  const other = parseRecipe({ name: "x", steps: 4, steps_total: 50, window: 7, per_class: 3 }, "x");
  const { blocks, perBlock, total, window } = specOf(other, 5);
  assert.deepEqual([blocks, perBlock, total, window], [4, 15, 50, 7]);
});

Deno.test("a loss has as many outputs as classes, or one", () => {
  const losses = { auto: "softmax_xent", softmax: "softmax_xent", mse: "mse" } as const;
  for (const [loss, name] of Object.entries(losses)) {
    assert.deepEqual(lossOf({ loss: loss as keyof typeof losses }, 7), { name, outputs: 7 });
  }
  assert.deepEqual(lossOf({ loss: "sigmoid" }, 2), { name: "sigmoid_xent", outputs: 1 });
});

Deno.test("only the name has no default; seeds are unsigned 32-bit integers", () => {
  const { dataset, arch, networks, seed, test_networks, log_every } = parseRecipe(
    { name: "x", seed: 2 ** 32 - 1 },
    "x",
  );
  const found = [dataset, arch, networks, seed, test_networks, log_every];
  assert.deepEqual(found, ["mnist", "lenet", 1, 4294967295, 20, 10]);
});

Deno.test("recipeToYaml writes every setting and parseRecipe reads back the same", () => {
  const rate = fc.double({ min: 0, minExcluded: true, noNaN: true, noDefaultInfinity: true });
  const settings = fc.record({
    name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]*$/), // such as "1e3", "null" and "0x1"
    init: fc.constantFrom("fixed", "random"),
    lr: rate,
    distill_lr: rate,
    soft_labels: fc.boolean(),
    seed: fc.nat(2 ** 32 - 1),
    iterations: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  });
  fc.assert(fc.property(settings, (given) => {
    const recipe = parseRecipe(given, "given");
    const read = parse(recipeToYaml(recipe));
    assert.deepEqual(read, recipe);
    assert.deepEqual(parseRecipe(read, "read"), recipe);
  }));
});

Deno.test("built-in recipes are all files, and named as they are", async () => {
  const names = (await namesIn("recipes")).filter((name) => name.endsWith(".yaml")).map((name) =>
    name.slice(0, -5)
  );
  assert.deepEqual(names.sort(), [...BUILTIN].sort());
  for (const name of BUILTIN) assert.equal((await loadRecipe(name, {})).name, name);
});

Deno.test("the built-in recipes of the paper have the paper's numbers", async () => {
  const own = {
    "mnist-fixed-10": { init: "fixed", steps: 1, networks: 1 },
    "mnist-fixed-100": { init: "fixed", steps: 10, networks: 1 },
    "mnist-random-100": { init: "random", steps: 10, networks: 4 },
    "cifar10-fixed-100": { ...CIFAR10, init: "fixed", networks: 1 },
    "cifar10-random-100": { ...CIFAR10, init: "random", networks: 4, test_networks: 200 },
  };
  for (const [name, settings] of Object.entries(own)) {
    const recipe = await loadRecipe(name, {});
    assert.deepEqual({ ...recipe, ...PAPER, ...settings }, recipe);
  }
});

Deno.test("the built-in recipes of adaptation: a source's networks, fixed or sampled", async () => {
  for (const name of ADAPTATIONS) {
    const recipe = await loadRecipe(name, {});
    const [, source, target, fixed] = /^adapt-(\w+)-(\w+?)(-fixed)?$/.exec(name)!;
    assert.equal(recipe.pretrained, `out/networks/${source}.safetensors`);
    const { dataset, resize, pad, channels } = recipe;
    const form = [...(target === "usps" ? [20, 4] : [0, 0]), source === "svhn" ? 3 : 0];
    assert.deepEqual([dataset, resize, pad, channels], [target, ...form]);
    const { init, networks, test_networks, iterations, decay_every } = recipe;
    const expected = fixed ? ["fixed", 1, 20] : ["random", 4, 200];
    assert.deepEqual([init, networks, test_networks], expected);
    const batches = target === "usps" ? 8 : 59;
    assert.deepEqual([iterations, decay_every], [400 * batches, 40 * batches]);
    const { dataset: _, ...paper } = {
      ...PAPER,
      steps: 10,
      attack: "none",
      iterations,
      decay_every,
    };
    assert.deepEqual({ ...recipe, ...paper }, recipe);
  }
});

Deno.test("the built-in attacks: one step on 100 images, class 0 as class 1", async () => {
  const recipe = await loadRecipe("attack-mnist", {});
  const step = { attack: "0:1", steps: 1, epochs: 1, per_class: 10, lr: 0.02 };
  const networks = { init: "random", networks: 4, test_networks: 200 };
  assert.deepEqual({ ...recipe, ...PAPER, ...step, ...networks }, recipe);
  const cifar = { dataset: "cifar10", augment: "crop-flip", arch: "alexcifar", distill_lr: 0.001 };
  const length = { iterations: 400 * 49, decay_every: 40 * 49 };
  const other = await loadRecipe("attack-cifar10", {});
  assert.deepEqual({ ...other, ...PAPER, ...step, ...networks, ...cifar, ...length }, other);
  for (const attack of ["10:11", "1:10", "10:1"]) {
    assert.equal((await loadRecipe("attack-mnist", { attack })).attack, attack);
  }
});

Deno.test("parseYaml: what cannot be read, in our words", () => {
  const laughs = Array.from({ length: 9 }, (_, i) => {
    return `${"bcdefghij"[i]}: &${i + 1} [${`*${i}, `.repeat(9)}]`;
  });
  const cases: [string, RegExp][] = [
    [
      ["a: &0 [lol]", ...laughs].join("\n"),
      /got an alias \(\*name\), expected .*; write the value/,
    ],
    ["arch: &a [*a]", /got an alias/],
    [
      "steps: 1\nsteps: 2",
      /got a key for the second time at line 2, column 1, expected a line "key/,
    ],
    ["steps: [1", /got what is no YAML at line 1, column \d+, expected .*; correct it$/],
    ["[".repeat(9000), /got what is no YAML at line 1/],
    ["a".repeat(2e5), /got 200000 letters, expected .*; give a file of at most 131072/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseYaml(text, "a.yaml"), (error: Error) => {
      assert.match(error.message, message);
      return error.message.startsWith("Cannot use recipe a.yaml: ") && error.name === "UsageError";
    });
  }
});

Deno.test("loadRecipe reads files, applies overrides, and says where names are listed", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, "name: mine\nsteps: 4 # few\nepochs: 2\n");
    const { name, steps, epochs } = await loadRecipe(file, { epochs: 5 });
    assert.deepEqual([name, steps, epochs], ["mine", 4, 5]);
    await Deno.writeTextFile(file, "steps: [4\n");
    const noYaml =
      /^UsageError: Cannot use recipe .*: got what is no YAML at line 2, column 1, exp/;
    await assert.rejects(loadRecipe(file, {}), noYaml);
    await assert.rejects(loadRecipe("quick", { steps: 0 }), /recipe quick: steps: got 0, expected/);
  } finally {
    await Deno.remove(file);
  }
  await assert.rejects(loadRecipe("no-such", {}), {
    name: "UsageError",
    message: "Cannot read recipe no-such: got neither a built-in recipe nor a file, expected a " +
      "YAML file or a built-in recipe; `recipes` lists those built in",
  });
});

Deno.test("parseRecipe: what gradient matching takes, and what only it takes", () => {
  const matching = { name: "m", objective: "matching", init: "random", steps: 1, epochs: 1 };
  const parse = (settings: Record<string, unknown>) => () =>
    parseRecipe({ ...matching, ...settings }, "m");
  parse({ augment: "siamese", inner_batch: 5, optimizer: "momentum" })();
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ epochs: 3 }, /epochs: got 3, expected 1, since none is recorded/],
    [{ init: "fixed" }, /init: got "fixed", expected random/],
    [{ networks: 2 }, /networks: got 2, expected 1, since classes/],
    [{ loss: "sigmoid" }, /loss: got "sigmoid", expected auto, softmax or mse/],
    [{ soft_labels: true }, /soft_labels: got true, expected false/],
    [{ optimizer: "adam" }, /optimizer: got "adam", expected gd or momentum/],
    [{ augment: "crop-flip" }, /augment: got "crop-flip", expected none or siamese/],
    [
      { objective: "unrolled", augment: "siamese" },
      /augment: got "siamese", expected none or crop/,
    ],
  ];
  for (const [settings, message] of refused) {
    assert.throws(parse(settings), { name: "UsageError", message });
  }
});
