/**
 * Retort: dataset distillation on WebGPU (Wang, Zhu, Torralba, Efros 2018, arXiv 1811.10959).
 *
 * @example Distil MNIST and test the result
 * ```ts
 * import { distill, loadDataset, loadRecipe, openDevice } from "./mod.ts";
 *
 * using device = await openDevice();
 * const recipe = await loadRecipe("quick", { iterations: 100 });
 * const { after } = await distill(device, recipe, await loadDataset("mnist"), { out: "out/quick" });
 * console.log(after.mean);
 * ```
 *
 * @module
 */
import { Device } from "./src/gpu/mod.ts";

export type { Arch, Layer } from "./src/nets/arch.ts";
export { type Dataset, type Split } from "./src/data/dataset.ts";
export { type DatasetOptions, loadDataset, UnknownDatasetError } from "./src/data/load.ts";
export type { FloatTensor } from "./src/data/safetensors.ts";
export type { Accuracy } from "./src/distill/accuracy.ts";
export { type Artifact, readArtifact } from "./src/distill/artifact.ts";
export type { Attack, AttackMeasures } from "./src/distill/attack.ts";
export {
  type Baseline,
  baselines,
  type BaselinesOptions,
  type NeighborCell,
} from "./src/distill/baselines.ts";
export {
  distill,
  type DistillOptions,
  type DistillResult,
  type Progress,
} from "./src/distill/distill.ts";
export { evaluate, type EvaluateOptions, type Gain } from "./src/distill/evaluate.ts";
export type { Cell, Rate } from "./src/distill/grid.ts";
export { formatBytes } from "./src/distill/bytes.ts";
export { evaluateOrdinary, ON_DISTILLED, type OrdinaryTraining } from "./src/distill/ordinary.ts";
export { type BaselineName, BASELINES, type Published } from "./src/distill/published.ts";
export type { Norm } from "./src/data/neighbors.ts";
export { gradcheck, type GradcheckOptions, type GradcheckResult } from "./src/distill/gradcheck.ts";
export {
  loadRecipe,
  parseArch,
  parseRecipe,
  type Recipe,
  RECIPE_SETTINGS,
  recipeToYaml,
} from "./src/distill/recipe.ts";
export {
  type Over,
  type PlannedRun,
  planSweep,
  type Spread,
  sweep,
  type SweepOptions,
  type SweepPlan,
  type SweepPoint,
  type SweepResult,
} from "./src/distill/sweep.ts";
export {
  trainNetworks,
  type TrainOptions,
  type TrainProgress,
  type TrainResult,
} from "./src/distill/train.ts";
export { type TrainSettings, trainSettings } from "./src/distill/train_settings.ts";
export { UsageError } from "./src/distill/usage_error.ts";
export { version } from "./src/distill/version.ts";
export { EXPORT_FORMATS, exportArtifact, type ExportFormat } from "./src/export/export.ts";
export { LOSS_NAMES } from "./src/layers/loss.ts";
export type { InitMethod } from "./src/nets/init.ts";
export type {
  Bindings,
  DeviceInfo,
  Groups,
  Kernel,
  Overrides,
  Profile,
  Recorder,
  Run,
  Sizes,
  Source,
  Tensor,
  Words,
} from "./src/gpu/mod.ts";
export { Device };

/**
 * Opens the machine's WebGPU adapter.
 *
 * @throws Error when there is none; the message says what to install.
 */
export function openDevice(): Promise<Device> {
  return Device.open();
}
