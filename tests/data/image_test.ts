// Images: PNG and JPEG files of all kinds, damaged ones, resizing and colours.
import assert from "node:assert/strict";
import { encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import { Buffer } from "node:buffer";
import { crc32, deflateSync } from "node:zlib";
import { decodeImage, fit, type Image } from "../../src/data/image.ts";

const [HEIGHT, WIDTH] = [3, 5];
const SIZE = HEIGHT * WIDTH;

/** Interleaved pixels, of which no two channels are alike. */
function pixels(channels: number): Uint8Array {
  return Uint8Array.from({ length: SIZE * channels }, (_, i) => (i * 53 + 7) % 256);
}

/** The channels of interleaved pixels one after the other. */
function planes(data: ArrayLike<number>, channels: number, kept: number): number[] {
  return Array.from(
    { length: kept * SIZE },
    (_, i) => data[i % SIZE * channels + Math.floor(i / SIZE)]!,
  );
}

for (const [channels, kept] of [[1, 1], [2, 1], [3, 3], [4, 3]] as const) {
  Deno.test(`decodeImage reads PNG of ${channels} × 8 and 16 bits`, () => {
    const data = pixels(channels);
    const form = { height: HEIGHT, width: WIDTH, channels };
    const image = decodeImage(encodePng({ data, ...form, depth: 8 }), "a.png");
    assert.deepEqual({ ...image, data: [...image.data] }, {
      ...form,
      channels: kept,
      data: planes(data, channels, kept),
    });
    const wide = Uint16Array.from(data, (byte) => byte * 256 + 255 - byte);
    const same = decodeImage(encodePng({ data: wide, ...form, depth: 16 }), "a.png");
    assert.deepEqual(same, image);
  });
}

Deno.test("decodeImage reads PNG of few bits and with a palette", () => {
  const rows = Uint8Array.of(0, 0b01_10_11_00, 0b10_000000, 0, 0b11_00_01_10, 0b00_000000);
  const grey = decodeImage(handmadePng(5, 2, 2, 0, rows), "a.png");
  assert.deepEqual([...grey.data], [85, 170, 255, 0, 170, 255, 0, 85, 170, 0]);
  const palette = Uint8Array.of(1, 2, 3, 10, 20, 30, 100, 110, 120, 200, 210, 220);
  const colour = decodeImage(handmadePng(5, 2, 2, 3, rows, palette), "a.png");
  assert.deepEqual([colour.channels, colour.height, colour.width], [3, 2, 5]);
  assert.deepEqual([...colour.data.slice(0, 5)], [10, 100, 200, 1, 100]);
  assert.deepEqual([...colour.data.slice(20)], [30, 120, 220, 3, 120, 220, 3, 30, 120, 3]);
});

Deno.test("decodeImage reads JPEG, within what its compression loses", () => {
  const [height, width] = [16, 24];
  const rgba = new Uint8Array(height * width * 4).fill(255);
  for (let h = 0; h < height; h++) {
    for (let v = 0; v < width; v++) rgba.set([40 + 8 * h, 30 + 6 * v, 100], (h * width + v) * 4);
  }
  const { data } = encodeJpeg({ data: rgba, height, width }, 95);
  const image = decodeImage(data, "a.jpg");
  assert.deepEqual([image.channels, image.height, image.width], [3, height, width]);
  let worst = 0;
  image.data.forEach((byte, i) => {
    const wanted = rgba[i % (height * width) * 4 + Math.floor(i / (height * width))]!;
    worst = Math.max(worst, Math.abs(byte - wanted));
  });
  assert.ok(worst <= 8, `off by ${worst}`);
});

Deno.test("decodeImage refuses damaged images and other files", () => {
  const png = encodePng({ data: pixels(3), height: HEIGHT, width: WIDTH, channels: 3, depth: 8 });
  const rgba = new Uint8Array(32 * 32 * 4).map((_, i) => i * 31);
  const jpeg = new Uint8Array(encodeJpeg({ data: rgba, height: 32, width: 32 }, 90).data);
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  const preview = [0xff, 0xe1, (jpeg.length + 2) >> 8, (jpeg.length + 2) & 255, ...jpeg];
  const withPreview = Uint8Array.of(...jpeg.subarray(0, 2), ...preview, ...jpeg.subarray(2));
  assert.deepEqual(decodeImage(withPreview, "a"), decodeImage(jpeg, "a"));
  const cases: [Uint8Array, RegExp][] = [
    [
      png.slice(0, 40),
      /^Cannot read a: got a damaged PNG image, expected a whole one of at most 64.0 MB of pixels; fetch/,
    ],
    [png.with(50, png[50]! ^ 1), /got a damaged PNG image, /],
    [jpeg.slice(0, -2), /got a damaged JPEG image/],
    [withPreview.slice(0, -2), /got a damaged JPEG image/],
    [jpeg.slice(0, 200), /got a damaged JPEG image/],
    [jpeg.with(frame + 1, 0xc7), /got a damaged JPEG image/],
    [Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /got a damaged JPEG image/],
    [new TextEncoder().encode("GIF89a"), /got 6 bytes that start with 47 49 46 38, expected a PNG/],
    [new Uint8Array(), /got 0 bytes that start with , expected a PNG or JPEG image; convert it/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeImage(bytes, "a"), { name: "SyntaxError", message });
  }
});

Deno.test("decodeImage allocates no more than the pixels that a header may have", () => {
  const row = Uint8Array.of(0, 1, 2, 3);
  const good = handmadePng(1, 1, 8, 2, row);
  assert.deepEqual([...decodeImage(good, "a").data], [1, 2, 3]);
  const flat = new Uint8Array(2e8);
  const profile = Buffer.concat([Buffer.from("a\0\0"), deflateSync(flat)]);
  const withProfile = Buffer.concat([
    good.subarray(0, 33),
    chunk("iCCP", profile),
    good.subarray(33),
  ]);
  const before = Deno.memoryUsage().rss;
  assert.deepEqual([...decodeImage(withProfile, "a").data], [1, 2, 3]);
  const bombs = [
    handmadePng(1, 0, 8, 2, row),
    handmadePng(0, 1, 8, 2, row),
    handmadePng(2 ** 31 - 1, 2 ** 31 - 1, 8, 2, row),
    handmadePng(9000, 9000, 8, 0, row),
    handmadePng(1, 1, 8, 2, flat),
    handmadePng(1, 1, 8, 2, row.subarray(0, 3)),
    handmadePng(1, 1, 3, 2, row),
    handmadePng(1, 1, 8, 5, row),
  ];
  for (const bytes of bombs) {
    assert.throws(() => decodeImage(bytes, "a"), { message: /^Cannot read a: got a damaged PNG / });
  }
  const rgba = new Uint8Array(16 * 16 * 4);
  const jpeg = new Uint8Array(encodeJpeg({ data: rgba, height: 16, width: 16 }, 90).data);
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  for (const [height, width] of [[0, 16], [16, 0], [65535, 65535], [8000, 8000]] as const) {
    const sizes = [height >> 8, height & 255, width >> 8, width & 255];
    const bytes = new Uint8Array(jpeg);
    bytes.set(sizes, frame + 5);
    assert.throws(() => decodeImage(bytes, "a"), {
      message: /^Cannot read a: got a damaged JPEG /,
    });
  }
  assert.ok(Deno.memoryUsage().rss - before < 1e8, "memory of pixels that are not there");
});

Deno.test("decodeImage counts the bytes that the pixels of a PNG become", () => {
  const row = new Uint8Array(1);
  const colours = Uint8Array.of(1, 2, 3);
  const cases: [Uint8Array, string][] = [
    [handmadePng(4096, 4096, 16, 6, row), "4096 × 4096 pixels of 134217728 bytes"],
    [handmadePng(4730, 4730, 8, 2, row), "4730 × 4730 pixels of 67118700 bytes"],
    [handmadePng(4730, 4730, 1, 3, row, colours), "4730 × 4730 pixels of 67118700 bytes"],
    [handmadePng(8193, 8192, 1, 0, row), "8193 × 8192 pixels of 67117056 bytes"],
    [handmadePng(8192, 8192, 1, 0, row), "1 bytes of rows for 8192 × 8192 pixels"], // within the limit
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => decodeImage(bytes, "a"), (error: Error) => {
      assert.equal((error.cause as Error).message, message);
      return true;
    });
  }
});

