/**
 * The folder that trains in PyTorch. Everywhere: what is in network.py, and that train.py says what Retort does. Where
 * python3 has PyTorch it runs: networks of every kind of layer give the outputs of their float64 twins, and training as
 * recorded the accuracy of the run.
 */
import assert from "node:assert/strict";
import { ON_DISTILLED } from "../../src/evaluate/standard.ts";
import { exportArtifact } from "../../src/export/export.ts";
import { networkSource } from "../../src/export/network_source.ts";
import { LAYERS } from "../../src/layers/list.ts";
import { parseArch } from "../../src/recipe/recipe.ts";
import type { Layer } from "../../src/nets/arch.ts";
import { INIT_METHODS } from "../../src/nets/init.ts";
import { twinOf } from "../../src/nets/build.ts";
import { distill } from "../../src/run/distill.ts";
import type { Recipe } from "../../src/recipe/recipe.ts";
import { type Artifact, metadataOf } from "../../src/store/artifact.ts";
import { random } from "../oracle/numeric.ts";
import { ROOT } from "../support/command.ts";
import { deviceOf } from "../support/device.ts";
import {
  contentsOf,
  easyDataset,
  easyTable,
  expectSame,
  shortRecipe,
  writeIdxDirectory,
} from "../support/runs.ts";
import { inTemporary } from "../support/temporary.ts";
import type { Dataset } from "../../src/sets/dataset.ts";
import { writeRun } from "./runs.ts";

/** Every kind of layer, with settings unlike their defaults. */
const ALL_KINDS = parseArch([
  { conv: { name: "features.0", channels: 6, size: 3, stride: 1, pad: 2 } },
  { instance_norm: { name: "features.1", eps: 0.01 } },
  "relu",
  { lrn: { size: 4, alpha: 0.3, beta: 0.6, k: 2 } },
  { max_pool: { size: 3, stride: 2, pad: 1 } },
  { conv: { channels: 4, size: 2, stride: 2 } },
  { softplus: 3 },
  { avg_pool: { size: 2, stride: 1, pad: 1 } },
  { dense: { outputs: 9, bias: false } },
  "relu",
  { dense: "classes" },
], "a test") as readonly Layer[];

const IMAGE = { channels: 2, height: 9, width: 8 };
const CLASSES = 5;
const COUNT = 3;

/** Runs python3 with these arguments; undefined where there is none. */
async function python(args: string[], cwd = ROOT): Promise<Deno.CommandOutput | undefined> {
  const env = { PYTHONDONTWRITEBYTECODE: "1" };
  return await new Deno.Command("python3", { args, cwd, env, stdin: "null" }).output()
    .catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return undefined;
    });
}

