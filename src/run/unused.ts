/** Unused: whether a folder is free for the results of a run. */
import { UsageError } from "../base/usage_error.ts";
import { expectUnlocked, LOCK_FILE } from "../store/folder_lock.ts";

/**
 * Makes sure that `out` is free for the results of a run: an empty folder, or none yet.
 *
 * @throws UsageError for a folder with files in it or a run at work, or a file in its place.
 */
export async function expectUnused(out: string): Promise<void> {
  await expectUnlocked(out);
  await expectEmpty(out);
}

/** The same where the folder is locked for the caller. */
export async function expectEmpty(out: string): Promise<void> {
  const [file] = await filesIn(out);
  if (file === undefined) return;
  throw new UsageError(
    `Cannot write to ${out}: it already has ${file}; pass --resume --out ${out} to continue that run, ` +
      `or another --out`,
  );
}

/** Names of the files in a folder, aside from its lock and what a killed run had not finished writing. */
export async function filesIn(folder: string): Promise<string[]> {
  try {
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    return names.filter((name) => !name.endsWith(".tmp") && name !== LOCK_FILE).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    const isFile = error instanceof Deno.errors.NotADirectory;
    const got = isFile ? "a file" : `"${(error as Error).message}"`;
    throw new UsageError(
      `Cannot use ${folder || "an empty path"} as folder of results: got ${got}, expected a ` +
        `folder, new or empty; choose another --out`,
    );
  }
}
