// fuzz_test: a thousand damaged files, and that the fuzzer would notice.
import assert from "node:assert/strict";
import { fileOf, outcomeOf } from "./cases.ts";
import { fuzz, tableOf } from "./fuzz.ts";
import { type Parser, PARSERS } from "./parsers.ts";
import { inTemporary } from "../support/temporary.ts";

Deno.test("every parser reads its seeds", async () => {
  await inTemporary(async (dir) => {
    for (const parser of PARSERS) {
      for (const seed of parser.seeds) {
        const { outcome, message } = await outcomeOf(parser, seed, dir);
        assert.equal(outcome, "read", `${parser.name}: ${message}`);
      }
    }
  });
});

Deno.test("cases are the same for a seed, and mostly not the seeds themselves", () => {
  PARSERS.forEach(({ seeds }, p) => {
    assert.deepEqual(fileOf(1, p, 5), fileOf(1, p, 5));
    const files = Array.from({ length: 20 }, (_, which) => fileOf(1, p, which).toHex());
    assert.ok(new Set(files).size > 15);
    assert.ok(files.filter((file) => seeds.some((seed) => seed.toHex() === file)).length < 10);
  });
});

Deno.test("what engines say, and what cannot be, is noticed", async () => {
  const faults: [() => void, string][] = [
    [() => void JSON.parse("{"), "leaked"],
    [() => void new Uint8Array(-5), "leaked"],
    [() => {
      const cause = new Error("bad magic");
      throw new Error("Cannot read a: got a damaged file (bad magic), expected a whole one", {
        cause,
      });
    }, "leaked"],
    [() => assert.ok(false), "corrupt"],
    [() => {
      throw new Error("Cannot read a: got 0 bytes, expected 4; fetch it again");
    }, "refused"],
  ];
  for (const [read, expected] of faults) {
    const parser: Parser = { name: "a parser", seeds: [], read };
    assert.equal((await outcomeOf(parser, new Uint8Array(), "")).outcome, expected);
  }
});

Deno.test("a thousand damaged files are read or refused", async () => {
  const findings = await fuzz(1, Math.ceil(1000 / PARSERS.length));
  const named = findings.faults.map((fault) => ({ ...fault, name: PARSERS[fault.parser]!.name }));
  assert.deepEqual(named, [], tableOf(findings));
});
