/**
 * page: what runs in the browser. It fetches the cases, compares the meta-gradient of each with the
 * float64 oracle, runs a broken kernel, and leaves a report on the global object as `done`.
 */
import { gradcheck, type GradcheckOptions } from "../../src/run/gradcheck.ts";
import { Device, link, type Profile } from "../../src/gpu/mod.ts";

/** A check of gradients under one profile's tile shapes. */
export interface Case extends GradcheckOptions {
  /** Names it in the outcome. */
  readonly name: string;
  /** Which tile shapes to compile. */
  readonly profile: Profile["name"];
}

/** What came out of a case. */
export interface Outcome {
  /** Name of the case. */
  readonly name: string;
  /** Name of the adapter. */
  readonly adapter: string;
  /** Relative errors in words, or why there are none. */
  readonly account: string;
  /** Whether all of them are small enough. */
  readonly passed: boolean;
  /** How long it took, compilation and oracle included. */
  readonly seconds: number;
}

/** What the page did. */
export interface Report {
  readonly outcomes: readonly Outcome[];
  /** What is said of {@linkcode BROKEN}. */
  readonly refusal: string;
}

/** A kernel with a mistake in line 3. */
const BROKEN = link("broken.wgsl", {
  "broken.wgsl": `// uses: shared/sizes.wgsl
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(WG) fn run() { out[size.R] = nonsense; }
`,
});

async function outcomeOf({ name, profile, ...options }: Case): Promise<Outcome> {
  using device = await Device.open({ profile }); // a fresh one: no case sees another's failures
  const start = performance.now();
  const [account, passed] = await check(device, options);
  const seconds = (performance.now() - start) / 1000;
  return { name, adapter: device.info.name, account, passed, seconds };
}

async function check(device: Device, options: GradcheckOptions): Promise<[string, boolean]> {
  try {
    const { passed, ...parts } = await gradcheck(device, options);
    const errors = Object.entries(parts).map(([of, { relativeError }]) => {
      return `${of} ${relativeError.toExponential(1)}`;
    });
    return [errors.join(", "), passed];
  } catch (error) {
    return [String(error), false];
  }
}

async function refusalOfBroken(): Promise<string> {
  using device = await Device.open();
  using out = device.tensor([4]);
  const record = device.record();
  const kernel = device.kernel(BROKEN, "run", { WG: 1 });
  record.dispatch(kernel, { sizes: {}, bindings: { out } }, [1]);
  record.submit();
  return await out.read().then((words) => `none, and the kernel wrote ${words}`, String);
}

const cases: Case[] = await (await fetch("cases.json")).json();
const outcomes: Outcome[] = [];
for (const each of cases) outcomes.push(await outcomeOf(each));
const report: Report = { outcomes, refusal: await refusalOfBroken() };
Object.assign(globalThis, { done: report });
