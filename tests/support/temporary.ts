// A temporary directory for the length of one test, and what lies in it.

/** Runs `body` in a fresh directory and removes it afterwards. */
export async function inTemporary(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The names of the files and directories in `dir`. */
export async function namesIn(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map(({ name }) => name);
}
