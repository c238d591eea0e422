// encodeGrid: where each image lands, how it is stretched, and captions that stay on the page.
import assert from "node:assert/strict";
import { decode, type DecodedPng } from "fast-png";
import { encodeGrid, type Grid } from "../../src/report/grid.ts";

const MARGIN = 16;
const CAPTION = 16 + 6; // one line and the gap below it
const HEAD = 16 + 6; // and of a line of heads
const PAPER = 250;
const INK = 32;

Deno.test("encodeGrid stretches each image by its own contrast", () => {
  // mean 0, σ = √(2/4): ±1 is 127.5 ± 127.5 / (2.5 σ), whatever the offset and the scale.
  const images = Float32Array.of(-1, 0, 0, 1, 8, 10, 10, 12, 5, 5, 5, 5);
  const grid = { ...small({ rows: 1, columns: 3 }), images };
  const png = decode(encodeGrid(grid));
  const reach = 127.5 / (2.5 * Math.SQRT1_2);
  const top = MARGIN + CAPTION;
  for (const image of [0, 1]) {
    const left = MARGIN + image * 90;
    assert.equal(pixel(png, left, top)[0], Math.round(127.5 - reach));
    assert.equal(pixel(png, left + 83, top + 83)[0], Math.round(127.5 + reach));
  }
  assert.equal(pixel(png, MARGIN + 180, top)[0], 128);
  assert.equal(pixel(png, MARGIN + 84, top)[0], PAPER);
});

Deno.test("encodeGrid clips beyond 2.5 standard deviations", () => {
  const images = new Float32Array(100);
  images[0] = 1e6;
  images[99] = -1e6;
  const png = decode(
    encodeGrid({ ...small({ rows: 1, columns: 1 }), height: 10, width: 10, images }),
  );
  assert.equal(pixel(png, MARGIN, MARGIN + CAPTION)[0], 255);
  assert.equal(pixel(png, MARGIN + 79, MARGIN + CAPTION + 79)[0], 0);
});

Deno.test("encodeGrid keeps colours and un-normalises each channel", () => {
  // Red 0, 4 · 0.5 = 2; green and blue constant 1: mean 1, σ = √(2/6).
  const images = Float32Array.of(0, 4, 1, 1, 0, 0);
  const grid = {
    ...small({ rows: 1, columns: 1 }),
    images,
    channels: 3,
    height: 1,
    mean: [0, 0, 1],
    std: [0.5, 1, 9],
  };
  const png = decode(encodeGrid(grid));
  assert.equal(png.channels, 3);
  const reach = 127.5 / (2.5 * Math.sqrt(1 / 3));
  const low = Math.round(127.5 - reach);
  const high = Math.round(127.5 + reach);
  assert.deepEqual(pixel(png, MARGIN, MARGIN + CAPTION), [low, 128, 128]);
  assert.deepEqual(pixel(png, MARGIN + 83, MARGIN + CAPTION), [high, 128, 128]);
});

Deno.test("encodeGrid puts the rows under their captions and the title above", () => {
  const plain = small({ rows: 2, columns: 2 });
  const png = decode(encodeGrid(plain));
  assert.deepEqual([png.width, png.height], [420 + 32, 32 + 2 * (CAPTION + 84) + 18]);
  const bare = decode(encodeGrid({ ...plain, captions: ["", ""] }));
  assert.equal(bare.height, 32 + 2 * 84 + 18);
  const titled = decode(encodeGrid({ ...plain, title: "MNIST" }));
  assert.equal(titled.height, png.height + 24 + 18);
  assert.equal(inkRows(titled, 0, MARGIN), 0);
  assert.ok(inkRows(titled, MARGIN, MARGIN + 24) > 15);
});

