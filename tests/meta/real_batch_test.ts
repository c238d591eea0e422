import assert from "node:assert/strict";
import { partOf, RealBatch, ResidentSplit } from "../../src/meta/real_batch.ts";
import { buildNet } from "../../src/nets/build.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { download } from "../support/layout.ts";
import { oddNet } from "../support/nets.ts";

const SIZE = 3 * 5 * 7;
const NORMALIZATION = { mean: [0.1, 0.3, 0.7], std: [0.2, 0.5, 0.9] };

for (const [count, part] of [[11, 4], [11, 8], [9, 9], [5, 12], [7, 3]] as const) {
  const title = `RealBatch of ${count} in parts of ${part}: images, one-hot labels`;
  gpuTest(title, async (device) => {
    const net = oddNet(device);
    const all = 13;
    const images = Uint8Array.from(random(all * SIZE, 5), (v) => Math.floor(128 * (v + 1)));
    const labels = Uint8Array.from({ length: all }, (_, n) => n * 3 % 7);
    const split = { images, labels, count: all };
    const indices = Uint32Array.from({ length: count }, (_, n) => (5 * n + 3) % all);
    const before = device.bytes;
    for (const resident of [false, true]) {
      using home = new ResidentSplit(net, split);
      using batch = new RealBatch(net, resident ? home : split, count, part, NORMALIZATION);
      const record = device.record();
      batch.record(record);
      for (const chosen of [indices.map((i) => all - 1 - i), indices]) { // the second overwrites
        batch.choose(chosen);
        record.submit();
      }
      assert.equal(batch.parts.length, Math.ceil(count / part));
      for (const wrong of [indices.subarray(1), indices.map((i, n) => n === 2 ? 13 : i)]) {
        assert.throws(() => batch.choose(wrong), {
          name: "RangeError",
          message: new RegExp(`^Cannot load a batch: got .* expected ${count} below 13`),
        });
      }
      for (const [p, { x, y }] of batch.parts.entries()) {
        const here = indices.subarray(p * part, (p + 1) * part);
        const [actual] = await download(x, 1, SIZE, part);
        const expected = new Float64Array(part * SIZE);
        const truth = new Float64Array(part * 7);
        here.forEach((index, n) => {
          truth[n * 7 + labels[index]!] = 1;
          for (let i = 0; i < SIZE; i++) {
            const c = Math.floor(i / 35);
            const value = images[index * SIZE + i]! / 255;
            expected[n * SIZE + i] = (value - NORMALIZATION.mean[c]!) / NORMALIZATION.std[c]!;
          }
        });
        assertClose(`part ${p}`, actual!, expected, 2);
        const padding = actual!.subarray(here.length * SIZE);
        assert.ok(padding.every((value) => value === 0), "images past the last are zero");
        const [oneHot] = await download(y, 1, 7, part);
        assert.deepEqual(oneHot, truth);
      }
    }
    assert.equal(device.bytes, before, "disposing frees");
  });
}

gpuTest("RealBatch of floats: as they are, from the GPU or uploaded", async (device) => {
  const net = oddNet(device);
  const images = Float32Array.from(random(5 * SIZE, 6));
  const shared = new Float32Array(new SharedArrayBuffer(images.byteLength));
  shared.set(images);
  const cases = [[false, images], [true, images], [true, shared]] as const;
  for (const [resident, source] of cases) {
    const split = { images: source, labels: Uint8Array.of(1, 2, 3, 4, 5), count: 5 };
    using home = new ResidentSplit(net, split);
    using batch = new RealBatch(net, resident ? home : split, 6, 4, NORMALIZATION);
    batch.choose(Uint32Array.of(4, 0, 3, 1, 2, 4));
    const record = device.record();
    batch.record(record);
    record.submit();
    for (const [p, indices] of [[4, 0, 3, 1], [2, 4]].entries()) {
      const [actual] = await download(batch.parts[p]!.x, 1, SIZE, 4);
      const chosen = indices.flatMap((i) => [...images.subarray(i * SIZE, (i + 1) * SIZE)]);
      const padding = new Array<number>((4 - indices.length) * SIZE).fill(0);
      assert.deepEqual([...actual!], [...chosen, ...padding]);
    }
  }
});

gpuTest("partOf gives multiples of four that fit a binding", (device) => {
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const most = device.info.limits.maxStorageBufferBindingSize!;
  const largest = 6 * 14 * 14 * 4; // bytes of what the first convolution leaves of an image
  for (const [networks, count] of [[1, 7], [3, 1000], [16, 5000], [200, 5000]] as const) {
    const part = partOf(net, networks, count, "grad");
    assert.equal(part % 4, 0);
    assert.ok(part >= 4 && part <= Math.ceil(count / 4) * 4);
    assert.ok(networks * largest * part <= most, `${networks} networks of ${part}`);
  }
  assert.equal(partOf(net, 1, 7, "grad"), 8);
  const software = device.info.profile === "software";
  assert.equal(
    partOf(net, 1, 1001, "grad"),
    software ? 256 : 1004,
    "caches bound a software adapter",
  );
  return Promise.resolve();
});

gpuTest(
  "partOf has the images fit a binding where they are larger than any activation",
  (device) => {
    const layers = [{ max_pool: { size: 4, stride: 4, pad: 0 } }, {
      dense: { outputs: "classes" },
    }] as const;
    const side = 512;
    const input = { channels: 3, height: side, width: side };
    const net = buildNet(device, layers, input, 3);
    const part = partOf(net, 1, 4096, "forward");
    const most = device.info.limits.maxStorageBufferBindingSize!;
    assert.ok(part >= 4 && 4 * 3 * side * side * part <= most, `${part}`);
    return Promise.resolve();
  },
);
