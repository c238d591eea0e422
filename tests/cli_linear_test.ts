// cli_linear_test: the linear command: its lines, its object and its files, and what it refuses.
import assert from "node:assert/strict";
import * as library from "../mod.ts";
import { run } from "../src/cli/program.ts";
import type { Retort } from "../src/cli/session.ts";
import { retort } from "./support/command.ts";
import { inTemporary, namesIn } from "./support/temporary.ts";

const ONE = { count: 1, inputs: [], targets: [], rate: 0.3 };

const RESULT: library.LinearResult & { files: string[] } = {
  rows: 20,
  columns: ["a", "b"],
  target: "t",
  explained: 0.5,
  eigenvalues: [1.5, 0.5],
  seed: 1,
  adapter: "stand-in",
  version: "0",
  networks: 4096,
  closedForm: { remainder: 0, optimum: 3e-16, determinant: 1, rate: 0.005, found: 2e-14 },
  points: [
    { ...ONE, found: 0.251, outside: 0.25, bound: 0.24, aligned: 0.26 },
    { ...ONE, count: 2, found: 1e-14, outside: 0, bound: 0, aligned: 0 },
  ],
  files: ["out/linear/linear.json", "out/linear/linear.svg"],
};

/** Runs a command line in this process, with a stand-in for the device. */
async function command(...args: string[]) {
  const drawn: unknown[] = [];
  const fakes = {
    openDevice: () => Promise.resolve({ [Symbol.dispose]: () => {} }),
    drawnRegression: (_device: unknown, how: unknown) => Promise.resolve(drawn.push(how)),
    linear: () => Promise.resolve(RESULT),
  };
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    print: (line: string) => void out.push(line),
    note: (line: string) => void err.push(line),
  };
  const status = await run(
    ["linear", ...args],
    { ...library, ...fakes } as unknown as Retort,
    terminal,
  );
  return { status, out, err, drawn };
}

Deno.test("linear: the problem, the closed form, and a line for each M", async () => {
  const { status, out, err, drawn } = await command("--dims", "2", "--rows", "20");
  assert.deepEqual([status, err], [0, []]);
  assert.deepEqual(drawn, [{ rows: 20, dims: 2, seed: 1 }]);
  assert.match(out.at(-2)!, /^Took 0 s; adapter stand-in$/);
  assert.deepEqual(out.toSpliced(-2, 1), [
    "Drawn problem: 20 rows, 2 columns, seed 1; a linear model explains 50.0 % of t",
    "Eigenvalues of dᵀd/N from 1.5 to 0.50",
    "Closed form, M = 2: d̃ = 20·I, t̃ = 20·θ*, η̃ = 2/20²",
    "  dᵀd(I − η̃/M d̃ᵀd̃) is 0e+0 of dᵀd, det(η̃/M d̃ᵀd̃) 1, θ* off by 3e-16; one step leaves 2e-12 %",
    "Excess loss left by one step, in % of that of θ₀ (mean of 4096 held-out θ₀)",
    "M  found  outside its rows  bound  largest eigenvectors",
    "1  25.1   25.0              24.0   26.0",
    "2  1e-12  0                 0      0",
    "Plot out/linear/linear.svg",
  ]);
  assert.deepEqual((await command()).drawn, [{ rows: 200, dims: 8, seed: 1 }]);
});

Deno.test("linear: bad usage ends with status 2 and one line", async () => {
  const bad: [string[], string][] = [
    [["--csv", "a.csv"], "Cannot use --csv: got no --target, expected both"],
    [["--target", "a"], "Cannot use --target: got no --csv, expected both"],
    [
      ["--csv", "a.csv", "--target", "a", "--dims", "3"],
      "Cannot use --dims: got --csv too, expected one of them; the table has its rows and columns",
    ],
    [
      ["--csv", "a.csv", "--target", "a", "--rows", "3"],
      "Cannot use --rows: got --csv too, expected one of them; the table has its rows and columns",
    ],
    [["--rows", "8"], "Cannot use --rows: got 8, expected more than the 8 columns of --dims"],
    [["--dims", "0"], 'Cannot use --dims: got "0", expected an integer from 1 to 64'],
    [["--rows", "1e9"], 'Cannot use --rows: got "1e9", expected an integer from 2 to 10000'],
  ];
  for (const [args, message] of bad) {
    const { status, out, err } = await command(...args);
    assert.deepEqual({ status, out, err }, { status: 2, out: [], err: [message] });
  }
});

Deno.test("linear: a CSV file that is wrong ends with status 1 and one line", async () => {
  await inTemporary(async (dir) => {
    const expectFailure = async (text: string, message: RegExp) => {
      await Deno.writeTextFile(`${dir}/t.csv`, text);
      const { status, out, err } = await command("--csv", `${dir}/t.csv`, "--target", "price");
      assert.deepEqual([status, out, err.length], [1, [], 1]);
      assert.match(err[0]!, message);
    };
    await expectFailure("a,b\n1,2\n", /one of them price/);
    await expectFailure("a,price\n1,2\nx,2\n", /row 3: got "x" in column a, expected a number/);
    await expectFailure("a,price\n1,2\n1\n", /row 3: got 1 field, expected 2/);
  });
});

Deno.test("linear: a CSV file as a process, with its two files and one object", async () => {
  await inTemporary(async (dir) => {
    const rows = Array.from({ length: 12 }, (_, n) => `${n},${3 * n + (n % 3)}`);
    await Deno.writeTextFile(`${dir}/t.csv`, ["size,price", ...rows].join("\n"));
    const out = `${dir}/out/one`;
    const args = ["linear", "--csv", `${dir}/t.csv`, "--target", "price", "--out", out, "--json"];
    const { code, out: printed, err } = await retort(args);
    assert.deepEqual([code, err], [0, "1 of 3 points\n2 of 3 points\n3 of 3 points\n"]);
    const { seconds, files, ...result } = JSON.parse(printed);
    assert.ok(seconds > 0);
    assert.deepEqual(files, [`${out}/linear.json`, `${out}/linear.svg`]);
    assert.deepEqual((await namesIn(out)).sort(), ["linear.json", "linear.svg"]);
    assert.deepEqual(JSON.parse(await Deno.readTextFile(`${out}/linear.json`)), result);
    assert.match(await Deno.readTextFile(`${out}/linear.svg`), /12 rows, D = 1<\/text>/);
    assert.deepEqual([result.rows, result.columns, result.target], [12, ["size"], "price"]);
    assert.equal(result.points.length, 3);
    for (const { found } of result.points) assert.ok(found < 1e-9, `${found}`); // all M ≥ D
    assert.ok(result.closed_form.found < 1e-12);
  });
});