Deno.test("encodeGrid: heads over the first row, each in the middle of its columns", () => {
  const plain = small({ rows: 2, columns: 4 });
  const heads = ["0", "0", "11", "11"];
  const png = decode(encodeGrid({ ...plain, heads }));
  assert.equal(png.height, decode(encodeGrid(plain)).height + HEAD);
  const top = MARGIN + CAPTION;
  const inked = inkColumns(png, top, top + 16);
  const middle = (first: number) => MARGIN + first * 90 + 87; // of two columns
  const isNear = (x: number, first: number) => Math.abs(x - middle(first)) <= 12;
  assert.ok(inked.every((x) => isNear(x, 0) || isNear(x, 2)));
  assert.ok(inked.some((x) => isNear(x, 0)) && inked.some((x) => isNear(x, 2)));
  const shifted = decode(encodeGrid({ ...plain, heads: ["0", "0", "0", "11"] }));
  assert.notDeepEqual(inkColumns(shifted, top, top + 16), inked);
});

Deno.test("encodeGrid: heads over every line of columns that wrap", () => {
  const grid = { ...small({ rows: 2, columns: 48 }), heads: new Array<string>(48).fill("a") };
  const bare = decode(encodeGrid(small({ rows: 2, columns: 48 })));
  assert.equal(decode(encodeGrid(grid)).height, bare.height + 2 * 2 * HEAD);
});

Deno.test("encodeGrid: labels under images, smaller where they are too long", () => {
  const plain = small({ rows: 2, columns: 5 });
  const heightOf = (label: string) =>
    decode(encodeGrid({ ...plain, labels: new Array<string>(10).fill(label) })).height;
  const { height } = decode(encodeGrid(plain));
  assert.equal(heightOf("7 62%"), height + 2 * (4 + 16));
  assert.equal(heightOf("7 62.1234%"), height + 2 * (4 + 8));
  assert.equal(heightOf("a".repeat(99)), height + 2 * (4 + 8));
  const top = MARGIN + CAPTION + 84 + 4;
  const labels = ["", "", "7", "", "", "", "", "", "", ""];
  const inked = inkColumns(decode(encodeGrid({ ...plain, labels })), top, top + 16);
  assert.ok(inked.length > 3 && inked.every((x) => x >= MARGIN + 180 && x < MARGIN + 264));
});

Deno.test("encodeGrid in system type: an SVG of the pixels and of the lines", () => {
  const grid: Grid = {
    ...small({ rows: 1, columns: 2 }),
    title: "a < b & ü",
    heads: ["四", "zwölf"],
  };
  const svg = new TextDecoder().decode(encodeGrid({ ...grid, type: "system" }));
  const [, inside] = /href="data:image\/png;base64,([^"]+)"/.exec(svg) ?? assert.fail(svg);
  const png = decode(Uint8Array.fromBase64(inside!));
  assert.deepEqual([png.width, png.height], sizeOf(svg));
  assert.deepEqual(sizeOf(svg), [420 + 32, decode(encodeGrid(grid)).height]);
  assert.equal(inkRows(png, 0, png.height), 0); // the lines are no pixels
  const texts = [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, text]) => text);
  assert.deepEqual(texts, ["a &lt; b &amp; ü", "a", "四", "zwölf"]);
});

Deno.test("encodeGrid wraps long captions inside the margins", () => {
  const caption = "step 1: η " + "0.0213 ".repeat(40);
  const png = decode(encodeGrid({ ...small({ rows: 1, columns: 1 }), captions: [caption] }));
  assert.equal(png.height, 32 + 9 * 22 + 84); // nine lines of at most 35 letters
  for (let y = 0; y < png.height; y++) {
    for (let x = 0; x < MARGIN; x++) {
      assert.equal(pixel(png, x, y)[0], PAPER);
      assert.equal(pixel(png, png.width - 1 - x, y)[0], PAPER);
    }
  }
});

Deno.test("encodeGrid enlarges to about 84 pixels, less for more than 12 columns", () => {
  const width = (columns: number, size: number) => {
    const grid = { ...small({ rows: 1, columns }), height: size, width: size };
    return decode(encodeGrid({ ...grid, images: new Float32Array(columns * size * size) })).width;
  };
  assert.equal(width(12, 28), 32 + 12 * 90 - 6);
  assert.equal(width(12, 32), 32 + 12 * 102 - 6);
  assert.equal(width(24, 28), 32 + 24 * (2 * 28 + 6) - 6);
  assert.equal(width(10, 200), 32 + 10 * 206 - 6);
});

