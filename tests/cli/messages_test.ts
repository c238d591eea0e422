/**
 * What careless command lines are told, beside messages.md, which shows all of it to a reader. A message that
 * is meant to change: `RETORT_MESSAGES=write deno task test tests/cli/messages_test.ts` writes the page anew.
 */
import assert from "node:assert/strict";
import * as library from "../../mod.ts";
import { run } from "../../src/cli/program.ts";
import { endOf, ROOT } from "../support/command.ts";
import { inTemporary } from "../support/temporary.ts";

const PAGE = `${ROOT}tests/cli/messages.md`;

const INTRODUCTION = `# What careless command lines are told

Each line ends with its exit status: 1 the command failed, 2 it was used wrongly. \`photos\` is a
folder with a file in it, \`notes.txt\` a text, \`net.pt\` a file of \`torch.save\`.
[messages_test.ts](messages_test.ts) runs all of them and compares.
`;

/** Quiet, since the notes of a run name the adapter. */
const ATTACK = ["distill", "--quiet", "--recipe", "attack-mnist", "--out", "@new"];

/** Command lines by what is wrong with them; a word with @ before it is a path in the temporary folder. */
const CASES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "Words without their option, and commands that are none": [
    ["distill", "quick"],
    ["distill", "cifar10"],
    ["sweep", "quick", "--over", "lr=0.01,0.02"],
    ["baselines", "mnist-fixed-10"],
    ["train", "mnist"],
    ["recipes", "quick"],
    ["recipes", "show"],
    ["evaluate"],
    ["distil"],
    ["help", "trian"],
    ["help", "quick"],
    ["help", "learning-rate"],
    ["info", "gpu"],
  ],
  "Settings and options under other names": [
    ["distill", "--set", "learning_rate=0.1"],
    ["distill", "--set", "ipc=10"],
    ["distill", "--set", "stepz=3"],
    ["distill", "--lr", "0.1"],
    ["distill", "--learning-rate", "0.1"],
    ["distill", "--batch-size", "64"],
    ["train", "--learning-rate", "0.1"],
  ],
  "Values that cannot be": [
    ["distill", "--set", "lr"],
    ["distill", "--set", "steps=0"],
    ["distill", "--epochs", "many"],
    ["distill", "--memory-budget", "2"],
    ["distill", "--arch", "resnet18"],
    ["distill", "--arch", "[{conv: {channels: 6}}, relu]"],
    ["sweep", "--recipe", "quick", "--over", "lr=1,1"],
    ["gradcheck", "--window", "99"],
    ["export", "@photos"],
    ["export", "@photos", "--format", "pt", "--out", "@pt"],
  ],
  "Names that are none, and files that are folders": [
    ["distill", "--recipe", "quik"],
    ["distill", "--recipe", "@photos"],
    ["distill", "--dataset", "minst"],
    ["distill", "--dataset", "imagenet"],
    ["distill", "--dataset", "folder:@photos"],
    ["distill", "--dataset", "csv:@none.csv"],
    ["linear", "--csv", "@photos", "--target", "price"],
    ["train", "--out", "@photos"],
    ["baselines", "--recipe", "quick", "--out", "@photos"],
    ["compare", "@photos"],
  ],
  "Folders that are files, in use or empty": [
    ["distill", "--out", "@notes.txt"],
    ["distill", "--out", "@photos"],
    ["distill", "--resume", "--out", "@none"],
    ["sweep", "--recipe", "quick", "--over", "lr=0.01,0.02", "--out", "@notes.txt"],
    ["evaluate", "@notes.txt"],
    ["export", "@photos", "--format", "npz", "--out", "@photos.npz"],
  ],
  "Trained networks that are not there, or of another format": [
    [...ATTACK, "--set", "pretrained=@mnist.safetensors"],
    [
      ...ATTACK,
      "--set",
      "init=fixed",
      "--set",
      "networks=1",
      "--set",
      "pretrained=@usps.safetensors",
    ],
    [...ATTACK, "--set", "pretrained=@net.pt"],
    [...ATTACK, "--set", "pretrained=@photos"],
  ],
};

/** Without Deno's permissions, so in a process of their own. */
const WITHOUT_PERMISSIONS = [["recipes", "show", "quick"], ["distill", "--out", "my folder"]];

Deno.test("careless command lines are told what messages.md says", async () => {
  let count = 0;
  let page = INTRODUCTION;
  await inTemporary(async (dir) => {
    await prepare(dir);
    for (const [title, lines] of Object.entries(CASES)) {
      page += `\n## ${title}\n\n\`\`\`text\n`;
      for (const line of lines) {
        page += await answer(dir, line);
        count++;
      }
      page += "```\n";
    }
  });
  page += "\n## Without Deno's permissions\n\n```text\n";
  for (const line of WITHOUT_PERMISSIONS) page += await answerWithoutPermissions(line);
  page += "```\n";
  assert.ok(count >= 40);
  if (Deno.env.get("RETORT_MESSAGES") === "write") await Deno.writeTextFile(PAGE, page);
  assert.equal(page, await Deno.readTextFile(PAGE));
});

async function prepare(dir: string): Promise<void> {
  await Deno.mkdir(`${dir}/photos`);
  await Deno.writeTextFile(`${dir}/photos/holiday.txt`, "sun");
  await Deno.writeTextFile(`${dir}/notes.txt`, "milk");
  await Deno.writeTextFile(`${dir}/net.pt`, "PK\x03\x04 and so on");
}

/** Runs a command line; gives it, what it printed and its status, without paths of this machine. */
async function answer(dir: string, words: readonly string[]): Promise<string> {
  const args = words.map((word) => word.replace("@", `${dir}/`));
  const found: string[] = [];
  const take = (line: string) => void found.push(line);
  const status = await run(args, library, { print: take, note: take });
  const typed = words.map((word) => word.replace("@", ""));
  return told(typed, found.join("\n"), status).replaceAll(`${dir}/`, "");
}

async function answerWithoutPermissions(words: readonly string[]): Promise<string> {
  const args = ["run", "--quiet", "--no-prompt", `${ROOT}cli.ts`, ...words];
  const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const { code, out, err } = await endOf(new Deno.Command("deno", { args, ...pipes }).spawn());
  return told(words, (out + err).trimEnd(), code, "deno run cli.ts").replaceAll(ROOT, "");
}

function told(words: readonly string[], text: string, status: number, by = "retort"): string {
  const quoted = words.map((word) => /[ {]/.test(word) ? `"${word}"` : word);
  return `$ ${by} ${quoted.join(" ")}\n${text}\n[${status}]\n`;
}
