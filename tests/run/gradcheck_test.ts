/** gradcheck_test: the meta-gradient agrees with the oracle, and what does not agree is told. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSafetensors } from "../../src/base/safetensors.ts";
import { gradcheckKernel } from "../../src/run/gradcheck_kernel.ts";
import { gradcheck, type GradcheckOptions, TOLERANCE } from "../../src/run/gradcheck.ts";
import { parseArch } from "../../src/recipe/recipe.ts";
import type { Device, Profile } from "../../src/gpu/mod.ts";
import { OPTIMIZER_NAMES } from "../../src/meta/optimizers/list.ts";
import { LOSSES } from "../../src/layers/loss.ts";
import { type Arch, stagesOf } from "../../src/nets/arch.ts";
import { fused } from "../../src/nets/build.ts";
import { imageOf, layersOf } from "../../src/nets/named.ts";
import type { OracleLoss } from "../../src/oracle/loss.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { runTest, SMALL } from "../support/runs.ts";

const SIZES = { steps: 2, epochs: 2, perClass: 1, batch: 3, networks: 2, seed: 4 };

async function errorsOf(device: Device, options: GradcheckOptions) {
  const { loss, images, labels, hyper, passed } = await gradcheck(device, options);
  const errors = Object.entries({ loss, images, labels, hyper }).map(
    ([name, { relativeError }]) => {
      return [name, relativeError] as const;
    },
  );
  return { passed, errors };
}

async function agrees(device: Device, options: GradcheckOptions): Promise<void> {
  const { passed, errors } = await errorsOf(device, options);
  assert.ok(passed, `relative errors ${errors.join("; ")}`);
}

/** Every kind of layer, in the ways in which it may stand. */
const EVERY_KIND = parseArch([
  { conv: { channels: 4, size: 4, stride: 2 } },
  { instance_norm: {} },
  "relu",
  { lrn: { size: 3, alpha: 0.5 } },
  { max_pool: { size: 3, stride: 2, pad: 1 } },
  { conv: { channels: 6, size: 2, pad: 2 } },
  { max_pool: 2 },
  "relu",
  { avg_pool: { size: 3, stride: 2, pad: 1 } },
  { dense: { outputs: 12, bias: false } },
  "relu",
  { dense: "classes" },
], "a test");

Deno.test("EVERY_KIND has what it says, after fusing", () => {
  const image = imageOf(EVERY_KIND);
  const chain = fused(stagesOf(layersOf(EVERY_KIND, image), image, 10));
  const told = chain.map(({ kind, relu, pool }) =>
    `${kind}${relu ? " of relu" : ""}${pool ? ", pooled" : ""}`
  );
  assert.deepEqual(told, [
    "conv",
    "instance_norm",
    "lrn of relu",
    "max_pool",
    "conv, pooled",
    "relu", // avg_pool does not take it
    "avg_pool",
    "dense",
    "dense of relu",
  ]);
});

for (const loss of Object.keys(LOSSES)) {
  gpuTest(`gradcheck agrees for every kind of layer, and ${loss}`, async (device) => {
    await agrees(device, { arch: EVERY_KIND, loss, ...SIZES });
  });
}

gpuTest("gradcheck agrees for convnet3", async (device) => {
  await agrees(device, { arch: "convnet3:width=4", ...SIZES, steps: 1, batch: 4, networks: 1 });
});

