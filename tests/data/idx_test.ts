// parseIdx: plain and gzip files of any rank, and every way a file can be wrong.
import assert from "node:assert/strict";
import { parseIdx } from "../../src/data/idx.ts";
import { gzip, idxBytes } from "./idx_files.ts";

Deno.test("parseIdx reads files of rank 1, 3 and 4", () => {
  for (const dims of [[5], [2, 3, 4], [2, 1, 3, 2]]) {
    const size = dims.reduce((product, n) => product * n, 1);
    const data = Uint8Array.from({ length: size }, (_, index) => 255 - index);
    assert.deepEqual(parseIdx(idxBytes(dims, data), "a.idx"), { dims, data });
  }
});

Deno.test("parseIdx reads a view that starts inside its buffer", () => {
  const padded = new Uint8Array([9, 9, 9, ...idxBytes([2], [6, 7]), 9]);
  const { data } = parseIdx(padded.subarray(3, 13), "a.idx");
  assert.deepEqual([...data], [6, 7]);
});

Deno.test("parseIdx gunzips", async () => {
  const { dims, data } = parseIdx(await gzip(idxBytes([3], [1, 2, 3])), "a.gz");
  assert.deepEqual(dims, [3]);
  assert.deepEqual([...data], [1, 2, 3]);
});

Deno.test("parseIdx refuses what is not a whole unsigned-byte IDX file", () => {
  const good = idxBytes([2, 3], [1, 2, 3, 4, 5, 6]);
  const cases: [Uint8Array, string, RegExp][] = [
    [Uint8Array.of(1, 0, 8, 1), "SyntaxError", /Cannot read a\.idx: got the magic 01 00 08 01/],
    [good.with(1, 7), "SyntaxError", /got the magic 00 07 08 02, expected 00 00 08/],
    [good.with(2, 0x0d), "SyntaxError", /got the element type 0x0d and rank 2, expected 0x08/],
    [Uint8Array.of(0, 0, 8, 0), "SyntaxError", /rank 0, expected .* rank 1 to 4/],
    [good.with(3, 255), "SyntaxError", /rank 255, expected .* rank 1 to 4/],
    [new Uint8Array(), "RangeError", /got 0 bytes, expected an IDX header/],
    [good.slice(0, 3), "RangeError", /got 3 bytes, expected an IDX header/],
    [good.slice(0, 11), "RangeError", /got 11 bytes, expected a header of 12 bytes for rank 2/],
    [good.slice(0, -1), "RangeError", /got 5 bytes of data, expected 6 .*\[2, 3\]; .*truncated/],
    [Uint8Array.of(...good, 0), "RangeError", /got 7 bytes of data, expected 6 .*trailing bytes/],
  ];
  for (const [bytes, name, message] of cases) {
    assert.throws(() => parseIdx(bytes, "a.idx"), { name, message });
  }
});

Deno.test("parseIdx refuses a corrupt gzip stream", async () => {
  const zipped = await gzip(idxBytes([4], [1, 2, 3, 4]));
  const checksum = zipped.length - 8;
  const corrupt = [
    zipped.slice(0, -9),
    zipped.with(checksum, zipped[checksum]! ^ 0xff),
    zipped.with(10, 0x07),
  ];
  for (const bytes of corrupt) {
    assert.throws(() => parseIdx(bytes, "a.gz"), {
      name: "SyntaxError",
      message: /^Cannot read a\.gz: got a corrupt gzip stream, expected a whole one; fetch/,
    });
  }
});

Deno.test("parseIdx inflates no more than the header tells", async () => {
  const zeros = new Uint8Array(2e8);
  const bomb = await gzip(idxBytes([3], zeros));
  const before = Deno.memoryUsage().rss;
  assert.throws(() => parseIdx(bomb, "a.gz"), {
    name: "RangeError",
    message:
      /^Cannot read a\.gz: got more bytes of data, expected 3 for the shape \[3\]; the file has/,
  });
  const lying = await gzip(idxBytes([4e9, 4e9], [1, 2]));
  assert.throws(() => parseIdx(lying, "a.gz"), {
    name: "RangeError",
    message: /got the shape \[4000000000, 4000000000\], expected at most 4\.0 GB of data; fetch/,
  });
  const smaller = await gzip(idxBytes([6e4, 6e4], [1, 2]));
  assert.throws(() => parseIdx(smaller, "a.gz"), {
    name: "RangeError",
    message: /got at most \d+ bytes of data, expected 3600000000 for .*truncated/,
  });
  // Long enough that it may inflate to what it tells.
  const large = new Uint8Array(5e6);
  large.set(await gzip(idxBytes([65536, 65537], [])));
  assert.throws(() => parseIdx(large, "a.gz"), { message: /\[65536, 65537\], expected at most 4/ });
  assert.ok(Deno.memoryUsage().rss - before < 1e8, "memory of what is not there");
  const short = await gzip(idxBytes([4], [1, 2]));
  assert.throws(() => parseIdx(short, "a.gz"), { message: /got 2 bytes of data, expected 4 for/ });
});
