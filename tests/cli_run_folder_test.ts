// cli_run_folder_test: default folders do not collide, and what is said of a folder that is taken.
import assert from "node:assert/strict";
import * as retort from "../mod.ts";
import { expectFree, folderToResume, nextFolder } from "../src/cli/run_folder.ts";
import { lockFolder } from "../src/store/folder_lock.ts";
import { inTemporary } from "./support/temporary.ts";
import { shortRecipe } from "./support/runs.ts";

const recipe = shortRecipe({ iterations: 6 });

/** Makes a run of `settings` in a folder, finished or not. */
async function makeRun(dir: string, settings = {}, isFinished = false): Promise<void> {
  const made = { ...recipe, ...settings };
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeTextFile(`${dir}/recipe.yaml`, retort.recipeToYaml(made));
  const accuracy = { mean: 0.5, std: 0, networks: 1 };
  const last = { iteration: made.iterations, before: accuracy, after: accuracy };
  if (isFinished) await Deno.writeTextFile(`${dir}/metrics.jsonl`, JSON.stringify(last) + "\n");
}

Deno.test("a run without --out goes to the next folder that no run has", async () => {
  await inTemporary(async (dir) => {
    const base = `${dir}/out/quick`;
    for (const expected of ["quick", "quick-2", "quick-3"]) {
      assert.equal(await nextFolder(retort, base), `${dir}/out/${expected}`);
      await makeRun(`${dir}/out/${expected}`);
    }
    await makeRun(`${dir}/out/quick-9`);
    await makeRun(`${dir}/out/quick-9-2`); // another recipe's, as are these
    await makeRun(`${dir}/out/quick-slow`);
    await Deno.remove(`${dir}/out/quick`, { recursive: true });
    assert.equal(await nextFolder(retort, base), `${base}-10`); // the newest has the highest number
  });
  await inTemporary(async (dir) => {
    await Deno.mkdir(`${dir}/quick`); // empty
    assert.equal(await nextFolder(retort, `${dir}/quick`), `${dir}/quick`);
  });
});

Deno.test("a folder whose run has written nothing yet is taken", async () => {
  await inTemporary(async (dir) => {
    const base = `${dir}/quick`;
    {
      using _run = await lockFolder(base);
      assert.equal(await nextFolder(retort, base), `${base}-2`);
      assert.equal(await folderToResume(retort, base, recipe), undefined);
    }
    assert.equal(await nextFolder(retort, base), base);
  });
});

Deno.test("--resume without --out takes the newest run of these settings", async () => {
  await inTemporary(async (dir) => {
    const base = `${dir}/quick`;
    assert.equal(await folderToResume(retort, base, recipe), undefined);
    await makeRun(base, {}, true);
    await makeRun(`${base}-2`);
    await makeRun(`${base}-10`, { lr: 0.5 });
    assert.equal(await folderToResume(retort, base, recipe), `${base}-2`);
    assert.equal(await folderToResume(retort, base, { ...recipe, lr: 0.5 }), `${base}-10`);
    assert.equal(await folderToResume(retort, base, { ...recipe, iterations: 9 }), `${base}-2`);
    await assert.rejects(folderToResume(retort, base, { ...recipe, lr: 0.7, seed: 3 }), {
      name: "UsageError",
      message:
        `Cannot resume: got lr 0.7, there 0.5, seed 3, there 1 in ${base}-10, expected a run ` +
        "of these settings; leave --resume out to start one",
    });
  });
});

Deno.test("a folder that is taken is refused with what fits its case", async () => {
  await inTemporary(async (dir) => {
    const advice = async (asked = {}) => {
      const error = await expectFree(retort, `${dir}/run`, { ...recipe, ...asked })
        .catch((error) => error);
      assert.ok(error instanceof retort.UsageError);
      return error.message.replaceAll(`${dir}/run`, "RUN");
    };
    await expectFree(retort, `${dir}/run`, recipe);
    await makeRun(`${dir}/run`);
    assert.equal(
      await advice(),
      "Cannot write to RUN: it has an unfinished run of these settings; go on with it by --resume " +
        "--out RUN, or choose another --out",
    );
    const other = "choose another --out";
    assert.equal(
      await advice({ steps: 2, lr: 1, seed: 3, clip: 1, batch: 8 }),
      "Cannot write to RUN: it has a run of other settings: got steps 2, there 1, batch 8, there 16, " +
        `lr 1, there 0.1, and 2 more; ${other}`,
    );
    await makeRun(`${dir}/run`, {}, true);
    const finished = (more: string) =>
      "Cannot write to RUN: it has a finished run of these settings, which compare RUN shows; give " +
      `it more with --resume --out RUN --iterations ${more}, or ${other}`;
    assert.equal(await advice(), finished("MORE"));
    assert.equal(await advice({ iterations: 9 }), finished("9"));
    await Deno.remove(`${dir}/run/recipe.yaml`);
    assert.equal(
      await advice(),
      `Cannot write to RUN: it already has metrics.jsonl; ${other}`,
    );
  });
});
