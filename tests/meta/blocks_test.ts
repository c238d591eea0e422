import assert from "node:assert/strict";
import { Blocks } from "../../src/meta/blocks.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";

for (const [blocks, rows, count] of [[3, 7, 5], [2, 65, 9], [4, 1, 1], [1, 33, 8]] as const) {
  gpuTest(`Blocks [${blocks} · ${count}, ${rows}]: what is written is read`, async (device) => {
    using all = new Blocks(device, "numbers", blocks, rows, count);
    const data = Float32Array.from(random(blocks * rows * count, 3));
    assert.equal(all.length, data.length);
    all.all.write(new Float32Array(all.all.size).fill(NaN)); // padding must be written too
    all.write(data);
    assert.deepEqual(await all.read(), data);
  });

  gpuTest(`Blocks [${blocks} · ${count}, ${rows}]: images innermost, padding 0`, async (device) => {
    using all = new Blocks(device, "numbers", blocks, rows, count);
    const data = Float32Array.from(random(blocks * rows * count, 4));
    all.all.write(new Float32Array(all.all.size).fill(NaN));
    all.write(data);
    const images = Math.ceil(count / 4) * 4;
    assert.deepEqual([all.stride % 64, all.each.length], [0, blocks]);
    for (const [block, view] of all.each.entries()) {
      assert.deepEqual(view.shape, [rows, images]);
      const expected = new Float32Array(rows * images);
      for (let n = 0; n < count; n++) {
        for (let i = 0; i < rows; i++) {
          expected[i * images + n] = data[(block * count + n) * rows + i]!;
        }
      }
      assert.deepEqual(await view.read(), expected, `block ${block}`);
    }
    const words = await all.all.read();
    const between = words.filter((_, i) => i % all.stride >= rows * images);
    assert.ok(between.every((value) => value === 0), "between blocks");
  });
}

gpuTest("Blocks: disposing frees", (device) => {
  const before = device.bytes;
  {
    using blocks = new Blocks(device, "numbers", 2, 65, 9);
    assert.equal(device.bytes - before, 2 * blocks.stride * 4);
  }
  assert.equal(device.bytes, before);
  return Promise.resolve();
});
