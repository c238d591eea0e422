import assert from "node:assert/strict";
import { pack } from "../../src/ops/pack.ts";
import { padded, type Planes } from "../../src/ops/op.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { download } from "../support/layout.ts";

interface Shape {
  planes: Planes;
  count: number;
}

const SHAPES: Shape[] = [
  { planes: { channels: 3, height: 5, width: 7 }, count: 6 },
  { planes: { channels: 1, height: 28, width: 28 }, count: 9 },
  { planes: { channels: 2, height: 3, width: 4 }, count: 1 },
  { planes: { channels: 1, height: 11, width: 3 }, count: 8 },
];

for (const { planes, count } of SHAPES) {
  const { channels: C, height, width } = planes;
  const size = C * height * width;
  const mean = Array.from({ length: C }, (_, c) => 0.1 + 0.2 * c);
  const std = Array.from({ length: C }, (_, c) => 0.3 + 0.15 * c);

  gpuTest(`pack ${count} of ${C}×${height}×${width}: (byte/255 − mean)/std`, async (device) => {
    const images = padded(count);
    const data = Uint8Array.from(random(count * size, 7), (v) => Math.floor(128 * (v + 1)));
    const bytes = device.tensor([Math.ceil(count * size / 4)]);
    const whole = new Uint8Array(bytes.size * 4);
    whole.set(data);
    bytes.write(whole);
    using scale = device.tensor([C, 2]);
    scale.write(Float32Array.from(mean.flatMap((m, c) => [m, std[c]!])));
    using x = device.tensor([size, images]);
    x.write(new Float32Array(x.size).fill(NaN));
    const record = device.record();
    pack(record, { bytes, scale, x }, planes, count);
    record.submit();
    const expected = Float64Array.from(data, (byte, i) => {
      const c = Math.floor(i / (height * width)) % C;
      return (byte / 255 - mean[c]!) / std[c]!;
    });
    const [actual] = await download(x, 1, size, count);
    assertClose("x", actual!, expected, 2);
    const words = await x.read();
    const rest = words.filter((_, i) => i % images >= count);
    assert.deepEqual(rest, new Float32Array(size * (images - count)), "padding images are zero");
    bytes[Symbol.dispose]();
  });
}

gpuTest("pack takes fewer images than the bytes hold", async (device) => {
  const planes = { channels: 1, height: 1, width: 4 };
  using bytes = device.tensor([3]).write(new Uint8Array(12).fill(255));
  using scale = device.tensor([2]).write(Float32Array.of(0, 0.5));
  using x = device.tensor([4, 4]);
  const record = device.record();
  pack(record, { bytes, scale, x }, planes, 2);
  record.submit();
  assert.deepEqual([...await x.read()], Array(4).fill([2, 2, 0, 0]).flat());
});
