/** Command: the command line in a process of its own, with no more permissions than it needs. */

/** The permissions that Retort needs. */
export const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env=LOG_TOKENS,LOG_STREAM,DENO_WEBGPU_BACKEND",
];

/** What it takes besides to read the cache of data sets. */
export const CACHE_PERMISSION =
  "--allow-env=HF_ENDPOINT,HF_HUB_CACHE,HF_HOME,XDG_CACHE_HOME,HOME,USERPROFILE";

/** The repository's folder, with a slash at the end. */
export const ROOT = new URL("../..", import.meta.url).pathname;

/** How a command ended. */
export interface Ending {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Starts a command line of Retort, with permissions and environment variables besides the usual. */
export function start(
  args: string[],
  { cli = `${ROOT}cli.ts`, cwd = ROOT, permissions = [] as string[], env = {} } = {},
) {
  return new Deno.Command("deno", {
    args: ["run", "--quiet", ...PERMISSIONS, ...permissions, cli, ...args],
    cwd,
    env: { XDG_RUNTIME_DIR: cwd, ...env }, // unset, the Vulkan loader would complain on stderr
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command line of Retort to its end. */
export async function retort(args: string[], where: Parameters<typeof start>[1] = {}) {
  return await endOf(start(args, where));
}

/** Waits for a process to end. */
export async function endOf(child: Deno.ChildProcess): Promise<Ending> {
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out: out!, err: err! };
}
