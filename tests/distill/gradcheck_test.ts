import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeSafetensors } from "../../src/data/safetensors.ts";
import { gradcheck, type GradcheckOptions } from "../../src/distill/gradcheck.ts";
import { parseArch } from "../../src/distill/recipe.ts";
import type { Device, Profile } from "../../src/gpu/mod.ts";
import { deviceOf, gpuTest } from "../support/device.ts";

const LEAST = 1e-4;

async function agrees(device: Device, options: GradcheckOptions): Promise<void> {
  const { loss, images, labels, lrs, passed } = await gradcheck(device, options);
  for (const [name, { relativeError }] of Object.entries({ loss, images, labels, lrs })) {
    assert.ok(relativeError < LEAST, `∂L/∂${name}: relative error ${relativeError}`);
  }
  assert.ok(passed);
}

const SIZES = fc.record({
  profile: fc.constantFrom<Profile["name"]>("software", "hardware"),
  networks: fc.integer({ min: 1, max: 4 }),
  steps: fc.integer({ min: 1, max: 5 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  batch: fc.integer({ min: 1, max: 9 }),
  seed: fc.nat(2 ** 32 - 1),
}).filter(({ networks, steps, epochs }) => steps * epochs <= 8 && networks * steps * epochs <= 12);

Deno.test({
  name: "gradcheck: the meta-gradient agrees with the oracle at any size",
  fn: async () => {
    const property = fc.asyncProperty(SIZES, async ({ profile, ...sizes }) => {
      await agrees(await deviceOf(profile), { arch: "lenet", perClass: 1, ...sizes });
    });
    await fc.assert(property, { seed: 20181127, numRuns: 10, endOnFailure: true });
  },
  sanitizeResources: false, // devices outlive the test
  sanitizeOps: false,
});

Deno.test({
  name: "gradcheck dumps the very numbers that it compared",
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".safetensors" });
    try {
      const sizes = { steps: 2, epochs: 1, perClass: 1, batch: 3, networks: 2, seed: 5 };
      const result = await gradcheck(await deviceOf("software"), {
        arch: "lenet",
        ...sizes,
        dump: path,
      });
      const { tensors } = decodeSafetensors(await Deno.readFile(path), path);
      const shape = (name: string) => tensors[name]?.shape;
      assert.deepEqual(shape("theta0/1/fc1.weight"), [120, 400]);
      assert.deepEqual(shape("d_images"), [20, 1, 28, 28]);
      assert.deepEqual([shape("d_labels"), shape("d_lrs")], [[20, 10], [2]]);
      assert.deepEqual([...tensors["loss"]!.data], [result.loss.gpu]);
    } finally {
      await Deno.remove(path);
    }
  },
  sanitizeResources: false,
  sanitizeOps: false,
});

gpuTest("gradcheck agrees for a network of one's own", async (device) => {
  const layers = [
    { conv: { channels: 4, size: 5, stride: 3, pad: 1 } },
    "relu",
    { lrn: { size: 4, alpha: 0.5 } },
    { max_pool: { size: 3, stride: 2, pad: 1 } },
    { dense: 15 },
    "relu",
    { dense: "classes" },
  ];
  const arch = parseArch(layers, "a test");
  const sizes = { steps: 2, epochs: 2, perClass: 1, batch: 3, networks: 2, seed: 4 };
  await agrees(device, { arch, ...sizes });
});

gpuTest("gradcheck refuses an unknown arch", async (device) => {
  const sizes = { steps: 1, epochs: 1, perClass: 1, batch: 1, networks: 1, seed: 1 };
  await assert.rejects(gradcheck(device, { arch: "resnet", ...sizes }), {
    name: "RangeError",
    message: /^Cannot build resnet/,
  });
});
