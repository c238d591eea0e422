// launcher_test: what ./retort decides, with stand-ins for all programs that it starts.
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { CACHE_PERMISSION, type Ending, endOf, PERMISSIONS, ROOT } from "./support/command.ts";
import { inTemporary } from "./support/temporary.ts";

/** A machine to run the launcher on. */
interface Machine {
  /** What `deno --version` begins with after the word; without it there is no Deno. */
  readonly deno?: string;
  /** Whether there is npx. */
  readonly npx?: boolean;
  /** Whether there is apt-get, as on Debian and Ubuntu. */
  readonly apt?: boolean;
  /** Whether there is sudo. */
  readonly sudo?: boolean;
  /** The user's number, 0 for root. */
  readonly user?: number;
  /** Exit status of `info` before the driver is installed; 0 with an adapter, 3 without. */
  readonly info?: number;
  /** Exit status of `info` after the driver was installed. */
  readonly infoLater?: number;
  /** Exit status of any other command. */
  readonly status?: number;
}

const DENO = "2.9.6";

/** The stand-ins of a machine, by name. Each appends its call to $HERE/calls. */
function programsOf(machine: Machine): Record<string, string> {
  const { deno, npx, apt, sudo, user = 0, info = 0, infoLater = info, status = 0 } = machine;
  const runDeno = `case "$*" in
    *info) [ -e "$HERE/installed" ] && exit ${infoLater}; echo Limits; exit ${info} ;;
    *) exit ${status} ;;
  esac`;
  const log = (name: string) => `echo "${name} $*" >> "$HERE/calls"`;
  const readlink = `PATH='${Deno.env.get("PATH")}' exec readlink "$@"`;
  return {
    readlink,
    id: `echo ${user}`,
    ...(deno !== undefined && {
      deno: `[ "$*" = --version ] && echo "deno ${deno} (stable)\nv8 15.0" && exit
        ${log("deno")}; ${runDeno}`,
    }),
    ...(npx && { npx: `${log("npx")}; ${runDeno}` }),
    ...(apt &&
      { "apt-get": `${log("apt-get")}; echo Reading; [ $1 = update ] || : > "$HERE/installed"` }),
    ...(sudo && { sudo: `${log("sudo")}; exec "$@"` }),
  };
}

