// expectPages: counts in pages that lie, of lists, levels, missing values and bytes; each is refused before the decoder.
import assert from "node:assert/strict";
import { type AsyncBuffer, type FileMetaData, parquetMetadata } from "hyparquet";
import { expectPages } from "../../src/data/parquet_pages.ts";
import { openParquet } from "../../src/data/parquet.ts";
import { inTemporary } from "../support/temporary.ts";
import { parquetOf, smallSplit } from "./parquet_files.ts";

const BYTES = parquetOf(smallSplit(3), { compression: { codec: "UNCOMPRESSED" } });

/** The header of the page of three labels, and what it holds: levels, and 24 bytes of values. */
const HEADER = "15061534" + "1534" + "5c1506" + "1500" + "1506" + "1500" + "1504" + "1500" + "0000";
const LEVELS = "0307";
const VALUES = "00000000000000000100000000000000" + "0200000000000000";

/** A header of the first version, whose levels have their length before them, and such a page. */
const FIRST = "1500153c153c2c15061500150615060000";
const LENGTH = "02000000";

/** A run of 2²⁵ levels of 1. */
const LONG_RUN = "8080802001";

/** The file with another page of labels, of the same bytes at most. */
function withPage(hex: string): Uint8Array<ArrayBuffer> {
  const page = HEADER + LEVELS + VALUES;
  const at = BYTES.toHex().indexOf(page) / 2;
  assert.ok(Number.isInteger(at) && at > 0 && hex.length <= page.length, "no such page");
  const file = BYTES.slice();
  file.set(Uint8Array.fromHex(hex), at);
  return file;
}

/** The labels in a file of these bytes. */
async function labelsOf(bytes: Uint8Array): Promise<number[]> {
  let labels: number[];
  await inTemporary(async (dir) => {
    await Deno.writeFile(`${dir}/a.parquet`, bytes);
    using file = await openParquet(`${dir}/a.parquet`);
    labels = (await Array.fromAsync(file.rows())).map(({ label }) => label);
  });
  return labels!;
}

/** Runs `body`, which may take no second and no memory to speak of. */
async function quickly(body: () => Promise<void>): Promise<void> {
  const [start, before] = [performance.now(), Deno.memoryUsage().rss];
  await body();
  assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`);
  assert.ok(Deno.memoryUsage().rss - before < 1e8, "memory of values that are not there");
}

async function expectRefused(bytes: Uint8Array, why: RegExp): Promise<void> {
  await quickly(() =>
    assert.rejects(labelsOf(bytes), (error: Error) => {
      assert.match(error.message, /^Cannot read .*: got a damaged parquet file, expected a whole/);
      assert.match((error.cause as Error).message, why);
      return true;
    })
  );
}

Deno.test("a page of either version is read", async () => {
  assert.deepEqual(await labelsOf(BYTES), [0, 1, 2]);
  assert.deepEqual(await labelsOf(withPage(FIRST + LENGTH + LEVELS + VALUES)), [0, 1, 2]);
});

Deno.test("a list of numbers or texts that are not there ends with its column", async () => {
  await expectRefused(withPage("19f7" + "8080808004"), /^a field that ends after its column$/); // 2³⁰ numbers
  await expectRefused(withPage("1988" + "ffffff7f"), /^a field that ends after its column$/); // a text of 2²⁸ − 1
});

Deno.test("levels that end before the values are refused", async () => {
  const none = HEADER.replace("1504", "1500");
  await expectRefused(withPage(none + LONG_RUN), /^0 levels of 3 values$/);
  await expectRefused(withPage(FIRST + "00000000" + LONG_RUN), /^0 levels of 3 values$/);
  await expectRefused(withPage(FIRST + LENGTH + "0401" + VALUES), /^2 levels of 3 values$/);
});

Deno.test("values missing that are less than none, or more than all, are refused", async () => {
  const missing = (count: string) => HEADER.replace("5c15061500", `5c150615${count}`);
  await expectRefused(withPage(missing("01")), /^-1 for a size$/);
  await expectRefused(withPage(missing("08")), /^4 values missing of 3$/);
});

Deno.test("a field's number of more than 16 bits is none", async () => {
  const second = "05" + "8280808020" + "8080807f"; // 2³² + 1, of which the decoder would keep 1
  await expectRefused(withPage(second), /^field 4294967297$/);
});

Deno.test("a column of more bytes than memory should have is not read", async () => {
  const metadata: FileMetaData = parquetMetadata(BYTES.buffer);
  const group = metadata.row_groups[0]!;
  const label = group.columns.at(-1)!;
  const column = { ...label.meta_data!, total_compressed_size: 2n ** 29n + 1n };
  const large = { ...group, columns: [{ ...label, meta_data: column }] };
  const file: AsyncBuffer = { byteLength: 2 ** 31, slice: () => assert.fail("it was read") };
  await assert.rejects(expectPages(file, metadata, large, ["label"]), {
    message: "a column of 536870913 bytes",
  });
});
