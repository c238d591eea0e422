// cli_end_to_end_test: real runs of the command line, each a process with the fewest permissions.
import assert from "node:assert/strict";
import { loadRecipe, recipeToYaml, version } from "../mod.ts";
import { inTemporary, namesIn } from "./support/temporary.ts";
import { type Ending, endOf, retort, start } from "./support/command.ts";
import { metricsIn, readTensors, SMALL, SMALL_ARCH, writeIdxDirectory } from "./support/runs.ts";

const SIZES = ["--set", "steps=1", "--batch", "16", "--iterations", "4", ...SMALL_ARCH];

async function withData(
  test: (dir: string, distill: (out: string, ...more: string[]) => string[]) => Promise<void>,
): Promise<void> {
  await inTemporary(async (dir) => {
    await writeIdxDirectory(`${dir}/data`);
    const data = ["--data-dir", `${dir}/data`];
    const distill = (
      out: string,
      ...more: string[]
    ) => ["distill", ...data, ...SIZES, "--out", `${dir}/${out}`, ...more];
    await test(dir, distill);
  });
}

/** One line on stderr, nothing on stdout. */
function expectFailure({ code, out, err }: Ending, status: number, message: RegExp): void {
  assert.deepEqual([code, out], [status, ""], err);
  assert.match(err, /^[^\n]+\n$/);
  assert.match(err, message);
}

/** Nothing but one JSON object on stdout. */
function objectIn({ code, out, err }: Ending): Record<string, unknown> {
  assert.equal(code, 0, err);
  assert.match(out, /^\{[^\n]*\}\n$/);
  return JSON.parse(out);
}

Deno.test("distill, evaluate and --resume, each with --json and without", async () => {
  await withData(async (dir, distill) => {
    const quiet = await retort(distill("run", "--json", "--quiet"));
    assert.equal(quiet.err, "");
    const found = objectIn(quiet);
    const { recipe, before, after, seconds, files, ...rest } = found;
    const settings = { steps: 1, batch: 16, iterations: 4, arch: SMALL };
    assert.deepEqual(recipe, await loadRecipe("quick", settings));
    assert.deepEqual([rest.out, rest.seed, rest.iterations], [`${dir}/run`, 1, 4]);
    assert.equal((files as string[]).length, 5);
    assert.ok(Number(seconds) > 0);
    const { adapter } = (await readTensors(`${dir}/run/distilled.safetensors`)).metadata;
    assert.equal(rest.adapter, adapter);

    const evaluate = ["evaluate", `${dir}/run`, "--data-dir", `${dir}/data`];
    const evaluated = await retort([...evaluate, "--json"]);
    assert.equal(evaluated.err, "");
    assert.deepEqual(objectIn(evaluated), { dataset: "mnist", seed: 1, before, after });
    const text = await retort(evaluate);
    const lines = /^Data set mnist, seed 1\nTest accuracy .* before, .* after \(1 network\)\n$/;
    assert.match(text.out, lines);
    expectFailure(await retort([...evaluate, "--networks", "2"]), 2, /expected --networks 1$/m);

    const advice =
      /it has a finished run of these settings, which compare .* shows; give it more with .*$/m;
    expectFailure(await retort(distill("run")), 2, advice);
    const resumed = await retort([
      "distill",
      ...evaluate.slice(2),
      "--resume",
      "--out",
      `${dir}/run`,
    ]);
    assert.equal(resumed.code, 0, resumed.err);
    assert.match(resumed.out, /^Recipe quick: resumed from .*; seed 1\nTest accuracy .*\n4 iter/);
  });
});

Deno.test("distill shows progress on stderr and the results on stdout", async () => {
  await withData(async (dir, distill) => {
    const { code, out, err } = await retort(distill("run", "--set", "log_every=1"));
    assert.equal(code, 0, err);
    const [recipe, accuracy, time, picture, end, ...more] = out.split("\n");
    assert.match(recipe!, /^Recipe (quick|mnist-fixed-100): the default with.* a GPU .*; seed 1$/);
    assert.match(accuracy!, /^Test accuracy [\d.]+ % before, [\d.]+ % after \(1 network\)$/);
    assert.match(time!, /^4 iterations in \d+ s$/);
    assert.deepEqual([picture, end, more], [`Picture ${dir}/run/images.png`, "", []]);
    assert.match(err, /^Recipe .*; adapter .+\n4 iterations, seed 1, results in .*\n/);
    assert.match(
      err,
      /\niteration 1 of 4, loss .* left\n(.*\n)*iteration 4 of 4, loss [\d.]+\nTesting .*\n$/,
    );
  });
});