/** Runs the launcher on a machine; `calls` are the programs it started and their arguments. */
async function launch(machine: Machine, ...args: string[]): Promise<Ending & { calls: string[] }> {
  let result: Ending & { calls: string[] };
  await inTemporary(async (dir) => {
    await writePrograms(`${dir}/bin`, programsOf(machine));
    const ending = await runLauncher(args, dir, { PATH: `${dir}/bin`, HERE: dir });
    const calls = await Deno.readTextFile(`${dir}/calls`).catch(() => "");
    result = { ...ending, calls: linesOf(calls) };
  });
  return result!;
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

async function writePrograms(dir: string, programs: Record<string, string>): Promise<void> {
  await Deno.mkdir(dir);
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(`${dir}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

function runLauncher(args: string[], cwd: string, env: Record<string, string>): Promise<Ending> {
  // A test of the device in this process may have set the backend, which decides what is found.
  const { DENO_WEBGPU_BACKEND: _, ...others } = Deno.env.toObject();
  const pipes = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const options = { args, cwd, clearEnv: true, env: { ...others, ...env }, ...pipes };
  return endOf(new Deno.Command(`${ROOT}retort`, options).spawn());
}

const VARIABLES = [PERMISSIONS.at(-1)!, CACHE_PERMISSION].map((flag) => flag.split("=")[1]).join();

/** What Deno is to be called with, by the flags beside --allow-env. */
function run(command: string, flags = "--allow-read --allow-write --allow-sys=hostname "): string {
  return `run ${flags}--allow-env=${VARIABLES} ${ROOT}cli.ts ${command}`.trim();
}

Deno.test("a command that computes: the adapter is looked for with its permissions", async () => {
  const commands = [
    "distill --quiet",
    "--json train",
    "sweep",
    "baselines",
    "gradcheck",
    "linear",
    "plot",
  ];
  for (const command of commands) {
    const { code, out, err, calls } = await launch(
      { deno: DENO, apt: true },
      ...command.split(" "),
    );
    assert.deepEqual([code, out, err], [0, "", ""]);
    assert.deepEqual(calls, [`deno ${run("info")}`, `deno ${run(command)}`]);
  }
  const { calls } = await launch({ deno: DENO }, "evaluate", "out/a b");
  const onlyRead = ["info", "evaluate out/a b"].map((line) => run(line, "--allow-read "));
  assert.deepEqual(calls, onlyRead.map((line) => `deno ${line}`));
});

Deno.test("other commands start at once; only data may use the network", async () => {
  const machine = { deno: DENO, apt: true, info: 3, status: 7 };
  const expected = {
    "": run(""),
    "data usps": run("data usps", "--allow-read --allow-write --allow-net "),
    "--json export out/quick": run("--json export out/quick"),
    "info": run("info", ""),
    "distill --help": run("distill --help"),
    "help distill": run("help distill"),
    "--version": run("--version"),
  };
  for (const [command, line] of Object.entries(expected)) {
    const args = command.split(" ").filter((word) => word !== "");
    const { code, calls } = await launch(machine, ...args);
    assert.deepEqual([code, calls], [command === "info" ? 3 : 7, [`deno ${line}`]]);
  }
});

Deno.test("arguments arrive as they are", async () => {
  await inTemporary(async (dir) => {
    const deno = `[ "$1" = --version ] && echo "deno ${DENO}" && exit; printf '<%s>' "$@"`;
    const { readlink } = programsOf({}) as { readlink: string };
    await writePrograms(`${dir}/bin`, { deno, readlink });
    const args = ["export", "a  b", "", "*", `"$HOME"`, "[{dense: classes}]"];
    const { out } = await runLauncher(args, dir, { PATH: `${dir}/bin` });
    assert.ok(out.endsWith(`cli.ts>${args.map((arg) => `<${arg}>`).join("")}`), out);
  });
});

Deno.test("test runs the project's checks, and takes no arguments", async () => {
  const { code, calls } = await launch({ deno: DENO, status: 5 }, "test");
  assert.deepEqual([code, calls], [5, [`deno ${run("info")}`, "deno task --quiet ok"]]);
});

Deno.test("test with arguments is bad usage", async () => {
  const { code, err, calls } = await launch({ deno: DENO }, "test", "a.ts");
  const message = "Cannot run test a.ts: expected test alone; deno task test FILE runs one file\n";
  assert.deepEqual([code, err, calls], [2, message, []]);
});

Deno.test("Deno 2.9.6 or later is used, else npx", async () => {
  for (const deno of ["2.9.6", "2.9.10", "2.9.6+1a2b3c4", "2.10.0-rc.1", "2.11.0", "3.0.0"]) {
    const { calls } = await launch({ deno, npx: true }, "info");
    assert.deepEqual(calls, [`deno ${run("info", "")}`], deno);
  }
  for (const deno of ["2.9.5", "2.9.5+1a2b3c4", "2.9.0-rc.1", "2.8.10", "2.0.0", "1.46.3", "?"]) {
    const { calls } = await launch({ deno, npx: true }, "info");
    assert.deepEqual(calls, [`npx -y deno@2.9.6 ${run("info", "")}`], deno);
  }
  const { code, calls } = await launch({ npx: true, status: 9 }, "distill");
  const lines = [run("info"), run("distill")].map((line) => `npx -y deno@2.9.6 ${line}`);
  assert.deepEqual([code, calls], [9, lines]);
  const test = await launch({ npx: true }, "test");
  assert.equal(test.calls.at(-1), "npx -y deno@2.9.6 task --quiet ok");
});

Deno.test("with neither Deno nor npx: what to install", async () => {
  const message =
    "Cannot run Retort: got no Deno 2.9.6 or later, and no npx; install Deno or Node with npm\n";
  for (const machine of [{}, { deno: "2.9.5" }]) {
    const { code, err, calls } = await launch(machine, "distill");
    assert.deepEqual([code, err, calls], [1, message, []]);
  }
});

const INSTALL = ["apt-get update", "apt-get install -y mesa-vulkan-drivers"];

Deno.test("without an adapter root on Debian gets the driver, then the command runs", async () => {
  const machine = { deno: DENO, apt: true, sudo: true, info: 3, infoLater: 0, status: 4 };
  const { code, out, err, calls } = await launch(machine, "distill");
  const [info, distill] = [`deno ${run("info")}`, `deno ${run("distill")}`];
  assert.deepEqual(calls, [info, ...INSTALL, info, distill]);
  const note = "Installing Mesa's Vulkan driver: apt-get install -y mesa-vulkan-drivers\n";
  assert.deepEqual([code, out], [4, ""]);
  assert.equal(err, `${note}Reading\nReading\n`);
});

Deno.test("another user on Debian gets it through sudo, and is told", async () => {
  const machine = { deno: DENO, apt: true, sudo: true, user: 1000, info: 3, infoLater: 0 };
  const { err, calls } = await launch(machine, "test");
  const info = `deno ${run("info")}`;
  const install = INSTALL.flatMap((line) => [`sudo ${line}`, line]);
  assert.deepEqual(calls, [info, ...install, info, "deno task --quiet ok"]);
  assert.match(
    err,
    /^Installing Mesa's Vulkan driver: sudo apt-get install -y mesa-vulkan-drivers$/m,
  );
});

Deno.test("no adapter, and no way to install one: exit status 3, and no command", async () => {
  const info = `deno ${run("info")}`;
  const elsewhere = await launch({ deno: DENO, sudo: true, info: 3 }, "distill");
  assert.deepEqual([elsewhere.code, elsewhere.calls], [3, [info]]);
  const denied = await launch({ deno: DENO, apt: true, user: 1000, info: 3 }, "distill");
  assert.deepEqual([denied.code, denied.calls], [3, [info]]);
  assert.match(denied.err, /^Cannot install mesa-vulkan-drivers: got neither root nor sudo; /);
  const useless = await launch({ deno: DENO, apt: true, info: 3 }, "distill");
  assert.deepEqual([useless.code, useless.calls], [3, [info, ...INSTALL, info]]);
});

Deno.test("where info fails otherwise nothing is installed and its status is passed on", async () => {
  const { code, calls } = await launch({ deno: DENO, apt: true, info: 1 }, "test");
  assert.deepEqual([code, calls], [1, [`deno ${run("info")}`]]);
});

Deno.test({
  name: "an OpenGL adapter without a Vulkan driver counts as none, as it does for distill",
  ignore: Deno.build.os !== "linux", // Metal and DirectX cannot be hidden
  fn: () =>
    inTemporary(async (dir) => {
      const { "apt-get": apt, id } = programsOf({ apt: true }) as Record<string, string>;
      await writePrograms(`${dir}/bin`, { "apt-get": apt!, id: id! });
      const { code, out, err } = await runLauncher(["distill", "--iterations", "1"], dir, {
        PATH: `${dir}/bin:${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
        HERE: dir,
        VK_DRIVER_FILES: "/nonexistent.json",
        VK_ICD_FILENAMES: "/nonexistent.json", // its name until Vulkan 1.3.207
        XDG_RUNTIME_DIR: dir,
      });
      assert.deepEqual([code, out], [3, ""], err);
      assert.match(err, /^Cannot find a WebGPU adapter: .*; on Linux without a GPU install/);
      assert.deepEqual(linesOf(await Deno.readTextFile(`${dir}/calls`)), INSTALL);
    }),
});

Deno.test("relative paths are the caller's: the command runs in its folder, and none is a task", async () => {
  await inTemporary(async (dir) => {
    await writePrograms(`${dir}/bin`, {
      ...programsOf({ deno: DENO }),
      deno: `[ "$*" = --version ] && echo "deno ${DENO} (stable)" && exit; pwd`,
    });
    await Deno.mkdir(`${dir}/elsewhere`);
    const env = { PATH: `${dir}/bin`, HERE: dir };
    const { code, out } = await runLauncher(["recipes"], `${dir}/elsewhere`, env);
    assert.deepEqual([code, out], [0, `${await Deno.realPath(`${dir}/elsewhere`)}\n`]);
  });
  // A task would run in the repository's folder.
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const [name, task] of Object.entries<string>(tasks)) {
    assert.doesNotMatch(task, /deno run .*cli\.ts/, name);
  }
});