Deno.test("fit leaves images that fit as they are", () => {
  const image = { channels: 1, height: 3, width: 3, data: new Uint8Array(9) };
  assert.equal(fit(image, {}), image);
  assert.equal(fit(image, { size: 3, channels: 1 }), image);
});

Deno.test("fit turns grey into colour and back, and colour into its luma", () => {
  const grey: Image = { channels: 1, height: 1, width: 3, data: Uint8Array.of(0, 130, 255) };
  const colour = fit(grey, { channels: 3 });
  assert.deepEqual([...colour.data], [0, 130, 255, 0, 130, 255, 0, 130, 255]);
  assert.deepEqual(fit(colour, { channels: 1 }), grey);
  const primaries = { ...grey, channels: 3, data: Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255) };
  assert.deepEqual([...fit(primaries, { channels: 1 }).data], [76, 150, 29]);
  const two = { ...grey, channels: 2, data: new Uint8Array(6) };
  assert.throws(() => fit(two, { channels: 3 }), {
    name: "RangeError",
    message: /^Cannot convert colours: got images of 2 channels, expected 1 or 3/,
  });
});

Deno.test("fit resizes bilinearly: USPS's 16 to 28, up and down, by the formula", () => {
  for (const [height, width, size, channels] of [[16, 16, 28, 1], [5, 9, 7, 3], [28, 20, 9, 2]]) {
    const length = channels! * height! * width!;
    const data = Uint8Array.from({ length }, (_, i) => (i * 97 + i * i) % 256);
    const image = { channels: channels!, height: height!, width: width!, data };
    const resized = fit(image, { size });
    assert.deepEqual([resized.channels, resized.height, resized.width], [channels, size, size]);
    for (let c = 0; c < channels!; c++) {
      for (let h = 0; h < size!; h++) {
        for (let v = 0; v < size!; v++) {
          const wanted = interpolated(image, size!, c, h, v);
          const got = resized.data[(c * size! + h) * size! + v]!;
          assert.ok(Math.abs(got - wanted) <= 0.5 + 1e-9, `${c} ${h} ${v}: ${got} for ${wanted}`);
        }
      }
    }
  }
});