const ANY_SIZE = fc.record({
  profile: fc.constantFrom<Profile["name"]>("software", "hardware"),
  networks: fc.integer({ min: 1, max: 4 }),
  steps: fc.integer({ min: 1, max: 5 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  batch: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(2 ** 32 - 1),
}).filter(({ networks, steps, epochs }) => steps * epochs <= 8 && networks * steps * epochs <= 12);

Deno.test({
  name: "gradcheck agrees at any size",
  fn: async () => {
    const property = fc.asyncProperty(ANY_SIZE, async ({ profile, ...sizes }) => {
      await agrees(await deviceOf(profile), { arch: SMALL, perClass: 1, ...sizes });
    });
    await fc.assert(property, { seed: 20181127, numRuns: 6, endOnFailure: true });
  },
  sanitizeResources: false, // devices outlive the test
  sanitizeOps: false,
});

/** Ways in which networks train, of every optimiser. */
const TRAININGS: Record<string, Partial<GradcheckOptions>> = {
  "all steps": {},
  "a window in the middle": { epochs: 3, window: 3 },
  "one rate": { oneRate: true },
  "minibatches": { steps: 1, epochs: 4, perClass: 2, innerBatch: 7 },
};

for (const optimizer of OPTIMIZER_NAMES) {
  for (const [kind, settings] of Object.entries(TRAININGS)) {
    runTest(`gradcheck agrees for ${optimizer} and ${kind}`, async (device) => {
      await agrees(device, { arch: SMALL, optimizer, ...SIZES, ...settings });
    });
  }
  for (const loss of ["sigmoid_xent", "mse"]) {
    runTest(
      `gradcheck agrees for ${optimizer} and ${loss}, a window of minibatches`,
      async (device) => {
        const sizes = { ...SIZES, ...TRAININGS.minibatches, window: 2 };
        await agrees(device, { arch: SMALL, optimizer, loss, ...sizes });
      },
    );
  }
}

/** Runs `body` while the twin of a loss is another. */
async function withTwin(name: string, twin: OracleLoss, body: () => Promise<void>) {
  const kind: { twin: OracleLoss } = LOSSES[name]!;
  const right = kind.twin;
  kind.twin = twin;
  try {
    await body();
  } finally {
    kind.twin = right;
  }
}

runTest("gradcheck fails where one derivative is off by a ten-thousandth", async (device) => {
  const arch: Arch = SMALL;
  const { twin } = LOSSES.mse!;
  const off = (derivative: Float64Array) => derivative.map((value) => 1.0001 * value);
  const wrong: [Partial<OracleLoss>, blocks: string[]][] = [
    [{ gradient: (...args) => off(twin.gradient(...args)) }, ["loss", "images", "labels", "hyper"]],
    [{ tangent: (...args) => off(twin.tangent(...args)) }, ["images", "labels", "hyper"]],
    [{ labelTangent: (...args) => off(twin.labelTangent(...args)) }, ["labels"]],
  ];
  for (const [broken, blocks] of wrong) {
    await withTwin("mse", { ...twin, ...broken }, async () => {
      const { passed, errors } = await errorsOf(device, { arch, loss: "mse", ...SIZES });
      const told = errors.filter(([, error]) => !(error < TOLERANCE)).map(([name]) => name);
      assert.deepEqual([passed, told], [false, blocks], Object.keys(broken).join());
    });
  }
});

runTest("gradcheck dumps the very numbers that it compared", async (device, dir) => {
  const path = `${dir}/dump.safetensors`;
  const sizes = { ...SIZES, epochs: 1 };
  const result = await gradcheck(device, { arch: SMALL, ...sizes, dump: path });
  const { tensors, metadata } = decodeSafetensors(await Deno.readFile(path), path);
  assert.deepEqual(metadata, { steps: "2", epochs: "1" });
  const shapes = Object.entries(tensors).map(([name, { shape }]) => [name, shape.join("×")]);
  const networks = ["0", "1"].flatMap((r) => [
    [`theta0/${r}/conv1.weight`, "4×1×3×3"],
    [`theta0/${r}/conv1.bias`, "4"],
    [`theta0/${r}/fc1.weight`, "10×144"],
    [`theta0/${r}/fc1.bias`, "10"],
  ]);
  assert.deepEqual(Object.fromEntries(shapes), {
    ...Object.fromEntries(networks),
    images: "20×1×28×28",
    labels: "20×10",
    lrs: "2",
    real_images: "3×1×28×28",
    real_labels: "3×10",
    loss: "1",
    d_images: "20×1×28×28",
    d_labels: "20×10",
    d_lrs: "2",
  });
  assert.deepEqual([...tensors.loss!.data], [result.loss.gpu]);
  for (const name of ["d_images", "d_labels", "d_lrs"]) {
    assert.ok(tensors[name]!.data.some((value) => value !== 0), `${name} is all zero`);
  }
});

gpuTest("gradcheck refuses an unknown arch", async (device) => {
  await assert.rejects(gradcheck(device, { arch: "resnet", ...SIZES }), {
    name: "RangeError",
    message: /^Cannot build resnet/,
  });
});

gpuTest(
  "gradcheckKernel: both kernels, with fewer targets than classes and with more",
  async (device) => {
    for (const [kernel, batch] of [["fc", 3], ["conv", 13]] as const) {
      const spec = { kernel, depth: 2, sigmaW2: 2, sigmaB2: 1e-4 };
      const found = await gradcheckKernel(device, { kernel: spec, perClass: 1, batch, seed: 2 });
      assert.ok(found.passed, JSON.stringify(found));
      assert.ok(found.images.relativeError > 0, "f32 is not float64");
    }
  },
);
