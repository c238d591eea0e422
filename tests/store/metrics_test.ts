// MetricsLog: one line a record, at once; resuming keeps what was true up to the checkpoint.
import assert from "node:assert/strict";
import { MetricsLog, readMetrics } from "../../src/store/metrics.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";

const THREE = '{"iteration":0}\n{"iteration":10,"loss":2}\n{"iteration":20}\n';

Deno.test("MetricsLog starts empty and writes each record at once", async () => {
  await inTemporary(async (dir) => {
    const path = `${dir}/metrics.jsonl`;
    await Deno.writeTextFile(path, "an older run\n");
    using log = await MetricsLog.open(path);
    assert.equal(await Deno.readTextFile(path), "");
    log.append({ iteration: 0, loss: 2.5 });
    log.append({ iteration: 1, loss: NaN, note: "a\nb" });
    assert.equal(
      await Deno.readTextFile(path),
      '{"iteration":0,"loss":2.5}\n{"iteration":1,"loss":null,"note":"a\\nb"}\n',
    );
  });
});

Deno.test("MetricsLog resumes: later records and a torn last line go", async () => {
  const ten = '{"iteration":0}\n{"iteration":10,"loss":2}\n';
  const cases: [string, number, string][] = [
    [THREE, 10, ten],
    [THREE, 15, ten],
    [THREE, 20, THREE],
    [THREE, -1, ""],
    [ten + '{"iteration":1', 99, ten],
    [ten + "4", 99, ten],
    [THREE.trimEnd(), 99, THREE], // whole but for its end
    ["", 5, ""],
  ];
  for (const [before, resumeFrom, after] of cases) {
    await inTemporary(async (dir) => {
      const path = `${dir}/metrics.jsonl`;
      await Deno.writeTextFile(path, before);
      using log = await MetricsLog.open(path, resumeFrom);
      log.append({ iteration: 100 });
      assert.equal(await Deno.readTextFile(path), after + '{"iteration":100}\n');
      assert.deepEqual(await namesIn(dir), ["metrics.jsonl"]);
    });
  }
});

Deno.test("MetricsLog resumes from a log that is not there", async () => {
  await inTemporary(async (dir) => {
    using log = await MetricsLog.open(`${dir}/metrics.jsonl`, 5);
    log.append({ iteration: 6 });
    assert.equal(await Deno.readTextFile(`${dir}/metrics.jsonl`), '{"iteration":6}\n');
  });
});

Deno.test("MetricsLog and its reader pass over what is no record, wherever it is", async () => {
  for (const line of ["{oops", "null", '{"loss":1}', '{"iteration":"3"}', '{"iteration":-1}', ""]) {
    await inTemporary(async (dir) => {
      const path = `${dir}/metrics.jsonl`;
      await Deno.writeTextFile(path, `{"iteration":0}\n${line}\n{"iteration":2}\n`);
      assert.deepEqual(await readMetrics(path), [{ iteration: 0 }, { iteration: 2 }]);
      using _log = await MetricsLog.open(path, 5);
      assert.equal(await Deno.readTextFile(path), '{"iteration":0}\n{"iteration":2}\n');
    });
  }
});

Deno.test("MetricsLog refuses a record without a proper iteration", async () => {
  await inTemporary(async (dir) => {
    using log = await MetricsLog.open(`${dir}/metrics.jsonl`);
    for (const iteration of [-1, 0.5, NaN]) {
      assert.throws(() => log.append({ iteration }), {
        name: "RangeError",
        message: new RegExp(`Cannot log metrics: got iteration ${iteration}, expected a non-neg`),
      });
    }
  });
});

Deno.test("MetricsLog cannot be opened where there is no directory", async () => {
  await assert.rejects(MetricsLog.open("/nowhere/at/all/metrics.jsonl"), /^Error: Cannot write/);
});
