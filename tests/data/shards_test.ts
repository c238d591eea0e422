// chooseShards: which of a repository's files are training and test images.
import assert from "node:assert/strict";
import { chooseShards, shardPath, type Shards } from "../../src/data/shards.ts";

const [TRAIN, TEST] = ["a/train-00000-of-00001.parquet", "a/test-00000-of-00001.parquet"];

function chosen(paths: string[], folder?: string): Shards {
  const shards = chooseShards(paths, "hf:o/n", folder);
  if (shards instanceof Error) throw shards;
  return shards;
}

Deno.test("shardPath is the naming convention", () => {
  assert.equal(shardPath("data", "train", 3, 12), "data/train-00003-of-00012.parquet");
});

Deno.test("chooseShards takes files of any order among others, with hashes or without", () => {
  const train = ["00000", "00001"].map((i) => `a/train-${i}-of-00002-0123456789abcdef.parquet`);
  const others = ["README.md", "a/extra-00000-of-00001.parquet", "a.parquet", "x/y.parquet"];
  assert.deepEqual(chosen([train[1]!, ...others, TEST, train[0]!]), { train, test: [TEST] });
});

Deno.test("chooseShards takes the complete one of two cuts of a split", () => {
  const cut = ["00000", "00001"].map((i) => `a/train-${i}-of-00002.parquet`);
  for (const paths of [[cut[1]!, TRAIN, TEST], [TRAIN, cut[0]!, TEST]]) {
    assert.deepEqual(chosen(paths), { train: [TRAIN], test: [TEST] });
  }
  assert.deepEqual(chosen([...cut, TEST, "a/train-00000-of-00003.parquet"]).train, cut);
});

Deno.test("chooseShards takes validation images where there are no test images", () => {
  const validation = "a/validation-00000-of-00001.parquet";
  assert.deepEqual(chosen([TRAIN, validation]).test, [validation]);
  assert.deepEqual(chosen([TRAIN, validation, TEST]).test, [TEST]);
});

Deno.test("chooseShards wants to know which of several folders", () => {
  const paths = [TRAIN, TEST, ...[TRAIN, TEST].map((path) => path.replace("a/", "b/c/"))];
  assert.deepEqual(chosen(paths, "a"), { train: [TRAIN], test: [TEST] });
  assert.equal(chosen(paths, "b/c").train[0], "b/c/train-00000-of-00001.parquet");
  assert.throws(() => chosen(paths), {
    name: "RangeError",
    message:
      /Cannot load hf:o\/n: got a, b\/c, expected one folder with training and test images, /,
  });
  assert.throws(() => chosen(paths, "d"), { message: /got a, b\/c, expected d with/ });
});

Deno.test("chooseShards refuses incomplete sets and paths that leave the repository", () => {
  const of = (i: number) => `a/train-0000${i}-of-00003.parquet`;
  assert.throws(() => chosen([of(0), of(2), TEST]), {
    message: /got a without file 1 of 3, expected all/,
  });
  assert.throws(() => chosen([TRAIN]), { message: /got a, expected one folder with training and/ });
  assert.throws(() => chosen([]), { message: /got no parquet files/ });
  const outside = [TRAIN, TEST].map((path) => `../${path}`);
  assert.throws(() => chosen(outside), { message: /got no parquet files/ });
  assert.throws(() => chosen(outside.map((path) => `a/${path}`)), { message: /no parquet files/ });
});
