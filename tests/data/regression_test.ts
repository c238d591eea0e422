/** Regression: a CSV file of numbers with the column to tell, and files that are not. */
import assert from "node:assert/strict";
import { readRegression } from "../../src/data/regression.ts";
import { inTemporary } from "../support/temporary.ts";

async function read(text: string, target = "price") {
  let table: Awaited<ReturnType<typeof readRegression>> | undefined;
  await inTemporary(async (dir) => {
    await Deno.writeTextFile(`${dir}/t.csv`, text);
    table = await readRegression(`${dir}/t.csv`, target);
  });
  return table!;
}

Deno.test("readRegression takes all columns but the target, in their order", async () => {
  const table = await read("size,price, age\r\n1,10,0.5\r\n\r\n2,1e3,-1\r\n");
  assert.deepEqual(table, {
    columns: ["size", "age"],
    target: "price",
    rows: 2,
    inputs: Float64Array.of(1, 0.5, 2, -1),
    targets: Float64Array.of(10, 1000),
  });
});

Deno.test("readRegression: each thing that is wrong, in one sentence", async () => {
  const wrong: [string, RegExp][] = [
    ["", /got no header, expected a header that names every column, one of them price; add one/],
    ["a,b\n1,2\n", /got the columns "a", "b", expected .*, one of them price; name a column so/],
    ["price\n1\n", /got the column "price" alone, expected .*; add columns of numbers/],
    ["a,a,price\n1,2,3\n", /got two columns "a"/],
    ["a,price\n", /got no rows below the header/],
    ["a,price\n1,2\n1\n", /, row 3: got 1 field, expected 2 as in the header; correct the row/],
    ["a,price\n1,2\nx,2\n", /, row 3: got "x" in column a, expected a number; correct it/],
    ["a,price\n1,2\n,2\n", /, row 3: got nothing in column a, expected a number/],
    ["a,price\n1,cheap\n", /, row 2: got "cheap" in column price, expected a number; correct it/],
    ["a,price\n1,\n", /, row 2: got nothing in column price, expected a value; fill it in/],
    ["a,price\n1,Infinity\n", /, row 2: got "Infinity" in column price, expected a number/],
  ];
  for (const [text, message] of wrong) {
    await assert.rejects(read(text), (error: Error) => {
      assert.match(error.message, /^Cannot read .*t\.csv/);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("readRegression: no file, and a folder in its place", async () => {
  await inTemporary(async (dir) => {
    for (const [path, got] of [[`${dir}/none.csv`, "no such file"], [dir, "a folder"]] as const) {
      await assert.rejects(readRegression(path, "price"), {
        name: "NotFound",
        message: `Cannot read ${path}: got ${got}, expected a CSV file; check the path`,
      });
    }
  });
});
