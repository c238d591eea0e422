// writeAtomic: new content or old, and nothing left behind.
import assert from "node:assert/strict";
import { whyUnwritten, writeAtomic } from "../../src/base/atomic.ts";
import { inTemporary, namesIn } from "../support/temporary.ts";

Deno.test("writeAtomic writes and replaces text and bytes", async () => {
  await inTemporary(async (dir) => {
    const path = `${dir}/a.txt`;
    await writeAtomic(path, "η = 0.02\n");
    assert.equal(await Deno.readTextFile(path), "η = 0.02\n");
    await writeAtomic(path, Uint8Array.of(1, 2, 3));
    assert.deepEqual([...await Deno.readFile(path)], [1, 2, 3]);
    await writeAtomic(path, "");
    assert.deepEqual([...await Deno.readFile(path)], []);
    assert.deepEqual(await namesIn(dir), ["a.txt"]);
  });
});

Deno.test("writeAtomic writes a file of many megabytes whole", async () => {
  await inTemporary(async (dir) => {
    const data = Uint8Array.from({ length: 9_000_001 }, (_, index) => index % 251);
    await writeAtomic(`${dir}/big`, data);
    assert.ok((await Deno.readFile(`${dir}/big`)).every((byte, index) => byte === index % 251));
    assert.equal((await Deno.stat(`${dir}/big`)).size, data.length);
  });
});

Deno.test("writeAtomic that fails leaves no temporary file and says what to do", async () => {
  await inTemporary(async (dir) => {
    await Deno.mkdir(`${dir}/taken/inside`, { recursive: true }); // rename onto it fails
    await assert.rejects(writeAtomic(`${dir}/taken`, "x"), {
      message: `Cannot write ${dir}/taken: got a folder, expected a file; name another`,
    });
    await assert.rejects(
      writeAtomic(`${dir}/missing/a.txt`, "x"),
      /^Error: Cannot write .*a\.txt: got ".+", expected a writable file in an existing directory/,
    );
    assert.deepEqual(await namesIn(dir), ["taken"]);
  });
});

Deno.test("a full disk is called that, with the room that was needed", () => {
  const message = "No space left on device (os error 28)"; // as Deno has it
  assert.equal(
    whyUnwritten(Object.assign(new Error(message), { code: "ENOSPC" }), 3 * 2 ** 20),
    "got a full disk, expected room for 3.0 MB; make room, then repeat the command, with --resume " +
      "where it has that",
  );
});
