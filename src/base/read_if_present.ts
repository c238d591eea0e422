/** ReadIfPresent: text of a file that need not be there. */

/** Text of the file at `path`; undefined where there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  });
}