Deno.test("fit pads after resizing: USPS's 16 in MNIST's geometry, 20 in a frame of 4", () => {
  for (const channels of [1, 3]) {
    const length = channels * 16 * 16;
    const data = Uint8Array.from({ length }, (_, i) => 1 + (i * 89 + i * i) % 255);
    const image = { channels, height: 16, width: 16, data };
    const padded = fit(image, { size: 20, pad: 4 });
    assert.deepEqual([padded.channels, padded.height, padded.width], [channels, 28, 28]);
    const inner = fit(image, { size: 20 }).data;
    const expected = Array.from({ length: channels * 784 }, (_, i) => {
      const [c, h, v] = [Math.floor(i / 784), Math.floor(i % 784 / 28) - 4, i % 28 - 4];
      const isInside = Math.min(h, v) >= 0 && Math.max(h, v) < 20;
      return isInside ? inner[(c * 20 + h) * 20 + v] : 0;
    });
    assert.deepEqual([...padded.data], expected);
  }
  const wide: Image = { channels: 1, height: 1, width: 2, data: Uint8Array.of(7, 8) };
  const framed = [0, 0, 0, 0, 0, 7, 8, 0, 0, 0, 0, 0];
  assert.deepEqual(fit(wide, { pad: 1 }), {
    channels: 1,
    height: 3,
    width: 4,
    data: Uint8Array.from(framed),
  });
  assert.equal(fit(wide, { pad: 0 }), wide);
});

/** Mean over all pixels by a triangle as wide as a new pixel, or as an old one where that is wider. */
function interpolated(
  { height, width, data }: Image,
  size: number,
  c: number,
  h: number,
  v: number,
) {
  const triangle = (old: number, made: number, from: number) => {
    const scale = from / size;
    return Math.max(0, 1 - Math.abs(old + 0.5 - (made + 0.5) * scale) / Math.max(1, scale));
  };
  let [sum, weights] = [0, 0];
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const w = triangle(i, h, height) * triangle(j, v, width);
      sum += w * data[(c * height + i) * width + j]!;
      weights += w;
    }
  }
  return sum / weights;
}

/** A PNG of whole rows, each after its filter byte, which the encoder cannot make. */
function handmadePng(
  width: number,
  height: number,
  depth: number,
  type: number,
  rows: Uint8Array,
  palette?: Uint8Array,
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, type, 0, 0, 0], 8);
  return Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", palette)] : []),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
