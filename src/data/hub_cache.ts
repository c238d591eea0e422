/**
 * The cache of the Hugging Face hub on this machine. It has the hub's own layout, so what its Python
 * library has downloaded is found, and the other way round:
 *
 *     HF_HUB_CACHE/datasets--OWNER--NAME/snapshots/REVISION/FOLDER/FILE.parquet
 *     HF_HUB_CACHE/datasets--OWNER--NAME/refs/main      the revision that Python took for main
 *
 * What Retort downloads has the revision `main`.
 */
import { exists } from "./download.ts";
import type { Limits } from "./http.ts";

/** A hub and where its files are kept. */
export interface Hub {
  /** Address, without a slash at the end. */
  readonly endpoint: string;
  /** Folder of the cache. */
  readonly cache: string;
  /** What its server may take; the usual when left out. */
  readonly limits?: Limits;
}

/** The revision that is downloaded. */
export const REVISION = "main";

const PUBLIC_HUB = "https://huggingface.co";

/**
 * The hub of `HF_ENDPOINT`, cached in `HF_HUB_CACHE`, else `HF_HOME/hub`, else
 * `XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`.
 *
 * @param read gives an environment variable.
 * @throws {Error} no permission to read these variables
 */
export function hubOfEnvironment(
  read: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Hub {
  try {
    const get = (name: string) => read(name) || undefined;
    const endpoint = (get("HF_ENDPOINT") ?? PUBLIC_HUB).replace(/\/+$/, "");
    const user = () => Deno.build.os === "windows" ? get("USERPROFILE") : get("HOME");
    const home = get("HF_HOME") ??
      `${get("XDG_CACHE_HOME") ?? `${user() ?? "."}/.cache`}/huggingface`;
    return { endpoint, cache: get("HF_HUB_CACHE") ?? `${home}/hub` };
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    throw new Error(
      `Cannot find the cache of data sets: got no permission (${cause.message}), expected ` +
        `--allow-env=HF_ENDPOINT,HF_HUB_CACHE,HF_HOME,XDG_CACHE_HOME,HOME,USERPROFILE`,
      { cause },
    );
  }
}

/** Where a file of a repository is cached, or would be. */
export async function locate(
  { cache }: Hub,
  repository: string,
  file: string,
): Promise<{ path: string; isThere: boolean }> {
  const folders = await snapshots(cache, repository);
  for (const folder of folders) {
    if (await exists(`${folder}/${file}`)) return { path: `${folder}/${file}`, isThere: true };
  }
  return { path: `${folders.at(-1)}/${file}`, isThere: false };
}

/** Paths inside the repository of all its files in the cache. */
export async function cachedFiles({ cache }: Hub, repository: string): Promise<string[]> {
  const paths = new Set<string>();
  for (const folder of await snapshots(cache, repository)) {
    for await (const path of filesIn(folder)) paths.add(path.slice(folder.length + 1));
  }
  return [...paths];
}

/** Folders of a repository's files: that of Python, if there is one, then that of Retort. */
async function snapshots(cache: string, repository: string): Promise<string[]> {
  const folder = `${cache}/datasets--${repository.replace("/", "--")}`;
  const ref = await Deno.readTextFile(`${folder}/refs/${REVISION}`).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return REVISION;
    throw error;
  });
  return [...new Set([ref.trim(), REVISION])].map((revision) => `${folder}/snapshots/${revision}`);
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  if (!await exists(folder)) return;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}