Deno.test("distill with random networks: evaluate takes --networks", async () => {
  await withData(async (dir, distill) => {
    const random = ["--set", "init=random", "--networks", "2", "--set", "test_networks=2"];
    const { after } = objectIn(await retort(distill("run", ...random, "--json")));
    assert.equal((after as { networks: number }).networks, 2);
    const evaluate = ["evaluate", `${dir}/run`, "--data-dir", `${dir}/data`, "--networks", "3"];
    const three = objectIn(await retort([...evaluate, "--json"])).after as Record<string, number>;
    assert.equal(three.networks, 3);
    assert.ok(three.std! > 0);
  });
});

Deno.test("train, distill with an attack from the networks, evaluate", async () => {
  await withData(async (dir, distill) => {
    const file = `${dir}/networks/bars`;
    const data = ["--data-dir", `${dir}/data`];
    const sizes = [
      "--networks",
      "3",
      "--epochs",
      "1",
      "--batch",
      "60",
      ...SMALL_ARCH,
      "--out",
      file,
    ];
    const trained = objectIn(await retort(["train", ...data, ...sizes, "--json", "--quiet"]));
    assert.equal((trained.accuracies as number[]).length, 3);
    const held = ["--set", "init=random", "--set", "test_networks=2", "--set", "attack=3:7"];
    const run = await retort(distill("run", "--set", `pretrained=${file}`, ...held));
    assert.equal(run.code, 0, run.err);
    assert.match(
      run.out,
      /\nTest accuracy .* after \(2 networks\)\nClass 3 taken for 7: .* before/,
    );
    assert.equal(run.out.match(/\nAccuracy on class \d: /g)!.length, 10);
    await Deno.rename(file, `${file}.moved`);
    const evaluate = ["evaluate", `${dir}/run`, ...data];
    expectFailure(
      await retort(evaluate),
      1,
      /^Cannot read networks from .*: got no such file, exp/,
    );
    const moved = await retort([...evaluate, "--init", `pretrained:${file}.moved`]);
    const told = (text: string) => text.split("\n").filter((line) => /^(Class|Acc)/.test(line));
    assert.deepEqual(told(moved.out), told(run.out));
  });
});

