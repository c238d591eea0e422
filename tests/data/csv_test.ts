// CSV: tables read and normalised, divided into training and test rows, refused, and written again.
import assert from "node:assert/strict";
import { formatCsv, loadCsv } from "../../src/data/csv.ts";
import { loadDataset } from "../../src/data/load.ts";
import { inTemporary } from "../support/temporary.ts";

const MOONS = new URL("../../examples/moons", import.meta.url).pathname;

const TRAIN = "x,kind, y\r\n1,b,10\r\n3,a,20\r\n\r\n5,b,60\r\n";
const TEST = "y,x,kind\n10,-1,a\n";

/** The same with the column of labels called so. */
const labelled = (text: string) => text.replace("kind", "label");

async function withFiles(
  files: Record<string, string>,
  body: (dir: string) => Promise<void>,
): Promise<void> {
  await inTemporary(async (dir) => {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${dir}/${name}`, text);
    }
    await body(dir);
  });
}

const close = (got: ArrayLike<number>, expected: readonly number[]) => {
  assert.equal(got.length, expected.length);
  expected.forEach((value, i) =>
    assert.ok(Math.abs(got[i]! - value) < 1e-6, `${i}: ${got[i]} for ${value}`)
  );
};

Deno.test("loadCsv reads train.csv and test.csv; each column by its own training statistics", async () => {
  const files = { "train.csv": labelled(TRAIN), "test.csv": labelled(TEST) };
  await withFiles(files, async (dir) => {
    const { train, test, mean, std, ...rest } = await loadCsv(dir, "csv:x");
    assert.deepEqual(rest, {
      name: "csv:x",
      channels: 2,
      height: 1,
      width: 1,
      classes: 2,
      classNames: ["a", "b"],
      columns: ["x", "y"],
    });
    close(mean, [3, 30]);
    const [sx, sy] = [Math.sqrt(8 / 3), Math.sqrt(1400 / 3)];
    close(std, [sx, sy]);
    assert.ok(train.images instanceof Float32Array && test.images instanceof Float32Array);
    close(train.images, [-2 / sx, -20 / sy, 0, -10 / sy, 2 / sx, 30 / sy]);
    close(test.images, [-4 / sx, -20 / sy]); // its columns are in another order
    assert.deepEqual([[...train.labels], [...test.labels]], [[1, 0, 1], [0]]);
    assert.deepEqual([train.count, test.count], [3, 1]);
  });
});

Deno.test("loadDataset takes csv:DIR: the two moons", async () => {
  const { train, test, columns, classes, mean, std } = await loadDataset(`csv:${MOONS}`);
  assert.deepEqual([train.count, test.count, columns, classes], [1005, 495, ["x", "y"], 2]);
  for (const d of [0, 1]) {
    const column = [...train.images].filter((_, i) => i % 2 === d);
    const average = column.reduce((a, b) => a + b) / 1005;
    const variance = column.reduce((sum, v) => sum + (v - average) ** 2, 0) / 1005;
    assert.ok(Math.abs(average) < 1e-6 && Math.abs(variance - 1) < 1e-6);
  }
  close([train.images[0]! * std[0]! + mean[0]!], [1.52478542]);
  await assert.rejects(loadDataset(`csv:${MOONS}`, { resize: 2 }), {
    name: "RangeError",
    message: /^Cannot load data set csv:.*: got resize, pad or channels, expected none of them/,
  });
});

Deno.test("a single file: a fifth of each class is for testing, always the same rows", async () => {
  const rows = Array.from({ length: 43 }, (_, n) => `${n},${n < 10 ? "rare" : "common"}`);
  await withFiles({ "all.csv": ["number,label", ...rows].join("\n") }, async (dir) => {
    const load = () => loadCsv(`${dir}/all.csv`, "csv:all");
    const { train, test, mean, std } = await load();
    assert.deepEqual([train.count, test.count], [35, 8]);
    assert.equal(test.labels.reduce((sum, label) => sum + label, 0), 2); // of the ten rare ones
    const numbers = [train, test].map(({ images }) =>
      Array.from(images, (value) => Math.round(value * std[0]! + mean[0]!))
    );
    assert.deepEqual(numbers.flat().sort((a, b) => a - b), rows.map((_, n) => n));
    for (const kept of numbers) assert.deepEqual(kept, kept.toSorted((a, b) => a - b));
    assert.notDeepEqual(numbers[1], [0, 1, 10, 11, 12, 13, 14, 15]);
    assert.deepEqual(await load(), { ...await load(), train, test });
  });
});

Deno.test("labels: numbers in order of size, one spelling a class, other names for the column", async () => {
  const text = "\ufeffclass,v\n10,1\n2,2\n2.0,3\n+10,4\n-1,5\n";
  await withFiles({ "train.csv": text, "test.csv": text }, async (dir) => {
    const { classNames, train } = await loadCsv(dir, "csv:x");
    assert.deepEqual(classNames, ["-1", "2", "10"]);
    assert.deepEqual([...train.labels], [2, 1, 1, 2, 0]);
  });
});

const REFUSED: [what: string, train: string, test: string, name: string, message: RegExp][] = [
  [
    "no label",
    TRAIN,
    TEST,
    "SyntaxError",
    /train.csv: got the columns "x", "kind", "y", expected a/,
  ],
  ["semicolons", "x;label\n1;a\n", "", "SyntaxError", /columns "x;label", .*separate by commas/],
  [
    "an empty file",
    "",
    "",
    "SyntaxError",
    /train.csv: got no header, expected a header that names/,
  ],
  [
    "a header alone",
    "x,label\n",
    "",
    "RangeError",
    /got no rows below the header, expected one for/,
  ],
  ["labels alone", "label\na\nb\n", "", "SyntaxError", /got the column "label" alone/],
  ["two alike", "x,x,label\n1,1,a\n", "", "SyntaxError", /got two columns "x"/],
  ["no name", ",x,label\n0,1,a\n", "", "SyntaxError", /a column without a name among "", "x"/],
  [
    "ragged rows",
    "x,label\n1,a\n2\n",
    "",
    "SyntaxError",
    /train.csv, row 3: got 1 field, expected 2 as in the header/,
  ],
  [
    "a word",
    "x,label\n1,a\n\ntwo,b\n",
    "",
    "SyntaxError",
    /row 4: got "two" in column x, expected a number; correct it, or leave/,
  ],
  ["infinity", "x,label\nInfinity,a\n", "", "SyntaxError", /row 2: got "Infinity" in column x/],
  ["nothing", "x,label\n ,a\n", "", "SyntaxError", /row 2: got nothing in column x, expected a n/],
  ["no class", "x,label\n1,\n", "", "SyntaxError", /row 2: got nothing in column label, expected/],
  [
    "a constant",
    "x,y,label\n1,7,a\n2,7,b\n",
    "x,y,label\n1,7,a\n",
    "RangeError",
    /train.csv: got 7 in every training row of column y, .* leave the column out$/,
  ],
  [
    "an overflow",
    "x,label\n1e200,a\n-1e200,b\n",
    "x,label\n1,a\n",
    "RangeError",
    /train.csv: got numbers in column x whose standard deviation is Infinity in float64, expected/,
  ],
  [
    "an outlier",
    "x,label\n1,a\n2,b\n",
    "x,label\n1,a\n1e99,a\n",
    "RangeError",
    /test.csv, row 3: got a number in column x too far from those of the training rows, expected/,
  ],
  [
    "an unknown class",
    labelled(TRAIN),
    "x,y,label\n1,2,a\n1,2,c\n",
    "RangeError",
    /test.csv, row 3: got class c, expected one of the training rows, a, b/,
  ],
  [
    "other columns",
    labelled(TRAIN),
    "x,z,label\n1,2,a\n",
    "SyntaxError",
    /test.csv: got the columns x, z, expected those of the training rows, x, y/,
  ],
  [
    "one class",
    "x,label\n1,a\n2,a\n",
    "x,label\n1,a\n",
    "RangeError",
    /got 1 different labels, expected 2 to 256; check which column is called label/,
  ],
];

for (const [what, train, test, name, message] of REFUSED) {
  Deno.test(`loadCsv refuses ${what}`, async () => {
    await withFiles({ "train.csv": train, "test.csv": test }, async (dir) => {
      await assert.rejects(loadCsv(dir, "csv:x"), (error: Error) => {
        assert.equal(error.name, name);
        assert.match(error.message, /^Cannot read /);
        assert.match(error.message, message);
        return true;
      });
    });
  });
}

Deno.test("loadCsv refuses a path that is not there, and a file too small to divide", async () => {
  const small = { "a.csv": "x,label\n1,a\n2,b\n", "train.csv": "x,label\n1,a\n2,b\n" };
  await withFiles(small, async (dir) => {
    for (const path of [`${dir}/none`, dir]) { // the folder has no test.csv
      await assert.rejects(loadCsv(path, "csv:x"), {
        name: "NotFound",
        message: /^Cannot read .*(none|test.csv): got no such file, expected a CSV file, or a fol/,
      });
    }
    await assert.rejects(loadCsv(`${dir}/a.csv`, "csv:x"), {
      name: "RangeError",
      message: /^Cannot divide .*a.csv into training and test rows: got 2, expected 5 or more of a/,
    });
  });
});

Deno.test("formatCsv and loadCsv: every float comes back to the bit, whatever its units", async () => {
  const rows = Array.from({ length: 40 }, (_, n) => {
    const year = 2000 + Math.sin(n) / 3;
    return `${year},${1e-9 * n * n},"a ""name"", quoted ${n % 3}"`;
  });
  const text = ["year,small,label", ...rows].join("\n");
  await withFiles({ "train.csv": text, "test.csv": text }, async (dir) => {
    const first = await loadCsv(dir, "csv:x");
    const { train, columns, classNames } = first;
    const hot = new Float32Array(40 * 3);
    train.labels.forEach((label, n) => hot[3 * n + label] = 1);
    const table = { ...first, columns: columns!, classNames: classNames! };
    const written = formatCsv(table, train.images as Float32Array, hot);
    await Deno.writeTextFile(`${dir}/test.csv`, written);
    const { test } = await loadCsv(dir, "csv:x");
    assert.deepEqual(test, train);
    assert.equal(written.split("\n")[1]!.split(",")[0], "2000"); // not 1999.9999999999998
  });
});

Deno.test("formatCsv: soft labels as the most probable class and a column of each probability", () => {
  const table = { columns: ["x"], classNames: ["a", "b"], mean: [3], std: [2] };
  const labels = Float32Array.of(0.25, 0.75, 1, 0);
  assert.equal(
    formatCsv(table, Float32Array.of(0.5, -1), labels),
    "x,label,p(a),p(b)\n4,b,0.25,0.75\n1,a,1,0\n",
  );
});
