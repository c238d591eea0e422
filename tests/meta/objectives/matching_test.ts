/** matching_test: gradient matching against float64 central differences of the distance, and how it goes on. */
import assert from "node:assert/strict";
import type { Planes } from "../../../src/layers/op.ts";
import { dot } from "../../../src/oracle/vector.ts";
import { directional, gradient, moved, random } from "../../oracle/numeric.ts";
import { gpuTest } from "../../support/device.ts";
import {
  type Case,
  distancesAt,
  featureDistance,
  inputsOf,
  iterate,
  make,
  ofClass,
  SMALL,
  submit,
} from "../../support/matching.ts";
import { relativeError, thinned } from "../../support/nets.ts";

const MNIST: Planes = { channels: 1, height: 28, width: 28 };
const WAY = 0.01;

for (const isSiamese of [false, true]) {
  const name = isSiamese ? "DSA" : "DC";
  gpuTest(
    `${name}: the gradient agrees with central differences, pixel by pixel`,
    async (device) => {
      const test = { ...SMALL, isSiamese };
      for (const end of [1, 2]) { // at a fresh network, and after steps of it
        const found = await iterate(device, test, end);
        const { images } = inputsOf(test);
        let loss = 0;
        distancesAt(test, found.net, end - 1).forEach((distance, c) => {
          const x = ofClass(images, test.classes, c);
          const bar = ofClass(found.images, test.classes, c);
          const error = relativeError(bar, gradient(distance, x));
          assert.ok(error < 1e-5, `relative error ${error} of class ${c}, iteration ${end - 1}`);
          loss += distance(x);
        });
        assert.ok(Math.abs(found.loss / loss - 1) < 1e-5, `loss ${found.loss}, expected ${loss}`);
      }
    },
  );
}

const NETWORKS: Record<string, Case> = {
  lenet: {
    ...SMALL,
    arch: thinned("lenet", MNIST, 2),
    input: MNIST,
    classes: 2,
    real: 3,
    isSiamese: true,
    scale: 0.1, // with larger weights p − y, the difference of two f32 near 1, has few digits left
  },
  "convnet3:width=16,depth=1": {
    ...SMALL,
    arch: thinned("convnet3:width=16,depth=1", MNIST, 1),
    input: MNIST,
    classes: 2,
    real: 3,
    scale: 0.2,
  },
};

for (const [name, test] of Object.entries(NETWORKS)) {
  gpuTest(`${name}: the gradient agrees with central differences`, async (device) => {
    const found = await iterate(device, test, 1);
    const { images } = inputsOf(test);
    distancesAt(test, found.net, 0).forEach((distance, c) => {
      const x = ofClass(images, test.classes, c);
      const bar = ofClass(found.images, test.classes, c);
      // Along the gradient nearly, where a difference is large beside what rounding makes of it. The steps are small,
      // since a gradient jumps where a maximum or the sign before a ReLU changes.
      const noise = random(x.length, 5 + c);
      const length = Math.hypot(...bar) / Math.hypot(...noise);
      const way = noise.map((v, i) => (bar[i]! + length * v) * WAY);
      const [expected] = directional((step) => Float64Array.of(distance(moved(x, way, step))));
      const slope = dot(bar, way);
      const error = Math.abs(slope / expected! - 1);
      assert.ok(error < 1e-5, `slope ${slope}, expected ${expected}: relative error ${error}`);
    });
  });
}

gpuTest("Matching: parts of the real batch add up to the whole", async (device) => {
  const [parts, whole] = [
    await iterate(device, SMALL, 1),
    await iterate(device, { ...SMALL, part: 12 }, 1),
  ];
  const error = relativeError(parts.images, whole.images);
  assert.ok(error > 0 && error < 1e-5, `relative error ${error}`);
});

gpuTest("Matching: goes on to the same bits where it was saved", async (device) => {
  const test = { ...SMALL, isSiamese: true };
  const [straight, stopped, resumed] = [1, 2, 3].map(() => make(device, test, 3));
  const gradientOf = async (
    { objective, data }: ReturnType<typeof make>,
    from: number,
    to: number,
  ) => {
    for (let k = from; k < to; k++) submit(device, objective, data, k);
    return await objective.gradient.images.read();
  };
  const expected = await gradientOf(straight!, 0, 3);
  await gradientOf(stopped!, 0, 2);
  resumed!.objective.restore(await stopped!.objective.save());
  assert.deepEqual(await gradientOf(resumed!, 2, 3), expected);
  for (const { objective, data } of [straight!, stopped!, resumed!]) {
    objective[Symbol.dispose]();
    data[Symbol.dispose]();
  }
});

for (const isSiamese of [false, true]) {
  const name = isSiamese ? "features, augmented" : "features";
  gpuTest(`Matching: of mean ${name}, against central differences`, async (device) => {
    const test: Case = { ...SMALL, isSiamese, match: "features" };
    const found = await iterate(device, test, 1);
    const { images } = inputsOf(test);
    const distance = featureDistance(test);
    const error = relativeError(found.images, gradient(distance, images));
    assert.ok(error < 1e-5, `relative error ${error}`);
    const expected = distance(images);
    assert.ok(Math.abs(found.loss / expected - 1) < 1e-5, `loss ${found.loss}, not ${expected}`);
  });
}
