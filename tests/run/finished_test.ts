// finished_test: the accuracies of a log that others may have written.
import assert from "node:assert/strict";
import { readGain } from "../../src/run/finished.ts";
import { inTemporary } from "../support/temporary.ts";

Deno.test("readGain: accuracies that are numbers, or none", async () => {
  await inTemporary(async (dir) => {
    const after = { mean: 0.5, std: 0, networks: 1 };
    const write = async (record: object) => {
      await Deno.writeTextFile(
        `${dir}/metrics.jsonl`,
        `${JSON.stringify({ iteration: 1, ...record })}\n`,
      );
      return await readGain(dir);
    };
    assert.deepEqual(await write({ before: after, after }), { before: after, after });
    assert.equal(await write({ loss: 1 }), undefined);
    for (
      const wrong of [null, "high", { mean: null, std: 0, networks: 1 }, { ...after, mean: 2 }]
    ) {
      await assert.rejects(write({ before: wrong, after }), {
        name: "SyntaxError",
        message:
          /^Cannot read .*metrics.jsonl: got .*, expected the accuracies before and after, each/,
      });
    }
  });
});
