/** SetUp: what a recipe comes to on a device, by its objective: what is learned from what, and how it is tested. */
import type { FloatTensor } from "../base/safetensors.ts";
import type { Accuracy } from "../evaluate/accuracy.ts";
import type { Gain, Training } from "../evaluate/measure.ts";
import type { Device } from "../gpu/mod.ts";
import type { Start } from "../meta/learned.ts";
import type { InnerSpec } from "../meta/inner_spec.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Dataset } from "../sets/dataset.ts";
import type { NetworkFile } from "../store/network_file.ts";
import type { OuterLoop } from "./outer_loop.ts";
import { setUpKernel } from "./set_up_kernel.ts";
import { setUpMatching } from "./set_up_matching.ts";
import { setUpUnrolled } from "./set_up_unrolled.ts";

/** A run that is ready to begin. */
export interface Setting {
  /** The sizes of its distilled data. */
  readonly spec: InnerSpec;
  /** What is learned, an iteration after the other. */
  readonly loop: OuterLoop;
  /** What GPU memory is spent on, line by line, and bytes in all. */
  readonly memory: { readonly lines: string[]; readonly bytes: number };
  /** Labels that the distilled data start with; one class each, in order, when left out. */
  readonly labels?: Start["labels"];
  /** The fixed initial network under PyTorch's names, where there is one. */
  initial(): Promise<Record<string, FloatTensor>>;
  /** Networks that a test trains, of each architecture; 1 where a kernel predicts. */
  readonly networks: number;
  /** What the data reach on test images, by so many networks where not by all. */
  accuracy(training: Training, networks?: number): Promise<Accuracy>;
  /** The same, and what was reached without them. */
  gain(training: Training): Promise<Gain>;
  /** Does what is left after the last iteration, if anything is. */
  complete?(): Promise<void>;
}

/** What a run is made with, besides its recipe. */
export interface SetUpOptions {
  /** Bytes of GPU memory that it may take; 4 GB when left out. */
  readonly memoryBudget?: number | undefined;
  /** Trained networks to start from, for a recipe with `pretrained`. */
  readonly file?: NetworkFile | undefined;
  /** Ends tests of networks early, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes all that the run takes.
 *
 * @throws UsageError when the run does not fit into the budget, or the file has too few networks.
 */
export function setUp(
  device: Device,
  recipe: Recipe,
  dataset: Dataset,
  options: SetUpOptions = {},
): Setting {
  if (recipe.objective === "kernel") return setUpKernel(device, recipe, dataset, options);
  if (recipe.objective === "matching") return setUpMatching(device, recipe, dataset, options);
  return setUpUnrolled(device, recipe, dataset, options);
}
