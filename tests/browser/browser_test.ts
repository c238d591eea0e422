/**
 * browser_test: meta-gradients in headless Chromium, where Tint compiles the kernels and Dawn runs them
 * on SwiftShader, its software adapter. `deno task test:browser` runs it, `deno task test` does not.
 */
import assert from "node:assert/strict";
import { type Browser, launch } from "puppeteer-core";
import type { Layer } from "../../src/nets/arch.ts";
import { inTemporary } from "../support/temporary.ts";
import { ROOT } from "../support/command.ts";
import type { Case, Report } from "./page.ts";

const CHROMIUM = "/usr/bin/chromium";

const FLAGS = [
  "--no-sandbox", // with one it refuses to start as root
  "--enable-unsafe-webgpu", // without it there is no software adapter
  "--use-webgpu-adapter=swiftshader",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** Milliseconds for all cases together; two cores take three minutes. */
const LONGEST = 20 * 60_000;

/** Every kind of layer, and each of the kernels that a convolution chooses from. */
const EVERY_KIND: readonly Layer[] = [
  { conv: { channels: 4, size: 5, stride: 1, pad: 2 } },
  { max_pool: { size: 2, stride: 2, pad: 0 } }, // the convolution takes it
  "relu",
  { lrn: { size: 4, alpha: 0.5, beta: 0.75, k: 1 } },
  { conv: { channels: 6, size: 3, stride: 2, pad: 1 } },
  { instance_norm: { eps: 1e-5 } },
  "relu",
  { max_pool: { size: 3, stride: 2, pad: 1 } },
  { avg_pool: { size: 2, stride: 2, pad: 0 } },
  { conv: { channels: 5, size: 3, stride: 1, pad: 3 } },
  { dense: { outputs: 15 } },
  "relu",
  { dense: { outputs: "classes" } },
];

// The one rate of seed 1 has next to no gradient in ConvNet: f32 gets few digits of such a difference.
const FEW = { steps: 1, epochs: 1, perClass: 1, batch: 4, networks: 1, seed: 2 };
const SOME = { steps: 2, epochs: 2, perClass: 1, batch: 8, networks: 2, seed: 1 };

const NTK = { depth: 2, sigmaW2: 2, sigmaB2: 0.01 };
const OF_KERNEL = { perClass: 1, batch: 20, seed: 1 };

const CHECKS: Readonly<Record<string, Case["check"]>> = {
  "lenet": { unrolled: { arch: "lenet", ...SOME } },
  "convnet3:width=16": { unrolled: { arch: "convnet3:width=16", ...FEW } },
  "every kind of layer": { unrolled: { arch: EVERY_KIND, ...SOME } },
  "sigmoid_xent": { unrolled: { arch: EVERY_KIND, loss: "sigmoid_xent", ...SOME } },
  "mse": { unrolled: { arch: EVERY_KIND, loss: "mse", ...SOME } },
  "kernel fc": { kernel: { kernel: { kernel: "fc", ...NTK }, ...OF_KERNEL } },
  "kernel conv": { kernel: { kernel: { kernel: "conv", ...NTK }, ...OF_KERNEL } },
  "matching": { matching: {} },
  "matching, augmented": { matching: { isSiamese: true } },
  "matching of features": { matching: { match: "features" } },
};

const CASES: readonly Case[] = [
  ...(["software", "hardware"] as const).flatMap((profile) =>
    Object.entries(CHECKS).map(([name, check]) => ({
      name: `${name} [${profile}]`,
      profile,
      check,
    }))
  ),
  { name: "alexcifar", profile: "hardware", check: { unrolled: { arch: "alexcifar", ...FEW } } }, // slow: once
];

const PAGE = `<!doctype html>
<link rel="icon" href="data:,">
<script type="module" src="page.js"></script>`;

/** page.ts as one script with all that it imports, kernels too. */
async function bundle(path: string): Promise<string> {
  const args = ["bundle", "--quiet", "--platform=browser", "--output", path];
  const options = { args: [...args, "tests/browser/page.ts"], cwd: ROOT };
  const { code, stderr } = await new Deno.Command("deno", options).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return await Deno.readTextFile(path);
}

/** Serves the page from 127.0.0.1: WebGPU wants a secure context, and that is one without TLS. */
function serve(script: string): Deno.HttpServer<Deno.NetAddr> {
  const files: Record<string, [type: string, body: string]> = {
    "/": ["text/html", PAGE],
    "/page.js": ["text/javascript", script],
    "/cases.json": ["application/json", JSON.stringify(CASES)],
  };
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  return Deno.serve(options, (request) => {
    const [type, body] = files[new URL(request.url).pathname] ?? [];
    if (type === undefined) return new Response(null, { status: 404 });
    return new Response(body, { headers: { "content-type": type } });
  });
}

/** Starts Chromium with `home` for its profile and all else. @throws Error where there is none. */
async function start(home: string): Promise<Browser> {
  await Deno.stat(CHROMIUM).catch(() => {
    throw new Error(`Cannot find ${CHROMIUM}: install Chromium (Debian: apt-get install chromium)`);
  });
  return await launch({
    executablePath: CHROMIUM,
    args: FLAGS,
    userDataDir: `${home}/profile`,
    env: { HOME: home }, // all of ours would take permission to read every variable
    protocolTimeout: LONGEST,
  });
}

/** The report of the page at `url`; what it complains of on the console goes to `complaints`. */
async function reportOf(url: string, browser: Browser, complaints: string[]): Promise<Report> {
  const page = await browser.newPage();
  const failed = Promise.withResolvers<never>();
  page.on("error", failed.reject); // the page crashed
  page.on("pageerror", failed.reject); // its script threw
  page.on("console", (message) => {
    const [type, text] = [message.type(), message.text()];
    const isComplaint = type === "error" || type === "warn"; // Tint's errors come as warnings
    const isFirst = !text.includes("is invalid due to a previous error");
    const isWanted = text.includes("broken.wgsl");
    if (isComplaint && isFirst && !isWanted) complaints.push(text);
  });
  const report = async () => {
    await page.goto(url);
    const done = await page.waitForFunction("globalThis.done", { timeout: LONGEST });
    return await done.jsonValue() as Report;
  };
  return await Promise.race([report(), failed.promise]);
}

Deno.test("kernels in Chromium agree with the oracle, and it is said what is wrong with one", async (t) => {
  const complaints: string[] = [];
  await inTemporary(async (dir) => {
    await using server = serve(await bundle(`${dir}/page.js`));
    await using browser = await start(dir);
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const { outcomes, refusal } = await reportOf(url, browser, complaints);
    assert.deepEqual(outcomes.map(({ name }) => name), CASES.map(({ name }) => name));
    for (const { name, adapter, account, passed, seconds } of outcomes) {
      await t.step(name, () => {
        console.log(`${adapter}, ${seconds.toFixed(1)} s: ${account}`);
        assert.ok(passed, account);
      });
    }
    await t.step("a broken kernel", () => {
      assert.match(
        refusal,
        /^Error: Cannot compile broken\.wgsl: kernels\/broken\.wgsl:3: .*nonsense/,
      );
    });
  });
  assert.deepEqual(complaints, []);
});
