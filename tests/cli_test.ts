// cli_test: exit status, stdout and stderr of the command line, with a stand-in for the device.
import assert from "node:assert/strict";
import * as retort from "../mod.ts";
import { run } from "../src/cli/program.ts";
import { describeAttack, describeGain, type Retort } from "../src/cli/session.ts";

const ACCURACY = {
  before: { mean: 0.129, std: 0, networks: 1 },
  after: { mean: 0.938, std: 0, networks: 1 },
};

/** The library with a device that is only a name and training that only writes recipe.yaml. */
function standIn(profile: "software" | "hardware"): Retort {
  const info = { name: "stand-in", profile, limits: {}, features: [] };
  const fakes = {
    openDevice: () => Promise.resolve({ info, [Symbol.dispose]: () => {} }),
    loadDataset: () => Promise.resolve({ classes: 10 }),
    distill: async (
      _device: unknown,
      recipe: retort.Recipe,
      _dataset: unknown,
      options: retort.DistillOptions,
    ) => {
      options.onPlan?.([`Memory of ${options.memoryBudget}`]);
      await Deno.mkdir(options.out, { recursive: true });
      await Deno.writeTextFile(`${options.out}/recipe.yaml`, retort.recipeToYaml(recipe));
      const { iterations } = recipe;
      options.onProgress?.({
        iteration: iterations,
        iterations,
        loss: 0.5,
        secondsPerIteration: 1,
        read: () => Promise.reject(new Error("not in a test")),
      });
      const costs = { seconds: 130, dispatches: 77, peakBytes: 1.5 * 2 ** 30 };
      return { ...ACCURACY, iterations, ...costs, picture: "steps.png", files: ["steps.png"] };
    },
    trainNetworks: (
      _device: unknown,
      _dataset: unknown,
      settings: retort.TrainSettings,
      { out, onOutlook, onProgress }: retort.TrainOptions,
    ) => {
      const { networks, epochs } = settings;
      const place = { trained: 0, training: networks, networks, epoch: epochs, epochs };
      const minibatches = 10 * epochs;
      const done = { minibatch: minibatches, minibatches, secondsPerMinibatch: 6 };
      onOutlook?.(7800);
      onProgress?.({ ...place, ...done, loss: 0.1 });
      const accuracy = { mean: 0.987, std: 0.002, networks };
      return Promise.resolve({ accuracy, accuracies: [], atOnce: 3, seconds: 130, out });
    },
    evaluate: () => Promise.resolve(ACCURACY),
    evaluateAcross: (
      _device: unknown,
      _dir: string,
      _dataset: unknown,
      { archs = ["lenet"], strategies = ["raw"], networks = 1 }: retort.AcrossOptions,
    ) => {
      const reached = { mean: 0.5, std: 0.25, networks };
      const after = Object.fromEntries(strategies.map((strategy) => [strategy, reached]));
      return Promise.resolve(archs.map((arch) => ({ arch, before: reached, after })));
    },
    plot: (_device: unknown, _dirs: string[], _dataset: unknown, { out }: retort.PlotOptions) =>
      Promise.resolve([`${out}/rates.svg`]),
    evaluateStandard: (_device: unknown, _dir: string, _dataset: unknown, { networks = 20 }) =>
      Promise.resolve({ mean: 0.5, std: 0.04, networks }),
    baselines: (
      _device: unknown,
      _recipe: unknown,
      _dataset: unknown,
      { only, onProgress }: retort.BaselinesOptions,
    ) => {
      onProgress?.("something long");
      const published = { mean: 0.771, std: 0.027, source: "a paper" };
      const average = {
        accuracy: { mean: 0.8, std: 0.01, networks: 20 },
        how: "rate 0.3, 1 epoch",
      };
      const neighbors = { accuracy: { mean: 0.925, std: 0, networks: 1 }, how: "l2, k = 1" };
      const rows = [{ name: "average", ...average, published }, {
        name: "knn-kmeans",
        ...neighbors,
      }];
      return Promise.resolve(rows.filter(({ name }) => !only || only.some((n) => n === name)));
    },
    estimate: (
      _device: unknown,
      recipe: retort.Recipe,
      _dataset: unknown,
      { from }: { from?: string },
    ) => {
      const iterations = from === undefined ? recipe.iterations : 1;
      const times = { secondsPerIteration: 0.1, iterationSeconds: 65, testSeconds: 5, seconds: 70 };
      const disk = { files: ["a", "b"], diskBytes: 2048 };
      const plan = ["Memory of a stand-in"];
      return Promise.resolve({ ...times, ...disk, iterations, plan, dispatches: 7, bytes: 1 });
    },
    gradcheckKernel: (_device: unknown, { kernel }: retort.KernelGradcheckOptions) => {
      const entry = { relativeError: kernel.depth * 1e-6 };
      return Promise.resolve({ loss: entry, images: entry, labels: entry, passed: true });
    },
    gradcheck: (_device: unknown, { seed }: { seed: number }) => {
      const relativeError = seed === 13 ? 1 : 1e-6;
      const entry = { relativeError };
      const loss = { gpu: 1, oracle: 1, relativeError };
      return Promise.resolve({
        loss,
        images: entry,
        labels: entry,
        hyper: entry,
        passed: seed !== 13,
      });
    },
  };
  return { ...retort, ...fakes } as unknown as Retort;
}