/** What a program of Python prints, which is to succeed. */
async function printed(args: string[], cwd?: string): Promise<string> {
  const { success, stdout, stderr } = (await python(args, cwd))!;
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const hasPython = await python(["--version"]) !== undefined;
const hasTorch = hasPython && (await python(["-c", "import torch"]))!.success;

/** A test that is told to be ignored, with the reason in its name, where Python or PyTorch is missing. */
function pythonTest(needs: "python3" | "PyTorch", name: string, fn: () => Promise<void>): void {
  const ignore = needs === "python3" ? !hasPython : !hasTorch;
  const why = ignore ? ` (ignored: no ${needs} here)` : "";
  Deno.test({ name: name + why, ignore, fn, sanitizeResources: false, sanitizeOps: false });
}

Deno.test("network.py: a line a layer, and parameters by PyTorch's names", () => {
  assert.equal(
    networkSource([ALL_KINDS], IMAGE, CLASSES),
    `"""The network, written from the arch of its recipe. w has its weights by name."""

import torch.nn.functional as F

PARAMETERS_1 = [
    ("features.0.weight", (6, 2, 3, 3), "weight"),
    ("features.0.bias", (6,), "bias"),
    ("features.1.weight", (6,), "one"),
    ("features.1.bias", (6,), "zero"),
    ("conv1.weight", (4, 6, 2, 2), "weight"),
    ("conv1.bias", (4,), "bias"),
    ("fc1.weight", (9, 48), "weight"),
    ("fc2.weight", (5, 9), "weight"),
    ("fc2.bias", (5,), "bias"),
]


def network_1(w, x):
    """network 1 on images [N, 2, 9, 8]."""
    x = F.conv2d(x, w["features.0.weight"], w["features.0.bias"], stride=1, padding=2)
    x = F.instance_norm(x, weight=w["features.1.weight"], bias=w["features.1.bias"], eps=0.01)
    x = F.relu(x)
    x = F.local_response_norm(x, 4, alpha=0.3, beta=0.6, k=2)
    x = F.max_pool2d(x, 3, stride=2, padding=1)
    x = F.conv2d(x, w["conv1.weight"], w["conv1.bias"], stride=2, padding=0)
    x = F.softplus(x, beta=3)
    x = F.avg_pool2d(x, 2, stride=1, padding=1)
    x = x.flatten(1)
    x = F.linear(x, w["fc1.weight"])
    x = F.relu(x)
    x = F.linear(x, w["fc2.weight"], w["fc2.bias"])
    return x


NETWORKS = [
    ("network 1", PARAMETERS_1, network_1),
]
`,
  );
  const kinds = ALL_KINDS.map((layer) => typeof layer === "string" ? layer : Object.keys(layer)[0]);
  assert.deepEqual([...new Set(kinds)].sort(), Object.keys(LAYERS).sort());
});

Deno.test("train.py: the standard training of evaluate, and every way to draw weights", async () => {
  const script = await Deno.readTextFile(`${ROOT}src/export/train.py`);
  const { epochs, batch, rate, momentum } = ON_DISTILLED;
  assert.ok(
    script.includes(`EPOCHS, BATCH, RATE, MOMENTUM = ${epochs}, ${batch}, ${rate}, ${momentum}\n`),
  );
  const others = INIT_METHODS.filter((method) => !script.includes(`"${method}"`));
  assert.deepEqual(others, []);
  assert.ok(script.split("\n").every((line) => [...line].length <= 120));
});

Deno.test("as PyTorch: five files; an earlier export is replaced by the same bytes", async () => {
  await inTemporary(async (dir) => {
    const contents: Record<string, Uint8Array>[] = [];
    for (const _ of [1, 2]) {
      const files = await exportArtifact(`${ROOT}results/quick`, "pytorch", `${dir}/quick`);
      assert.deepEqual(files.map((file) => file.slice(dir.length + 7)), [
        "README.md",
        "distilled.json",
        "distilled.safetensors",
        "network.py",
        "train.py",
      ]);
      contents.push(await contentsOf(`${dir}/quick`));
    }
    expectSame("an export", contents[1]!, contents[0]!);
  });
});

pythonTest("python3", "train.py and network.py are Python", async () => {
  const source = networkSource(["lenet", ALL_KINDS], { channels: 1, height: 28, width: 28 }, 10);
  const script = await Deno.readTextFile(`${ROOT}src/export/train.py`);
  for (const code of [source, script]) {
    await printed(["-c", `compile(${JSON.stringify(code)}, "", "exec")`]);
  }
});

pythonTest(
  "PyTorch",
  "a network of every kind of layer gives the outputs of its twin",
  async () => {
    const oracle = twinOf(ALL_KINDS, IMAGE, CLASSES);
    const theta = random(oracle.params, 1).map(Math.fround);
    const x = random(COUNT * oracle.inSize, 2).map(Math.fround);
    const expected = oracle.fwd(x, theta, COUNT);
    const init: Artifact["init"] = {};
    let at = 0;
    const list = /\("(.*?)", \((.*?),?\), "/g;
    for (const [, name, sizes] of networkSource([ALL_KINDS], IMAGE, CLASSES).matchAll(list)) {
      const shape = sizes!.split(",").map(Number);
      const size = shape.reduce((a, b) => a * b, 1);
      init[name!] = { shape, data: Float32Array.from(theta.subarray(at, at += size)) };
    }
    assert.equal(at, theta.length);
    const data = { ...easyDataset(2, 2), ...IMAGE, classes: CLASSES, mean: [0, 0], std: [1, 1] };
    await inTemporary(async (dir) => {
      await writeRun(`${dir}/run`, {
        images: { shape: [COUNT, 2, 9, 8], data: Float32Array.from(x) },
        labels: { shape: [COUNT, CLASSES], data: new Float32Array(COUNT * CLASSES).fill(0.2) },
        lrs: { shape: [1], data: Float32Array.of(0.1) },
        init,
        metadata: {
          ...metadataOf(
            shortRecipe({ arch: ALL_KINDS, init: "fixed", epochs: 1 }),
            data,
            "an adapter",
          ),
          per_step: `${COUNT}`,
        },
      });
      await exportArtifact(`${dir}/run`, "pytorch", `${dir}/out`);
      const program = "import json, train; d = train.Distilled(); [(_, p, f)] = train.NETWORKS; " +
        'print(json.dumps(f({n: d.arrays["init/" + n] for n, _, _ in p}, d.images).tolist()))';
      const outputs = JSON.parse(await printed(["-c", program], `${dir}/out`)).flat();
      assert.equal(outputs.length, expected.length);
      expected.forEach((z, i) => assert.ok(Math.abs(outputs[i] - z) < 1e-9, `${outputs[i]} ${z}`));
    });
  },
);

/** What train.py tells: accuracies before and after in percent, of how many networks. */
function read(told: string): { before: number; after: number; networks: number } {
  const [, before, after, networks] =
    /training: (\S+) .*% before, (\S+) .*% after \((\d+) network/.exec(told) ?? assert.fail(told);
  return { before: Number(before), after: Number(after), networks: Number(networks) };
}

/** Distils, exports, and trains as recorded; the accuracies are those of the run, but for an image on the edge. */
async function expectAccuracy(
  dir: string,
  settings: Partial<Recipe>,
  data: Dataset,
  real: string,
): Promise<void> {
  const device = await deviceOf("software");
  const recipe = shortRecipe({ init: "fixed", iterations: 40, ...settings });
  const { before, after } = await distill(device, recipe, data, { out: `${dir}/run` });
  assert.ok(after.mean > before.mean + 0.1, `it learned nothing: ${before.mean}, ${after.mean}`);
  await exportArtifact(`${dir}/run`, "pytorch", `${dir}/out`);
  const found = read(await printed(["train.py", "--data", real], `${dir}/out`));
  const one = 100 / data.test.count + 0.01;
  assert.ok(Math.abs(found.before - 100 * before.mean) < one, `${found.before} ${before.mean}`);
  assert.ok(Math.abs(found.after - 100 * after.mean) < one, `${found.after} ${after.mean}`);
}

for (
  const settings of [
    { optimizer: "momentum", momentum: 0.5, steps: 2, soft_labels: true },
    { optimizer: "adam", distill_lr: 0.02 },
    { loss: "mse", arch: [{ dense: { outputs: "classes" } }], distill_lr: 0.01 },
  ] as Partial<Recipe>[]
) {
  pythonTest(
    "PyTorch",
    `as recorded, the accuracy of the run: ${JSON.stringify(settings)}`,
    () =>
      inTemporary(async (dir) => {
        const data = easyDataset();
        await writeIdxDirectory(`${dir}/data`, data);
        await expectAccuracy(dir, settings, data, `${dir}/data`);
      }),
  );
}

pythonTest(
  "PyTorch",
  "a table and one logit as recorded; fresh networks by standard training",
  () =>
    inTemporary(async (dir) => {
      const table = easyTable();
      const { images, labels, count } = table.test;
      const rows = Array.from({ length: count }, (_, n) => {
        const numbers = table.mean.map((mean, d) => images[2 * n + d]! * table.std[d]! + mean);
        return [...numbers, table.classNames![labels[n]!]].join(",");
      });
      const file = `${dir}/test.csv`;
      await Deno.writeTextFile(file, ["height,width,label", ...rows, ""].join("\n"));
      const arch = parseArch([{ dense: 8 }, "relu", { dense: "classes" }], "a test");
      await expectAccuracy(dir, { arch, loss: "sigmoid", dataset: "csv:x" }, table, file);
      const args = ["train.py", "--data", file, "--training", "standard", "--networks", "3"];
      const { before, after, networks } = read(await printed(args, `${dir}/out`));
      assert.ok(networks === 3 && after > before, `${before} ${after}`);
    }),
);