Deno.test("encodeGrid wraps rows of more than 24 images, evenly where it can", () => {
  const size = (columns: number) => {
    const grid = { ...small({ rows: 2, columns }), height: 28, width: 28 };
    const images = new Float32Array(2 * columns * 784).map((_, i) => +(i % 784 < 28));
    const png = decode(encodeGrid({ ...grid, images }));
    return [png, (png.width - 32 + 6) / 62, (png.height - 32 - 18) / 2 - CAPTION + 6] as const;
  };
  const [png, across, height] = size(100);
  assert.deepEqual([across, height], [20, 5 * 62]);
  const last = MARGIN + CAPTION + 4 * 62; // of the first step; its images have a bright upper edge
  assert.ok(pixel(png, MARGIN + 19 * 62, last)[0]! > 200);
  assert.ok(pixel(png, MARGIN + 19 * 62, last + 4)[0]! < 128);
  const [odd, most, lines] = size(25);
  assert.deepEqual([most, lines], [24, 2 * 62]);
  assert.equal(pixel(odd, MARGIN + 62, MARGIN + CAPTION + 62)[0], PAPER);
});

Deno.test("encodeGrid refuses sizes that do not fit and pixels that are not finite", () => {
  const good = small({ rows: 2, columns: 2 });
  const cases: [Partial<Grid>, RegExp][] = [
    [{ rows: 0 }, /Cannot draw a grid: got 0×2 images of \[1, 2, 2\], expected positive integers/],
    [{ columns: 1.5 }, /got 2×1.5 images/],
    [{ channels: 2 }, /got 2×2 images of \[2, 2, 2\], expected .* 1 or 3 channels/],
    [{ images: new Float32Array(15) }, /got 15 pixels, expected 16/],
    [{ captions: ["one"] }, /got 1 captions, expected 2/],
    [{ heads: ["a"] }, /got 1 heads, expected 2/],
    [{ labels: [] }, /got 0 labels, expected 4/],
    [{ mean: [] }, /got 0 means, expected 1/],
    [{ std: [1, 2] }, /got 2 standard deviations, expected 1/],
    [{ images: new Float32Array(16).fill(NaN, 5) }, /got the pixel NaN at index 5, .* diverged/],
  ];
  for (const [part, message] of cases) {
    assert.throws(() => encodeGrid({ ...good, ...part }), { name: "RangeError", message });
  }
});

/** A grid of grey 2×2 images of zeros, each row captioned "a". */
function small({ rows, columns }: { rows: number; columns: number }): Grid {
  return {
    images: new Float32Array(rows * columns * 4),
    rows,
    columns,
    channels: 1,
    height: 2,
    width: 2,
    mean: [0.1],
    std: [0.3],
    captions: new Array<string>(rows).fill("a"),
  };
}

function pixel(png: DecodedPng, x: number, y: number): number[] {
  const start = (y * png.width + x) * png.channels;
  return [...png.data.slice(start, start + png.channels)];
}

/** How many of the rows from `top` to below `bottom` have ink on them. */
function inkRows(png: DecodedPng, top: number, bottom: number): number {
  let rows = 0;
  for (let y = top; y < bottom; y++) {
    if (png.data.subarray(y * png.width, (y + 1) * png.width).includes(INK)) rows++;
  }
  return rows;
}

/** Which columns have ink on them in the rows from `top` to below `bottom`. */
function inkColumns(png: DecodedPng, top: number, bottom: number): number[] {
  return Array.from({ length: png.width }, (_, x) => x).filter((x) => {
    for (let y = top; y < bottom; y++) if (pixel(png, x, y)[0] === INK) return true;
    return false;
  });
}

/** The width and height that an SVG begins with. */
function sizeOf(svg: string): number[] {
  const [, width, height] = /^<svg [^>]*? width="(\d+)" height="(\d+)"/.exec(svg)!;
  return [Number(width), Number(height)];
}
