// openParquet: the columns of images and labels, the rows, and every way a file can be wrong.
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type Columns, openParquet } from "../../src/data/parquet.ts";
import { inTemporary } from "../support/temporary.ts";
import { parquetOf, pngOf, smallSplit, type TableOptions } from "./parquet_files.ts";

const SPLIT = smallSplit(8);

/** Runs `body` with a file of these bytes. */
async function withFile<T>(bytes: Uint8Array, body: (path: string) => Promise<T>): Promise<T> {
  let result: T;
  await inTemporary(async (dir) => {
    await Deno.writeFile(`${dir}/a.parquet`, bytes);
    result = await body(`${dir}/a.parquet`);
  });
  return result!;
}

async function columnsOf(options: TableOptions): Promise<Columns> {
  return await withFile(parquetOf(SPLIT, options), async (path) => {
    using table = await openParquet(path);
    return table.columns;
  });
}

for (
  const [name, compression] of [
    ["Snappy", undefined],
    ["no", { codec: "UNCOMPRESSED" }],
    ["gzip", { codec: "GZIP", compressors: { GZIP: (bytes: Uint8Array) => gzipSync(bytes) } }],
  ] as const
) {
  Deno.test(`openParquet reads images and labels over row groups, ${name} compression`, async () => {
    await withFile(parquetOf(SPLIT, compression && { compression }), async (path) => {
      using table = await openParquet(path);
      assert.equal(table.count, 8);
      const rows = await Array.fromAsync(table.rows());
      assert.deepEqual(rows.map(({ label }) => label), [0, 1, 2, 0, 1, 2, 0, 1]);
      assert.deepEqual(rows[7]!.bytes, pngOf(SPLIT.images.slice(140, 160)));
      assert.equal(rows[7]!.source, `${path}, row 7`);
      assert.equal((await Array.fromAsync(table.rows())).length, 8); // and again from the start
    });
  });
}

Deno.test("openParquet finds columns by features, else by types and names", async () => {
  const zeros = new Array(8).fill(0);
  const labels = { coarse_label: zeros, fine_label: zeros };
  const names = (...names: string[]) => ({ _type: "ClassLabel", names });
  assert.deepEqual(await columnsOf({ image: "img" }), {
    image: "img",
    label: "label",
    classes: undefined,
    classNames: undefined,
  });
  assert.deepEqual(await columnsOf({ labels: { digit: zeros } }), {
    image: "image",
    label: "digit",
    classes: undefined,
    classNames: undefined,
  });
  assert.equal((await columnsOf({ labels })).label, "fine_label");
  const features = { image: { _type: "Image" }, coarse_label: names("a", "b") };
  assert.deepEqual(await columnsOf({ labels, features }), {
    image: "image",
    label: "coarse_label",
    classes: 2,
    classNames: ["a", "b"],
  });
  const counted = { label: { _type: "ClassLabel", num_classes: 7 } };
  assert.equal((await columnsOf({ features: counted })).classes, 7);
});

Deno.test("openParquet makes nothing of metadata that are damaged or of another kind", async () => {
  const label = (feature: unknown) => JSON.stringify({ info: { features: { label: feature } } });
  const good = label({ _type: "ClassLabel", names: ["a", "b", "c"] });
  const columns = { image: "image", label: "label" };
  assert.deepEqual(await columnsOf({ huggingface: good }), {
    ...columns,
    classes: 3,
    classNames: ["a", "b", "c"],
  });
  const nothing = { ...columns, classes: undefined, classNames: undefined };
  const others = [good.slice(0, -12), "", "null", "7", '{"info": {"features": 7}}', label(null)];
  for (const huggingface of others) {
    assert.deepEqual(await columnsOf({ huggingface }), nothing, huggingface);
  }
  const odd = { huggingface: label({ names: "abc", num_classes: 4 }) };
  assert.deepEqual(await columnsOf(odd), { ...columns, classes: 4, classNames: "abc" });
});

Deno.test("openParquet refuses tables without images or labels", async () => {
  const zeros = new Array(8).fill(0);
  await assert.rejects(columnsOf({ labels: { a: zeros, b: zeros } }), {
    name: "SyntaxError",
    message: /got columns image, a, b, expected one of images \{bytes, path\} and one of integer/,
  });
  await assert.rejects(columnsOf({ labels: {} }), { message: /got columns image, expected/ });
});

Deno.test("openParquet refuses a truncated or damaged file", async () => {
  const bytes = parquetOf(SPLIT);
  const damaged = [
    [bytes.slice(0, -1), "one byte short"],
    [bytes.slice(0, 500), "half"],
    [new Uint8Array(), "empty"],
    [bytes.slice(0, 8), "a header"],
  ] as const;
  for (const [content, what] of damaged) {
    await withFile(content, async (path) => {
      await assert.rejects(openParquet(path), (error: Error) => {
        const start = `Cannot read ${path}: got a damaged parquet file, `;
        assert.ok(error instanceof SyntaxError && error.message.startsWith(start), what);
        return error.message.endsWith(
          "expected a whole one; delete it and load the data set again",
        );
      });
    });
  }
});

Deno.test("rows refuses damaged pages and rows without bytes", async () => {
  const bytes = parquetOf(SPLIT);
  await withFile(bytes.fill(0xff, 4, 300), async (path) => {
    using table = await openParquet(path);
    await assert.rejects(Array.fromAsync(table.rows()), {
      name: "SyntaxError",
      message: /a\.parquet: got a damaged parquet file, expected a whole one; delete it/,
    });
  });
  const files = [...new Array(7).fill(pngOf(SPLIT.images.slice(0, 20))), null];
  await withFile(parquetOf(SPLIT, { files }), async (path) => {
    using table = await openParquet(path);
    await assert.rejects(Array.fromAsync(table.rows()), {
      name: "SyntaxError",
      message: /a\.parquet, row 7: got no bytes in its column image, expected an image file/,
    });
  });
});

Deno.test("a flipped bit in a page is refused, or changes a value; nothing is allocated for it", async () => {
  const bytes = parquetOf(SPLIT, { compression: { codec: "UNCOMPRESSED" } });
  const before = Deno.memoryUsage().rss;
  let refused = 0;
  await withFile(bytes, async (path) => {
    const size = 8 * 60; // the header and the levels of the first page, and a dictionary's
    for (let bit = 32; bit < 32 + size; bit++) {
      const at = bit >> 3;
      await Deno.writeFile(path, bytes.with(at, bytes[at]! ^ 1 << bit % 8));
      await openParquet(path).then(async (table) => {
        using open = table;
        await Array.fromAsync(open.rows());
      }).catch((error) => {
        refused++;
        assert.match(error.message, /^Cannot read .*a\.parquet(, row \d)?: got .*, expected .*; /);
      });
    }
  });
  assert.ok(refused > 100, `${refused} were refused`);
  assert.ok(Deno.memoryUsage().rss - before < 3e8, "memory of values that are not there");
});