Deno.test("distill, evaluate and gradcheck that cannot: status and one line", async () => {
  await withData(async (dir, distill) => {
    const out = ["--out", `${dir}/run`];
    const missing = await retort(["distill", "--data-dir", `${dir}/none`, ...out]);
    expectFailure(
      missing,
      1,
      /^Cannot read mnist: got no directory .*\/none, expected .* --data-dir/,
    );
    expectFailure(
      await retort(distill("run", "--networks", "2")),
      2,
      /got 2, expected 1, since init/,
    );
    const inFile = `data/t10k-labels-idx1-ubyte`;
    expectFailure(await retort(distill(inFile)), 2, /got a file, expected a folder, new or empty/);
    expectFailure(
      await retort(distill("run", "--set", "lr=abc")),
      2,
      /lr: got "abc", expected a num/,
    );
    expectFailure(
      await retort(["evaluate", dir]),
      1,
      /got no such file, expected the folder of a f/,
    );
    const verbose = await retort(["evaluate", dir, "--verbose"]);
    assert.match(verbose.err, /^Cannot read .*\n[^]*\n\s+at .*artifact\.ts/);
    const dump = ["--steps", "1", "--epochs", "1", "--batch", "3", "--dump", `${dir}/none/file`];
    expectFailure(await retort(["gradcheck", ...dump]), 1, /^Cannot write .*\/none\/file: got/);
    const diverging = await retort(distill("bad", "--quiet", "--set", "distill_lr=1e30"));
    expectFailure(diverging, 1, /^Cannot go on at iteration 4: got .*; lower lr \(now/);
    const tooMany = await retort(distill("run", "--quiet", "--batch", "999"));
    expectFailure(tooMany, 2, /^Cannot distil mnist: got batch 999, expected at most its 240/);
    assert.deepEqual((await namesIn(dir)).sort(), ["bad", "data"]); // no folder for nothing
  });
});

Deno.test("gradcheck --dump writes all it compared", async () => {
  await inTemporary(async (dir) => {
    const sizes = ["--steps", "1", "--epochs", "1", "--batch", "3"];
    const ending = await retort(["gradcheck", ...sizes, "--dump", `${dir}/dump`, "--json"]);
    assert.equal(ending.err, "");
    const { loss, passed } = objectIn(ending);
    assert.equal(passed, true);
    const { tensors, metadata } = await readTensors(`${dir}/dump`);
    assert.deepEqual(metadata, { steps: "1", epochs: "1" });
    const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape.join("×")]);
    assert.deepEqual(Object.fromEntries(shapes), {
      "theta0/conv1.weight": "6×1×5×5",
      "theta0/conv1.bias": "6",
      "theta0/conv2.weight": "16×6×5×5",
      "theta0/conv2.bias": "16",
      "theta0/fc1.weight": "120×400",
      "theta0/fc1.bias": "120",
      "theta0/fc2.weight": "84×120",
      "theta0/fc2.bias": "84",
      "theta0/fc3.weight": "10×84",
      "theta0/fc3.bias": "10",
      images: "10×1×28×28",
      labels: "10×10",
      lrs: "1",
      real_images: "3×1×28×28",
      real_labels: "3×10",
      loss: "1",
      d_images: "10×1×28×28",
      d_labels: "10×10",
      d_lrs: "1",
    });
    assert.equal(tensors.loss!.data[0], (loss as { gpu: number }).gpu);
    for (const name of ["d_images", "d_labels", "d_lrs"]) {
      assert.ok(tensors[name]!.data.some((value) => value !== 0), `${name} is all zero`);
    }
  });
});

Deno.test("info names the adapter", async () => {
  const ending = await retort(["info", "--json"]);
  assert.equal(ending.err, "");
  const found = objectIn(ending);
  assert.deepEqual(Object.keys(found), ["version", "adapter", "profile", "limits", "features"]);
  assert.equal(found.version, version);
  const { code, out } = await retort(["info"]);
  assert.equal(code, 0);
  assert.match(
    out,
    new RegExp(`^Retort    ${version}\nAdapter   .+\nProfile   (software|hardware)`),
  );
});

Deno.test("distill: Ctrl-C ends it with status 130, and --resume goes on", async () => {
  await withData(async (dir, distill) => {
    const often = ["--set", "checkpoint_every=1", "--set", "log_every=1"];
    const child = start(distill("run", ...often, "--iterations", "40"));
    const ending = endOf(child);
    while (!await Deno.stat(`${dir}/run/checkpoint.safetensors`).catch(() => false)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill("SIGINT");
    const { code, out, err } = await ending;
    assert.deepEqual([code, out], [130, ""], err);
    assert.match(
      err,
      /\nStopping after the work at hand; Ctrl-C again stops at once\nStopped: iteration \d+ of 40 is saved in .*; continue with distill --resume --out .*\n$/,
    );
    assert.ok(!(await namesIn(`${dir}/run`)).includes("distilled.safetensors"));
    assert.equal(
      await Deno.readTextFile(`${dir}/run/recipe.yaml`),
      recipeToYaml(
        await loadRecipe(`${dir}/run/recipe.yaml`, {}),
      ),
    );
    const resume = ["distill", "--data-dir", `${dir}/data`, "--resume", "--out", `${dir}/run`];
    const resumed = await retort(resume);
    assert.equal(resumed.code, 0, resumed.err);
    const iterations = (await metricsIn(`${dir}/run`)).map(({ iteration }) => iteration);
    assert.deepEqual(iterations, [...Array.from({ length: 40 }, (_, i) => i + 1), 40]);
  });
});
