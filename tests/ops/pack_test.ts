import assert from "node:assert/strict";
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { type Move, packImages, packLabels, packMove } from "../../src/ops/pack.ts";
import { padded, type Planes } from "../../src/layers/op.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { download } from "../support/layout.ts";

interface Shape {
  planes: Planes;
  /** Images that there are, and which of them are taken. */
  all: number;
  chosen: number[];
}

const SHAPES: Shape[] = [
  { planes: { channels: 3, height: 5, width: 7 }, all: 6, chosen: [0, 1, 2, 3, 4, 5] },
  { planes: { channels: 1, height: 28, width: 28 }, all: 5, chosen: [4, 4, 0, 2, 1, 0, 3, 4, 2] },
  { planes: { channels: 2, height: 3, width: 4 }, all: 3, chosen: [2] },
  { planes: { channels: 1, height: 11, width: 3 }, all: 9, chosen: [8, 0, 3, 3, 7, 1, 5, 2] },
];

function uploadBytes(device: Device, data: Uint8Array): Tensor {
  const whole = new Uint8Array(Math.ceil(data.length / 4) * 4);
  whole.set(data);
  return device.tensor([whole.length / 4]).write(whole);
}

/** Pads by reflection, crops, then reverses the rows: step by step, as a picture is edited. */
function cropped(image: Uint8Array, { channels, height, width }: Planes, move: Move): number[] {
  const period = <T>(items: T[]) => [...items, ...items.slice(1, -1).reverse()];
  const shifted = <T>(items: T[], by: number) => {
    const endless = period(items); // what reflections at both ends repeat
    return items.map((_, i) =>
      endless[((i + by) % endless.length + endless.length) % endless.length]!
    );
  };
  return Array.from({ length: channels }, (_, c) => {
    const rows = Array.from({ length: height }, (_, h) => {
      const start = (c * height + h) * width;
      const row = shifted([...image.subarray(start, start + width)], move.right);
      return move.flip ? row.reverse() : row;
    });
    return shifted(rows, move.down);
  }).flat(2);
}

for (const { planes, all, chosen } of SHAPES) {
  const { channels: C, height, width } = planes;
  const size = C * height * width;
  const mean = Array.from({ length: C }, (_, c) => 0.1 + 0.2 * c);
  const std = Array.from({ length: C }, (_, c) => 0.3 + 0.15 * c);
  const count = chosen.length;

  gpuTest(`packImages ${chosen} of ${C}×${height}×${width}: normalised`, async (device) => {
    const data = Uint8Array.from(random(all * size, 7), (v) => Math.floor(128 * (v + 1)));
    using bytes = uploadBytes(device, data);
    using indices = device.tensor([count]).write(Uint32Array.from(chosen));
    using scale = device.tensor([C, 2]);
    scale.write(Float32Array.from(mean.flatMap((m, c) => [m, std[c]!])));
    using x = device.tensor([size, padded(count)]);
    x.write(new Float32Array(x.size).fill(NaN));
    const record = device.record();
    packImages(record, { bytes, indices }, { scale, x }, planes);
    record.submit();
    const expected = Float64Array.from({ length: count * size }, (_, i) => {
      const c = Math.floor(i / (height * width)) % C;
      const byte = data[chosen[Math.floor(i / size)]! * size + i % size]!;
      return (byte / 255 - mean[c]!) / std[c]!;
    });
    const [actual] = await download(x, 1, size, count);
    assertClose("x", actual!, expected, 2);
    const rest = (await x.read()).filter((_, i) => i % padded(count) >= count);
    assert.ok(rest.every((value) => value === 0), "padding images are zero");
  });

  gpuTest(`packImages ${chosen} of ${C}×${height}×${width}: floats as they are`, async (device) => {
    const data = Float32Array.from(random(all * size, 9));
    using bytes = device.tensor([data.length]).write(data);
    using indices = device.tensor([count]).write(Uint32Array.from(chosen));
    using scale = device.tensor([C, 2]).write(new Float32Array(2 * C).fill(7));
    using moves = device.tensor([count]).write(new Uint32Array(count));
    using x = device.tensor([size, padded(count)]);
    for (const to of [{ scale, x }, { scale, x, moves }]) {
      x.write(new Float32Array(x.size).fill(NaN));
      const record = device.record();
      packImages(record, { bytes, indices, floats: true }, to, planes);
      record.submit();
      const values = await x.read();
      values.forEach((value, i) => {
        const [at, n] = [Math.floor(i / padded(count)), i % padded(count)];
        assert.equal(value, n < count ? data[chosen[n]! * size + at] : 0);
      });
    }
  });

  gpuTest(`packImages ${chosen} of ${C}×${height}×${width}: moved and flipped`, async (device) => {
    const data = Uint8Array.from(random(all * size, 8), (v) => Math.floor(128 * (v + 1)));
    using bytes = uploadBytes(device, data);
    using indices = device.tensor([count]).write(Uint32Array.from(chosen));
    using scale = device.tensor([C, 2]);
    scale.write(Float32Array.from(mean.flatMap((m, c) => [m, std[c]!])));
    const how = chosen.map((_, n): Move => ({
      down: (3 * n + 1) % (2 * height - 1) - (height - 1), // all that a border reflects
      right: (5 * n + 2) % (2 * width - 1) - (width - 1),
      flip: n % 3 !== 1,
    }));
    using moves = device.tensor([count]).write(Uint32Array.from(how, packMove));
    using x = device.tensor([size, padded(count)]);
    x.write(new Float32Array(x.size).fill(NaN));
    const record = device.record();
    packImages(record, { bytes, indices }, { scale, x, moves }, planes);
    record.submit();
    const expected = new Float64Array(count * size);
    chosen.forEach((index, n) => {
      const image = data.subarray(index * size, (index + 1) * size);
      const moved = cropped(image, planes, how[n]!);
      moved.forEach((byte, i) => {
        const c = Math.floor(i / (height * width));
        expected[n * size + i] = (byte / 255 - mean[c]!) / std[c]!;
      });
    });
    const [actual] = await download(x, 1, size, count);
    assertClose("x", actual!, expected, 2);
    const rest = (await x.read()).filter((_, i) => i % padded(count) >= count);
    assert.ok(rest.every((value) => value === 0), "padding images are zero");
  });

  gpuTest(`packLabels ${chosen}: one-hot`, async (device) => {
    const labels = Uint8Array.from({ length: all }, (_, n) => n * 3 % 7);
    using bytes = uploadBytes(device, labels);
    using indices = device.tensor([count]).write(Uint32Array.from(chosen));
    using y = device.tensor([7, padded(count)]);
    y.write(new Float32Array(y.size).fill(NaN));
    const record = device.record();
    packLabels(record, { bytes, indices }, { y }, 7);
    record.submit();
    const expected = new Float32Array(y.size);
    chosen.forEach((i, n) => expected[labels[i]! * padded(count) + n] = 1);
    assert.deepEqual(await y.read(), expected);
  });
}
