// permissions: the whole line to type where Deno was not allowed what a command needs.
import { fileURLToPath } from "node:url";

/** How Deno says that it was not allowed something, wherever that is quoted. */
const REFUSED = /Requires (?:all|read|write|env|net|run|sys|ffi|import) access/;

/** Whether a message is of Deno's permissions, and does not itself say what to allow and why. */
export function isRefusal(message: string): boolean {
  return REFUSED.test(message) && !message.includes("got no permission");
}

/** Whether Deno would ask for what the YAML parser reads, which has a name that tells users nothing. */
export async function wouldAsk(): Promise<boolean> {
  const { state } = await Deno.permissions.query({ name: "env", variable: "LOG_TOKENS" });
  return state === "prompt";
}

/** Says what to type, for a command line of Retort. */
export function permissionAdvice(args: readonly string[]): string {
  const command = args.find((arg) => !arg.startsWith("-")) ?? "Retort";
  const allowed = ["--allow-read", "--allow-write", "--allow-env"];
  if (command === "data") allowed.push("--allow-net");
  const words = [fileURLToPath(Deno.mainModule), ...args].map(shellWord);
  const line = ["deno run", ...allowed, ...words].join(" ");
  return `Cannot run ${command}: got too few of Deno's permissions, expected those of ./retort, which ` +
    `gives them by itself, or of this line: ${line}`;
}

/** An argument as a shell takes it. */
function shellWord(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
