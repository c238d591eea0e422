import assert from "node:assert/strict";
import { padded } from "../../src/layers/op.ts";
import { Softmax, type SoftmaxSpec } from "../../src/ops/softmax.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";

const GUARD = 12345.5;

/** Places of the live elements of a block's image n, class by class, in the flat array. */
function placesOf({ classes, images, stride }: SoftmaxSpec, block: number, n: number): number[] {
  return Array.from({ length: classes }, (_, k) => block * stride + k * images + n);
}

function softmax(x: number[]): number[] {
  const most = Math.max(...x);
  const exps = x.map((value) => Math.exp(value - most));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((value) => value / sum);
}

function specOf(classes: number, count: number, blocks: number): SoftmaxSpec {
  const images = padded(count);
  const stride = Math.ceil(classes * images / 64) * 64 + 64;
  return { classes, images, count, blocks, stride };
}

for (const spec of [specOf(7, 5, 3), specOf(10, 11, 1), specOf(3, 133, 2)]) {
  const { classes, images, count, blocks, stride } = spec;
  const size = blocks * stride;
  const each = (visit: (places: number[], live: boolean) => void) => {
    for (let block = 0; block < blocks; block++) {
      for (let n = 0; n < images; n++) visit(placesOf(spec, block, n), n < count);
    }
  };

  for (const scale of [3, 200]) {
    gpuTest(`Softmax.forward ${JSON.stringify(spec)} scores of ±${scale}`, async (device) => {
      const scores = rounded(random(size, 3, scale));
      using x = device.tensor([size]).write(Float32Array.from(scores));
      using y = device.tensor([size]).write(new Float32Array(size).fill(GUARD));
      const record = device.record();
      new Softmax(device, spec).forward(record, { x, y });
      record.submit();
      const actual = await y.read();
      const expected = new Float64Array(size).fill(GUARD); // between blocks nothing is written
      each((places, live) => {
        const p = live ? softmax(places.map((i) => scores[i]!)) : places.map(() => 0);
        places.forEach((i, k) => expected[i] = p[k]!);
        if (!live) {
          for (const i of places) assert.equal(actual[i], 0, "padding images stay zero");
        }
      });
      const isGuard = (_: number, i: number) => expected[i] === GUARD;
      const keep = (_: number, i: number) => expected[i] !== GUARD;
      assert.deepEqual(actual.filter(isGuard), new Float32Array(expected.filter(isGuard)));
      assertClose("y", actual.filter(keep), expected.filter(keep), 4 * classes);
    });
  }

  gpuTest(`Softmax.backward ${JSON.stringify(spec)}`, async (device) => {
    const probabilities = new Float64Array(size);
    const scores = random(size, 5, 2);
    each((places, live) => {
      if (!live) return; // y is zero there
      const p = softmax(places.map((i) => scores[i]!));
      places.forEach((i, k) => probabilities[i] = Math.fround(p[k]!));
    });
    const cotangent = rounded(random(size, 7));
    using y = device.tensor([size]).write(Float32Array.from(probabilities));
    using yBar = device.tensor([size]).write(Float32Array.from(cotangent));
    using xBar = device.tensor([size]).write(new Float32Array(size).fill(GUARD));
    const record = device.record();
    new Softmax(device, spec).backward(record, { y, yBar, xBar });
    record.submit();
    const expected = new Float64Array(size).fill(GUARD);
    each((places) => {
      const mean = places.reduce((sum, i) => sum + probabilities[i]! * cotangent[i]!, 0);
      for (const i of places) expected[i] = probabilities[i]! * (cotangent[i]! - mean);
    });
    const actual = await xBar.read();
    const isGuard = (_: number, i: number) => expected[i] === GUARD;
    const keep = (_: number, i: number) => expected[i] !== GUARD;
    assert.ok(actual.filter(isGuard).every((value) => value === GUARD));
    assertClose("xBar", actual.filter(keep), expected.filter(keep), 2 * classes);
  });
}
