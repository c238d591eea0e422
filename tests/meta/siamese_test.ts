/** siamese_test: augmentations against their float64 twin, and transposes against ⟨Ax, y⟩ = ⟨x, Aᵀy⟩. */
import assert from "node:assert/strict";
import type { Device } from "../../src/gpu/mod.ts";
import { padded, type Planes, sizeOf } from "../../src/layers/op.ts";
import { siameseDraw } from "../../src/meta/siamese.ts";
import { augment, augmentTranspose, DRAW_WORDS, packAugmentation } from "../../src/ops/siamese.ts";
import { type Augmentation, augmented } from "../../src/oracle/siamese.ts";
import { dot } from "../../src/oracle/vector.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { download, rounded, upload } from "../support/layout.ts";
import { run } from "../support/record.ts";

const PLANES: Planes = { channels: 3, height: 9, width: 12 };
const LIVE = 6;

/** What an augmentation is. */
function kindOf(augmentation: Augmentation): string {
  if ("offset" in augmentation) return "colour";
  const { map: [a, b, c, , e, f], cut } = augmentation;
  if (cut[1] > 0) return "cutout";
  if (b !== 0) return "rotate";
  if (e === -1) return "flip";
  if (a !== 1) return "scale";
  return c !== 0 || f !== 0 ? "crop" : "none";
}

/** Draws of every kind, two of each. */
function drawsOf(planes: Planes): Map<string, Augmentation[]> {
  const kinds = new Map<string, Augmentation[]>();
  for (let k = 0; k < 200; k++) {
    const augmentation = siameseDraw(planes, 7, k, 0);
    const kind = kindOf(augmentation);
    const of = kinds.get(kind) ?? [];
    if (of.length < 2) kinds.set(kind, [...of, augmentation]);
  }
  return kinds;
}

async function passes(
  device: Device,
  augmentation: Augmentation,
  x: Float64Array,
  yBar: Float64Array,
) {
  const rows = sizeOf(PLANES);
  using draw = device.tensor([DRAW_WORDS]).write(packAugmentation(augmentation));
  using from = upload(device, [x], rows, LIVE);
  using back = upload(device, [yBar], rows, LIVE);
  using to = device.tensor([rows, padded(LIVE)]);
  using xBar = device.tensor([rows, padded(LIVE)]);
  using mean = device.tensor([padded(LIVE)]);
  run(device, (record) => {
    augment(record, { draw, from, to, mean, live: LIVE }, PLANES);
    augmentTranspose(record, { draw, from: back, to: xBar, mean, live: LIVE }, PLANES);
  });
  const padding = [to, xBar].map((tensor) => tensor.read());
  for (const words of await Promise.all(padding)) {
    const isZero = words.every((word, i) => i % padded(LIVE) < LIVE || word === 0);
    assert.ok(isZero, "padding images are not zero");
  }
  const [y] = await download(to, 1, rows, LIVE);
  const [bar] = await download(xBar, 1, rows, LIVE);
  return { y: y!, xBar: bar! };
}

gpuTest("siamese: every augmentation agrees with its twin, and its transpose", async (device) => {
  const draws = drawsOf(PLANES);
  const kinds = [...draws.keys()].sort();
  assert.deepEqual(kinds, ["colour", "crop", "cutout", "flip", "none", "rotate", "scale"]);
  const x = rounded(random(LIVE * sizeOf(PLANES), 1));
  const yBar = rounded(random(x.length, 2));
  const zero = new Float64Array(x.length);
  for (const [kind, augmentations] of draws) {
    for (const augmentation of augmentations) {
      const { y, xBar } = await passes(device, augmentation, x, yBar);
      // Positions are of f32, and so are weights.
      assertClose(kind, y, augmented(x, augmentation, PLANES), 50);
      const offset = dot(augmented(zero, augmentation, PLANES), yBar);
      const [left, right] = [dot(y, yBar) - offset, dot(x, xBar)];
      assertClose(`⟨Ax, y⟩ of ${kind}`, [left], [right], 50, Math.sqrt(x.length));
    }
  }
});

gpuTest("siamese: the transpose is that of the linear part, pixel by pixel", async (device) => {
  const size = sizeOf(PLANES) * LIVE;
  const zero = new Float64Array(size);
  for (const [kind, [augmentation]] of drawsOf(PLANES)) {
    const yBar = rounded(random(size, 3));
    const { xBar } = await passes(device, augmentation!, zero, yBar);
    const base = augmented(zero, augmentation!, PLANES);
    const pixels = [0, 11, 40, 54, 107, 108, 300, 390, size - 1];
    const expected = pixels.map((i) => {
      const unit = zero.slice();
      unit[i] = 1;
      return dot(augmented(unit, augmentation!, PLANES).map((y, j) => y - base[j]!), yBar);
    });
    assertClose(kind, pixels.map((i) => xBar[i]!), expected, 50, 1);
  }
});

Deno.test("siameseDraw: a function of seed, iteration and number, within its ranges", () => {
  const planes = { channels: 1, height: 28, width: 28 };
  assert.deepEqual(siameseDraw(planes, 1, 2, 3), siameseDraw(planes, 1, 2, 3));
  const texts = [[1, 2, 3], [2, 2, 3], [1, 3, 3], [1, 2, 4]].map(([seed, k, draw]) =>
    JSON.stringify(siameseDraw(planes, seed!, k!, draw!))
  );
  assert.equal(new Set(texts).size, 4);
  const counts = new Map<string, number>();
  for (let k = 0; k < 1200; k++) {
    const augmentation = siameseDraw(planes, 5, k, 0);
    const kind = kindOf(augmentation);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if ("offset" in augmentation) {
      const { offset, saturation, contrast } = augmentation;
      assert.ok(Math.abs(offset) <= 0.5 && saturation >= 0 && saturation < 2);
      assert.ok(contrast >= 0.5 && contrast < 1.5);
      continue;
    }
    const { map: [a, , c, , e, f], cut: [top, bottom, left, right] } = augmentation;
    if (kind === "crop") assert.ok(Math.max(Math.abs(c), Math.abs(f)) <= 4);
    if (kind === "cutout") {
      assert.ok(top >= 0 && bottom <= 28 && bottom - top >= 7 && bottom - top <= 14);
      assert.ok(left >= 0 && right <= 28 && right - left >= 7 && right - left <= 14);
    }
    if (kind === "rotate") assert.ok(Math.acos(a) <= 15 / 180 * Math.PI);
    if (kind === "scale") assert.ok(Math.min(a, e) > 0.83 && Math.max(a, e) < 1.2);
  }
  for (const kind of ["colour", "crop", "cutout", "rotate", "scale"]) {
    assert.ok(Math.abs(counts.get(kind)! - 200) < 50, `${counts.get(kind)} of ${kind}`);
  }
  assert.ok(Math.abs(counts.get("flip")! - 100) < 40, `${counts.get("flip")} flips`);
});
