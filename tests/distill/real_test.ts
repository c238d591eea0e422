import assert from "node:assert/strict";
import { partOf, RealBatch } from "../../src/distill/real.ts";
import { lenet } from "../../src/nets/lenet.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { download } from "../support/layout.ts";
import { oddNet } from "../support/nets.ts";

const SIZE = 3 * 5 * 7;
const NORMALIZATION = { mean: [0.1, 0.3, 0.7], std: [0.2, 0.5, 0.9] };

for (const [count, part] of [[11, 4], [11, 8], [9, 9], [5, 12], [7, 3]] as const) {
  gpuTest(`RealBatch of ${count} in parts of ${part}: images, one-hot labels`, async (device) => {
    const net = oddNet(device);
    const bytes = Uint8Array.from(random(count * SIZE, 5), (v) => Math.floor(128 * (v + 1)));
    const labels = Uint8Array.from({ length: count }, (_, n) => n * 3 % 7);
    const before = device.bytes;
    {
      using batch = new RealBatch(net, count, part, NORMALIZATION);
      for (let run = 0; run < 2; run++) { // the second overwrites the first
        const record = device.record();
        const [i, l] = run === 0
          ? [bytes.map((b) => 255 - b), labels.map((v) => 6 - v)]
          : [bytes, labels];
        batch.load(record, i, l);
        record.submit();
      }
      assert.equal(batch.parts.length, Math.ceil(count / part));
      for (const [p, { x, y }] of batch.parts.entries()) {
        const here = Math.min(part, count - p * part);
        const [images] = await download(x, 1, SIZE, part);
        const expected = new Float64Array(part * SIZE);
        for (let i = 0; i < here * SIZE; i++) {
          const c = Math.floor(i / 35) % 3;
          const value = bytes[p * part * SIZE + i]! / 255;
          expected[i] = (value - NORMALIZATION.mean[c]!) / NORMALIZATION.std[c]!;
        }
        assertClose(`part ${p}`, images!, expected, 2);
        const padding = images!.subarray(here * SIZE);
        assert.ok(padding.every((value) => value === 0), "images past the last are zero");
        const [oneHot] = await download(y, 1, 7, part);
        const truth = new Float64Array(part * 7);
        for (let n = 0; n < here; n++) truth[n * 7 + labels[p * part + n]!] = 1;
        assert.deepEqual(oneHot, truth);
      }
    }
    assert.equal(device.bytes, before, "disposing frees");
  });
}

gpuTest("partOf gives multiples of four that fit a binding", (device) => {
  const net = lenet(device, { channels: 1, height: 28, width: 28 }, 10);
  const most = device.info.limits.maxStorageBufferBindingSize!;
  const largest = 6 * 28 * 28 * 4;
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
