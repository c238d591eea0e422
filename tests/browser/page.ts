/**
 * page: what runs in the browser. It fetches the cases, compares the gradient of each with float64, runs a broken
 * kernel, and leaves a report on the global object as `done`.
 */
import { Device, link, type Profile } from "../../src/gpu/mod.ts";
import { gradcheck, type GradcheckOptions, type GradcheckResult } from "../../src/run/gradcheck.ts";
import { gradcheckKernel, type KernelGradcheckOptions } from "../../src/run/gradcheck_kernel.ts";
import { gradient } from "../oracle/numeric.ts";
import {
  type Case as MatchingCase,
  distancesAt,
  featureDistance,
  inputsOf,
  iterate,
  ofClass,
  SMALL,
} from "../support/matching.ts";
import { relativeError } from "../support/nets.ts";

/** A check of gradients under one profile's tile shapes. */
export interface Case {
  /** Names it in the outcome. */
  readonly name: string;
  /** Which tile shapes to compile. */
  readonly profile: Profile["name"];
  /** Of unrolled training, of kernel regression, or of gradient matching. */
  readonly check:
    | { readonly unrolled: GradcheckOptions }
    | { readonly kernel: KernelGradcheckOptions }
    | { readonly matching: Partial<MatchingCase> };
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

async function outcomeOf({ name, profile, check }: Case): Promise<Outcome> {
  using device = await Device.open({ profile }); // a fresh one: no case sees another's failures
  const start = performance.now();
  const [account, passed] = await resultOf(device, check);
  const seconds = (performance.now() - start) / 1000;
  return { name, adapter: device.info.name, account, passed, seconds };
}

async function resultOf(device: Device, check: Case["check"]): Promise<[string, boolean]> {
  try {
    if ("matching" in check) return await matchingResult(device, { ...SMALL, ...check.matching });
    const result: Partial<GradcheckResult> = "kernel" in check
      ? await gradcheckKernel(device, check.kernel)
      : await gradcheck(device, check.unrolled);
    const { passed, ...parts } = result;
    const errors = Object.entries(parts).map(([of, { relativeError }]) => {
      return `${of} ${relativeError.toExponential(1)}`;
    });
    return [errors.join(", "), passed!];
  } catch (error) {
    return [String(error), false];
  }
}

/** Of the second iteration, before which the network took its steps; features have only first ones. */
async function matchingResult(device: Device, test: MatchingCase): Promise<[string, boolean]> {
  const k = test.match === "features" ? 0 : 1;
  const { net, images: found } = await iterate(device, test, k + 1);
  const { images } = inputsOf(test);
  const expected = test.match === "features"
    ? gradient(featureDistance(test), images)
    : distancesAt(test, net, k).flatMap((distance, c) => {
      return [...gradient(distance, ofClass(images, test.classes, c))];
    });
  const error = relativeError(found, Float64Array.from(expected));
  return [`images ${error.toExponential(1)}`, error < 1e-5];
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