/** Runs a command line in this process. */
async function command(args: string[], profile: "software" | "hardware" = "software") {
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    print: (line: string) => void out.push(line),
    note: (line: string) => void err.push(line),
  };
  const status = await run(args, standIn(profile), terminal);
  return { status, out, err };
}

async function expectUsageError(args: string[], message: string): Promise<void> {
  assert.deepEqual(await command(args), { status: 2, out: [], err: [message] });
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a process with bad usage: exit status 2, one line on stderr, no stack", async () => {
  const cli = new URL("../cli.ts", import.meta.url).pathname;
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
  for (const bad of [["--bogus"], ["--recipe", "no-such"], ["--set", "steps=0"]]) {
    const { code, stdout, stderr } = await new Deno.Command("deno", {
      args: ["run", "--quiet", "--no-prompt", ...permissions, cli, "distill", ...bad],
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.deepEqual([code, stdout.length], [2, 0], text);
    assert.match(text, /^(unknown option|Cannot ).*\n$/); // . is not a line break
  }
});

Deno.test("bad usage is explained in one line", async () => {
  const d = "distill";
  await expectUsageError(
    [d, "--epoch", "3"],
    "Cannot read the command: unknown option '--epoch' (Did you mean --epochs?); --help tells more",
  );
  await expectUsageError(
    ["distil"],
    "Cannot read the command: unknown command 'distil' (Did you mean distill?); --help tells more",
  );
  await expectUsageError(
    ["evaluate"],
    "Cannot run evaluate: got no dirs, expected folder of the results; several give a mean",
  );
  await expectUsageError(
    [d, "--epochs", "x"],
    'Cannot use --epochs: got "x", expected an integer ≥ 1',
  );
  await expectUsageError(
    ["train", "--seed", "4294967296"],
    'Cannot use --seed: got "4294967296", expected an integer from 0 to 4294967295',
  );
  for (const size of ["64", "MB", "-1MB", "1TB"]) {
    const message =
      `Cannot use --memory-budget: got "${size}", expected a size such as 512MB or 2GB`;
    await expectUsageError([d, "--memory-budget", size], message);
  }
  await expectUsageError([d, "--set", "lr"], 'Cannot use --set: got "lr", expected key=value');
  const quick = ["--recipe", "quick"];
  for (
    const [command, flag, key] of [
      [[d], "--lr", "lr"],
      [[d], "--per-class", "per_class"],
      [["sweep", ...quick, "--over", "steps=1,2"], "--decay-every", "decay_every"],
      [["baselines", ...quick], "--distill_lr", "distill_lr"],
    ] as const
  ) {
    const message = `Cannot use ${flag}: got an unknown option, expected --set ${key}=VALUE`;
    await expectUsageError([...command, flag, "0.1"], message);
    await expectUsageError([...command, `${flag}=0.1`], message);
  }
  await expectUsageError(
    [d, "--bogus", "1"],
    "Cannot read the command: unknown option '--bogus'; --help tells more",
  );
  await expectUsageError(
    ["evaluate", ".", "--clip", "1"],
    "Cannot read the command: unknown option '--clip'; --help tells more",
  ); // has no --set
  await expectUsageError(
    [d, "--set", "stepz=1"],
    "Cannot use recipe quick: stepz: got an unknown key, expected steps",
  );
  await expectUsageError(
    [d, "--set", "init=loaded"],
    'Cannot use recipe quick: init: got "loaded", expected one of fixed, random',
  );
});

Deno.test("--verbose adds the stack; --help and --version are not errors", async () => {
  const { status, err } = await command(["distill", "--recipe", "no-such", "--verbose"]);
  assert.equal(status, 2);
  assert.match(err.join("\n"), /\n\s+at .*readText/);
  assert.equal((await command(["--help"])).status, 0);
  assert.deepEqual((await command(["--version"])).out, [retort.version]);
});

Deno.test("an error that is not about usage: exit status 1", async () => {
  const { status, out, err } = await command(["evaluate", "/no/such/folder"]);
  assert.deepEqual([status, out.length, err.length], [1, 0, 1]);
});

Deno.test("what comes from outside steers no terminal, and fills none", async () => {
  const names = ["\x1b[2J", "\x9b31m", "\u202egnp", "\x07\x00\x7f"];
  for (const name of names) {
    const commands = [
      ["evaluate", `/no/such/${name}`],
      ["recipes", "show", name],
      ["distill", "--set", `arch=${name}`],
      ["distill", "--set", `${name}=1`],
      ["train", `--${name}`],
      ["linear", "--seed", name],
    ];
    for (const args of commands) {
      const { out, err } = await command(args);
      assert.doesNotMatch([...out, ...err].join(""), /[\p{Cc}\p{Bidi_Control}]/u, args.join(" "));
      assert.notEqual(err.length, 0);
    }
  }
  const { err } = await command(["distill", "--set", `arch=${"x".repeat(1e5)}`]);
  assert.ok(err[0]!.length < 300, err[0]!.slice(0, 400));
  const { err: long } = await command(["linear", "--seed", "9".repeat(1e5)]);
  assert.ok(long[0]!.length < 300, long[0]!.slice(0, 400));
});

Deno.test("what no run gets through is refused at once, with the setting to change", async () => {
  const layers = "[{conv: {channels: 6, size: 5, stride: 2000000}}, relu, {dense: classes}]";
  const cases: [args: string[], message: string][] = [
    [["distill", "--epochs", "1000000"], "epochs: got 1000000, expected at most 10000"],
    [
      ["distill", "--set", "steps=5000", "--epochs", "5"],
      "steps: got 5000, expected no more than 10000 gradient steps of a training, which are steps × " +
      "epochs, or steps_total",
    ],
    [["distill", "--networks", "1000000"], "networks: got 1000000, expected at most 10000"],
    [["distill", "--set", "resize=100000"], "resize: got 100000, expected at most 1024"],
    [["distill", "--set", "per_class=1e9"], "per_class: got 1000000000, expected at most 10000"],
    [
      ["distill", "--set", `arch=${layers}`],
      "arch[0].conv.stride: got 2000000, expected at most 1024",
    ],
    [
      ["distill", "--set", "arch=[{dense: 100000000}, relu, {dense: classes}]"],
      "arch[0].dense: got 100000000, expected at most 65536",
    ],
    [
      ["distill", "--set", `arch=[{dense: 4}, ${"relu, ".repeat(300)}{dense: classes}]`],
      "expected at most 200 layers",
    ],
    [["train", "--epochs", "1000000"], "epochs: got 1000000, expected at most 10000"],
    [["train", "--networks", "1000000"], "networks: got 1000000, expected at most 10000"],
  ];
  for (const [args, message] of cases) {
    const start = performance.now();
    const { status, err } = await command(args);
    assert.equal(status, 2, args.join(" "));
    assert.ok(err.join("\n").includes(message), err.join("\n"));
    assert.ok(performance.now() - start < 1000);
  }
});

Deno.test("no adapter: exit status 3, for the launcher to know", async () => {
  const message = "Cannot find a WebGPU adapter";
  const openDevice = () => Promise.reject(new retort.NoAdapterError(message));
  const err: string[] = [];
  const terminal = { print: () => {}, note: (line: string) => void err.push(line) };
  assert.equal(await run(["info"], { ...standIn("software"), openDevice }, terminal), 3);
  assert.deepEqual(err, [message]);
});

Deno.test("distill without a recipe takes one that suits the adapter and says why", async () => {
  for (const [profile, name] of [["software", "quick"], ["hardware", "mnist-fixed-100"]] as const) {
    await withFolder(async (folder) => {
      const args = ["distill", "--out", `${folder}/run`, "--set", "seed=7"];
      const { status, out, err } = await command(args, profile);
      assert.equal(status, 0);
      assert.match(out[0]!, new RegExp(`^Recipe ${name}: the default with.* GPU .*; seed 7$`));
      assert.equal(out[1], "Test accuracy 12.9 % before, 93.8 % after (1 network)");
      assert.deepEqual(out.slice(3), ["Picture steps.png"]);
      assert.match(err.join("\n"), /seed 7/);
    });
  }
});

Deno.test("--json prints one object and --quiet no progress; flags beat --set", async () => {
  await withFolder(async (folder) => {
    const settings = ["--set", "epochs=2", "--set", "lr=.5", "--epochs", "3", "--soft-labels"];
    const args = ["distill", "--json", "--quiet", "--out", `${folder}/run`, ...settings];
    const { status, out, err } = await command(args);
    assert.deepEqual([status, out.length, err], [0, 1, []]);
    const { recipe, after } = JSON.parse(out[0]!);
    assert.deepEqual([recipe.epochs, recipe.lr, recipe.soft_labels], [3, 0.5, true]);
    assert.deepEqual(after, ACCURACY.after);
  });
});

Deno.test("--memory-budget and --verbose show the plan, --verbose the costs", async () => {
  await withFolder(async (folder) => {
    const lines = async (name: string, ...args: string[]) => {
      const { status, out, err } = await command([
        ...args,
        "distill",
        "--out",
        `${folder}/${name}`,
      ]);
      assert.equal(status, 0, err.join());
      const plan = err.filter((line) => line.startsWith("Memory of "));
      return [...plan, ...out.filter((line) => line.includes("dispatches"))];
    };
    const costs = "77 dispatches an iteration, at most 1.5 GB on the GPU at once";
    assert.deepEqual(await lines("a"), []);
    assert.deepEqual(await lines("b", "--verbose"), ["Memory of undefined", costs]);
    const { err } = await command(["distill", "--out", `${folder}/c`, "--memory-budget", "1.5kB"]);
    assert.ok(err.includes("Memory of 1536"), err.join());
  });
});

Deno.test("a folder in use is refused, resumed with --resume, not with other settings", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/run`;
    assert.equal((await command(["distill", "--epochs", "4", "--out", out])).status, 0);
    await expectUsageError(
      ["distill", "--epochs", "4", "--out", out],
      `Cannot write to ${out}: it has an unfinished run of these settings; go on with it by ` +
        `--resume --out ${out}, or choose another --out`,
    );
    await expectUsageError(
      ["distill", "--recipe", "quick", "--set", "lr=1", "--out", out],
      `Cannot write to ${out}: it has a run of other settings: got epochs 1, there 4, lr 1, there ` +
        "0.05; choose another --out",
    );
    await expectUsageError(
      ["distill", "--resume", "--out", out, "--epochs", "5"],
      `Cannot resume with other settings: got epochs 5, there 4, in ${out}/recipe.yaml; use ` +
        "another --out instead",
    );
    await expectUsageError(
      ["distill", "--resume", "--out", out, "--iterations", "649"],
      `Cannot resume with other settings: got iterations 649, there 650, in ${out}/recipe.yaml; ` +
        "use another --out instead",
    );
    const { status, out: lines } = await command(["distill", "--resume", "--out", out]);
    assert.deepEqual([status, lines[0]], [0, `Recipe quick: resumed from ${out}; seed 1`]);
    const more = await command(["distill", "--resume", "--out", out, "--iterations", "651"]);
    assert.deepEqual([more.status, more.out[2]], [0, "651 iterations in 2 min 10 s"]);
    const left = ["distill", "--resume", "--out", out, "--iterations", "652", "--dry-run"];
    assert.match((await command(left)).out[1]!, /: 1 iteration of 100 ms and 7 dispatches take /);
    const notes = `${folder}/notes`;
    await Deno.mkdir(notes);
    await Deno.writeTextFile(`${notes}/a.txt`, "");
    await expectUsageError(
      ["distill", "--out", notes],
      `Cannot write to ${notes}: it already has a.txt; choose another --out`,
    );
  });
});

Deno.test("--arch takes a name or layers, and what is wrong with them is bad usage", async () => {
  const layers = "[{conv: {channels: 2, size: 3}}, relu, {dense: classes}]";
  const { status, out } = await command(["gradcheck", "--arch", layers, "--json"]);
  const expected = { conv: { channels: 2, size: 3, stride: 1, pad: 0 } };
  assert.deepEqual([status, JSON.parse(out[0]!).setting.arch[0]], [0, expected]);
  await expectUsageError(
    ["gradcheck", "--arch", "[{conv: {channels: 0, size: 3}}, {dense: classes}]"],
    "Cannot use --arch: arch[0].conv.channels: got 0, expected an integer ≥ 1",
  );
  await expectUsageError(
    ["gradcheck", "--arch", "[{conv"],
    'Cannot use --arch: got "[{conv", expected a name, or a list of layers as in a YAML file',
  );
  await expectUsageError(
    ["distill", "--arch", "resnet"],
    'Cannot use recipe quick: arch: got "resnet", expected one of lenet, alexcifar, alexnet, ' +
      "convnet3, linear2d, nonlinear, more_nonlinear, or a list of layers",
  );
  await withFolder(async (folder) => {
    const run = ["distill", "--out", folder, "--arch", layers, "--resume"];
    assert.equal((await command([...run, "--recipe", "quick"])).status, 0);
    assert.equal((await command(run)).status, 0);
    const [text, shown] = [
      '[{"dense":{"outputs":"classes"}}]',
      JSON.stringify([
        expected,
        "relu",
        { dense: { outputs: "classes" } },
      ]),
    ];
    await expectUsageError(
      ["distill", "--out", folder, "--arch", "[{dense: classes}]", "--resume"],
      `Cannot resume with other settings: got arch ${text}, there ${shown}, in ` +
        `${folder}/recipe.yaml; use another --out instead`,
    );
  });
});

Deno.test("train: the data set's settings, flags, progress by the epoch", async () => {
  await withFolder(async (folder) => {
    const args = ["train", "--dataset", "usps", "--networks", "3", "--lr", "1e-3"];
    const { status, out, err } = await command([...args, "--out", `${folder}/nets`]);
    assert.deepEqual([status, out], [0, [
      "3 networks (lenet) on usps, seed 1",
      "Test accuracy 98.7 ± 0.2 %",
      "Took 2 min 10 s",
      `Networks ${folder}/nets`,
    ]]);
    assert.deepEqual(err, [
      "3 networks (lenet) on usps, seed 1: 130 epochs, Adam at 0.001, halved every 40 epochs; adapter stand-in",
      "About 2 h 10 min, and tests; where it stands is saved every five minutes",
      "minibatch 1300 of 1300, epoch 130 of 130, loss 0.100",
    ]);
    const json = await command(["--json", "--quiet", ...args, "--decay-epochs", "7"]);
    const { dataset, decay_epochs, at_once, accuracy } = JSON.parse(json.out[0]!);
    assert.deepEqual([dataset, decay_epochs, at_once, accuracy.mean], ["usps", 7, 3, 0.987]);
    assert.match(json.out[0]!, /"out":"out\/networks\/usps.safetensors"/);
    await Deno.writeTextFile(`${folder}/nets`, "");
    await expectUsageError(
      [...args, "--out", `${folder}/nets`],
      `Cannot write to ${folder}/nets: ${folder}/nets is there already; pass --resume to go on with it, or ` +
        "another --out",
    );
    const one = ["--networks", "1", "--epochs", "1", "--decay-epochs", "1", "--resume"];
    const resumed = await command([...args, "--out", `${folder}/nets`, ...one]);
    assert.equal(resumed.status, 0);
    assert.deepEqual(resumed.out.slice(2, 3), ["Took 2 min 10 s since it was resumed"]);
    assert.match(resumed.err[0]!, /^1 network \(lenet\) .*: 1 epoch, Adam at .* every 1 epoch; /);
  });
  await expectUsageError(["train", "--lr", "0"], 'Cannot use --lr: got "0", expected a number > 0');
  await expectUsageError(
    ["train", "--arch", "resnet"],
    'Cannot use settings of train: arch: got "resnet", expected one of lenet, alexcifar, alexnet, ' +
      "convnet3, linear2d, nonlinear, more_nonlinear, or a list of layers",
  );
});

Deno.test("trained networks and attacks are settings of the recipe", async () => {
  await withFolder(async (folder) => {
    const recipeOf = async (...args: string[]) => {
      const run = ["distill", "--json", "--quiet", "--out", `${folder}/run`, ...args];
      const { status, out, err } = await command(run);
      assert.equal(status, 0, err.join());
      await Deno.remove(`${folder}/run`, { recursive: true });
      return JSON.parse(out[0]!).recipe;
    };
    const fixed = await recipeOf("--set", "pretrained=a/b:c", "--set", "attack=3:4");
    assert.deepEqual([fixed.init, fixed.pretrained, fixed.attack], ["fixed", "a/b:c", "3:4"]);
    const random = await recipeOf("--set", "pretrained=a", "--recipe", "mnist-random-100");
    assert.deepEqual([random.init, random.pretrained, random.attack], ["random", "a", "none"]);
  });
  await expectUsageError(
    ["evaluate", "run", "--init", "random"],
    'Cannot use --init: got "random", expected pretrained:FILE',
  );
  await expectUsageError(
    ["distill", "--set", "attack=0-1"],
    'Cannot use recipe quick: attack: got "0-1", expected none, or two different classes such as 0:1',
  );
});

Deno.test("an attack is told in lines: the ratio, the modified labels, every class", () => {
  const one = (mean: number) => ({ mean, std: 0.01, networks: 2 });
  const measures = { modified: one(0.9), ratio: one(0.2), perClass: [one(0.3), one(0.4)] };
  const attack = { from: 0, to: 1, before: measures, after: { ...measures, ratio: one(0.7) } };
  const lines = describeAttack({ ...ACCURACY, attack });
  assert.deepEqual(lines, [
    "Class 0 taken for 1: 20.0 ± 1.0 % before, 70.0 ± 1.0 % after",
    "Accuracy with 0 counted as 1: 90.0 ± 1.0 % before, 90.0 ± 1.0 % after",
    "Accuracy on class 0: 30.0 ± 1.0 % before, 30.0 ± 1.0 % after",
    "Accuracy on class 1: 40.0 ± 1.0 % before, 40.0 ± 1.0 % after",
  ]);
  assert.deepEqual(describeAttack(ACCURACY), []);
});

Deno.test("gradcheck: exit status 1 when the gradients differ", async () => {
  assert.equal((await command(["gradcheck"])).status, 0);
  const { status, out } = await command(["gradcheck", "--seed", "13", "--json"]);
  assert.deepEqual([status, JSON.parse(out[0]!).passed], [1, false]);
});

Deno.test("gradcheck --loss takes a loss that there is", async () => {
  const { status, out } = await command(["gradcheck", "--loss", "mse"]);
  assert.equal(status, 0);
  assert.equal(out[0], "Relative error against the float64 oracle (lenet, mse, gd, seed 1):");
  assert.equal(out.at(-1), "Passed: all are less than 1e-5");
  const wrong = await command(["gradcheck", "--loss", "hinge"]);
  assert.equal(wrong.status, 2);
  assert.match(wrong.err.join(), /--loss.*hinge.*softmax_xent, sigmoid_xent, mse/);
});

Deno.test("gradcheck --kernel checks kernel regression, of two hidden layers unless told", async () => {
  const { status, out } = await command(["gradcheck", "--kernel", "conv"]);
  assert.deepEqual([status, out], [0, [
    "Relative error against the float64 oracle (kernel conv, depth 2, seed 1):",
    "  loss    2.0e-6",
    "  images  2.0e-6",
    "  labels  2.0e-6",
    "Passed: all are less than 1e-5",
  ]]);
  const deeper = await command(["gradcheck", "--kernel", "fc", "--depth", "3", "--json"]);
  assert.deepEqual(JSON.parse(deeper.out[0]!).setting.depth, 3);
  const wrong = await command(["gradcheck", "--kernel", "rbf"]);
  assert.equal(wrong.status, 2);
  assert.match(wrong.err.join(), /--kernel.*rbf.*fc, conv/);
});

Deno.test("what predicts is said: networks, or kernel regression", () => {
  assert.equal(
    describeGain({ ...ACCURACY, by: "kernel regression" }),
    "Test accuracy 12.9 % before, 93.8 % after (kernel regression)",
  );
  assert.match(describeGain(ACCURACY), /\(1 network\)$/);
  const standard = { ...ACCURACY, by: "standard training" } as const;
  assert.match(describeGain(standard), /\(1 network, standard training\)$/);
});

Deno.test("baselines: a table beside the paper's, --only some of it, --json all of it", async () => {
  const args = ["baselines", "--recipe", "mnist-random-100"];
  const { status, out, err } = await command(args);
  assert.deepEqual([status, err], [0, ["something long"]]);
  assert.deepEqual(out.slice(0, 4), [
    "Recipe mnist-random-100: 100 images in 10 steps; adapter stand-in",
    "Test accuracy with                  Retort        runs  best of its grid   a paper",
    "average real images                 80.0 ± 1.0 %  20    rate 0.3, 1 epoch  77.1 ± 2.7 %",
    "nearest neighbour, k-means centres  92.5 %        1     l2, k = 1",
  ]);
  assert.match(out[4]!, /^Measured in \d+ s$/);
  const some = await command([...args, "--only", "random,knn-kmeans", "--json", "--quiet"]);
  assert.deepEqual(some.err, []);
  const { baselines, images } = JSON.parse(some.out[0]!);
  assert.deepEqual([images, baselines.length, baselines[0].name], [100, 1, "knn-kmeans"]);
  await expectUsageError(
    ["baselines"],
    "Cannot read the command: required option '--recipe <name|file>' not specified; --help tells more",
  );
  await expectUsageError(
    [...args, "--only", "avarage"],
    'Cannot use --only: got "avarage", expected some of distilled,random,optimised,kmeans,' +
      "average,knn-random,knn-kmeans,full",
  );
});

Deno.test("evaluate --standard adds the score of standard training", async () => {
  const dir = new URL("../results/quick", import.meta.url).pathname;
  const plain = await command(["evaluate", dir]);
  assert.deepEqual([plain.status, plain.out.length], [0, 2]);
  for (const [more, networks] of [[[], 20], [["7"], 7]] as const) {
    const { out } = await command(["evaluate", dir, "--standard", ...more]);
    assert.deepEqual(out.slice(1), [
      "Test accuracy 12.9 % before, 93.8 % after (1 network)",
      "Standard training (shuffled, SGD 0.01/0.9, 300 epochs) 50.0 ± 4.0 % after " +
      `(${networks} fresh networks)`,
    ]);
  }
  const { out } = await command(["evaluate", dir, "--standard", "--json"]);
  assert.equal(JSON.parse(out[0]!).standard.mean, 0.5);
});

Deno.test("evaluate --arch and --strategy: a table, and a mean over several folders", async () => {
  const dir = new URL("../results/quick", import.meta.url).pathname;
  const asked = ["--arch", "convnet3", "--arch", "lenet", "--strategy", "1,raw", "--networks", "3"];
  const one = await command(["evaluate", dir, ...asked]);
  assert.deepEqual([one.status, one.err], [0, []]);
  assert.deepEqual(one.out, [
    "Data set mnist, seed 1; test accuracy, networks of each: 3",
    "network   before         raw            strategy 1",
    "convnet3  50.0 ± 25.0 %  50.0 ± 25.0 %  50.0 ± 25.0 %",
    "lenet     50.0 ± 25.0 %  50.0 ± 25.0 %  50.0 ± 25.0 %",
  ]);
  const two = await command(["evaluate", dir, dir]);
  assert.deepEqual(two.out, [
    "Data set mnist; test accuracy, mean ± std of 2 runs, networks in each: 1",
    "network  before        raw",
    "lenet    50.0 ± 0.0 %  50.0 ± 0.0 %",
  ]);
  const { runs, archs } = JSON.parse((await command(["evaluate", dir, dir, "--json"])).out[0]!);
  assert.deepEqual([runs.length, runs[1].dir, archs[0].after.raw.mean], [2, dir, 0.5]);
  await expectUsageError(
    ["evaluate", dir, "--strategy", "4"],
    'Cannot use --strategy: got "4", expected some of raw,1,2,3',
  );
  await expectUsageError(
    ["evaluate", dir, "--arch", "resnet"],
    'Cannot use --arch: arch: got "resnet", expected one of lenet, alexcifar, alexnet, convnet3, ' +
      "linear2d, nonlinear, more_nonlinear, or a list of layers",
  );
  await expectUsageError(
    ["evaluate", dir, "--arch", "lenet", "--standard"],
    "Cannot use --standard: got it with several folders, --arch or --strategy, expected one folder alone",
  );
  const moons = new URL("../results/moons-linear", import.meta.url).pathname;
  await expectUsageError(
    ["evaluate", dir, moons],
    `Cannot take the mean over ${dir} and ${moons}: got data sets mnist and moons, expected one; evaluate them ` +
      "one by one",
  );
});

Deno.test("plot prints where the pictures are", async () => {
  const dir = new URL("../results/quick", import.meta.url).pathname;
  const { status, out } = await command(["plot", dir, "--out", "pictures"]);
  assert.deepEqual([status, out], [0, ["Picture pictures/rates.svg"]]);
});

Deno.test("distill --dry-run: what a run would take, and no folder", async () => {
  const { status, out } = await command(["distill", "--dry-run", "--recipe", "quick"]);
  assert.equal(status, 0);
  assert.match(
    out[0]!,
    /^Recipe quick: as asked; adapter stand-in; results would be in out\/quick(-\d+)?$/,
  );
  assert.deepEqual(out.slice(1), [
    "About 1 min 10 s: 650 iterations of 100 ms and 7 dispatches take 1 min 05 s, tests 5 s",
    "Memory of a stand-in",
    "Disk: 2.0 KB at most, in 2 files: a, b",
  ]);
  const solve = await command(["distill", "--dry-run", "--recipe", "mnist-label-solve-10"]);
  assert.equal(solve.out[1], "About 1 min 10 s: solving labels and tests 5 s");
});

Deno.test("gradcheck --optimizer and --window: passed on, and refused where they are none", async () => {
  const args = ["gradcheck", "--optimizer", "adam", "--window", "2", "--json"];
  const { optimizer, window } = JSON.parse((await command(args)).out[0]!).setting;
  assert.deepEqual([optimizer, window], ["adam", 2]);
  await expectUsageError(
    ["gradcheck", "--window", "7"],
    "Cannot use --window: got 7, expected at most the 6 steps of the training",
  );
  const wrong = await command(["gradcheck", "--optimizer", "sgd"]);
  assert.equal(wrong.status, 2);
  assert.match(wrong.err.join(), /^Cannot read the command: .*sgd.* gd, momentum, adam/);
});
