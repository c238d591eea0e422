// folder_lock_test: one run at a time in a folder; what a killed run left behind keeps nobody out.
import assert from "node:assert/strict";
import { expectUnlocked, LOCK_FILE, lockFile, lockFolder } from "../../src/store/folder_lock.ts";
import { UsageError } from "../../src/base/usage_error.ts";
import { ROOT } from "../support/command.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";

/** Fails unless `work` is refused because a process, this one by default, writes into `what`. */
async function expectBusy(work: () => Promise<unknown>, what: string, pid = Deno.pid) {
  await assert.rejects(work, (error: Error) => {
    assert.ok(error instanceof UsageError);
    const [, told, rest] = /^Cannot write into (.*): (process .*)$/.exec(error.message)!;
    assert.equal(told, what);
    assert.match(
      rest!,
      new RegExp(
        `^process ${pid}( on host \\S+)?, started at \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC, ` +
          `is writing there; wait for it, or choose another --out$`,
      ),
    );
    return true;
  });
}

Deno.test("a locked folder is refused with its owner, and free once that is done", async () => {
  await inTemporary(async (parent) => {
    const dir = `${parent}/a/b`;
    await expectUnlocked(dir);
    {
      using _lock = await lockFolder(dir);
      await expectBusy(() => lockFolder(dir), dir);
      await expectBusy(() => expectUnlocked(dir), dir);
      assert.deepEqual(await namesIn(dir), [LOCK_FILE]);
      await Deno.writeTextFile(`${dir}/result`, "x");
    }
    await expectUnlocked(dir);
    assert.deepEqual(await namesIn(dir), ["result"]);
    using _again = await lockFolder(dir);
  });
});

Deno.test("a folder that was made for a lock goes with it when nothing was written", async () => {
  await inTemporary(async (parent) => {
    (await lockFolder(`${parent}/new`))[Symbol.dispose]();
    await Deno.mkdir(`${parent}/mine`);
    (await lockFolder(`${parent}/mine`))[Symbol.dispose]();
    assert.deepEqual(await namesIn(parent), ["mine"]);
  });
});

Deno.test("of many that want a folder at once one gets it at a time, and none is lost", async () => {
  await inTemporary(async (dir) => {
    let inside = 0;
    let entered = 0;
    const enter = async () => {
      while (true) {
        try {
          using _lock = await lockFolder(dir);
          assert.equal(++inside, 1, "two are inside");
          await new Promise((resolve) => setTimeout(resolve, 1));
          inside--;
          entered++;
          return;
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
    };
    await Promise.all(Array.from({ length: 20 }, enter));
    assert.equal(entered, 20);
  });
});

Deno.test("a file has a lock of its own, beside it", async () => {
  await inTemporary(async (dir) => {
    const path = `${dir}/nets.safetensors`;
    {
      using _lock = await lockFile(path);
      await expectBusy(() => lockFile(path), path);
      using _other = await lockFile(`${dir}/other`);
    }
    assert.deepEqual(await namesIn(dir), []);
  });
});

Deno.test("a file in place of the folder: a sentence, and what to do", async () => {
  await inTemporary(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "x");
    const message = /^Cannot make folder .*\/file\/x: got ".*", expected a place to write; choose/;
    await assert.rejects(lockFolder(`${dir}/file/x`), { message });
  });
});

Deno.test("another process keeps a folder until it is killed; its lock file keeps nobody out", async () => {
  await inTemporary(async (dir) => {
    const code = `import { lockFolder } from "${ROOT}src/store/folder_lock.ts";
      using lock = await lockFolder(${JSON.stringify(dir)});
      console.log("locked");
      await new Promise((resolve) => setTimeout(resolve, 60_000));`;
    await Deno.writeTextFile(`${dir}/owner.ts`, code);
    const child = new Deno.Command("deno", {
      args: ["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", `${dir}/owner.ts`],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await expectBusy(() => lockFolder(dir), dir, child.pid);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    assert.ok((await namesIn(dir)).includes(LOCK_FILE), "it was left behind");
    await expectUnlocked(dir);
    using _lock = await lockFolder(dir);
    await expectBusy(() => lockFolder(dir), dir);
  });
});

Deno.test("what is written in a lock file by another program is not repeated", async () => {
  await inTemporary(async (dir) => {
    using file = await Deno.open(`${dir}/${LOCK_FILE}`, { create: true, write: true });
    await file.lock(true);
    await file.write(new TextEncoder().encode("process 1\x1b[31m"));
    await assert.rejects(lockFolder(dir), {
      message:
        `Cannot write into ${dir}: another process is writing there; wait for it, or choose ` +
        `another --out`,
    });
  });
});
