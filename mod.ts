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
export * from "./src/core.ts";
export { type Archs, archsOf, labelsOf } from "./src/nets/arch.ts";
export { type DatasetOptions, loadDataset, UnknownDatasetError } from "./src/data/load.ts";
export {
  type AcrossOptions,
  type AcrossRow,
  acrossRuns,
  evaluateAcross,
} from "./src/evaluate/across.ts";
export { STRATEGIES, type Strategy } from "./src/evaluate/strategies.ts";
export type { Accuracy } from "./src/evaluate/accuracy.ts";
export { type Artifact, readArtifact } from "./src/store/artifact.ts";
export type { Attack, AttackMeasures } from "./src/evaluate/attack.ts";
export {
  type Baseline,
  baselines,
  type BaselinesOptions,
  type NeighborCell,
} from "./src/evaluate/baselines.ts";
export {
  distill,
  type DistilledArrays,
  type DistillOptions,
  type DistillResult,
  type Outlook,
  type Progress,
} from "./src/run/distill.ts";
export {
  linear,
  type LinearOptions,
  type LinearPoint,
  type LinearResult,
} from "./src/run/linear.ts";
export { readRegression, type Regression } from "./src/data/regression.ts";
export { drawnRegression } from "./src/linear/problem.ts";
export type { ClosedForm } from "./src/linear/closed_form.ts";
export type { Points } from "./src/linear/points.ts";
export type { ExcessPoint } from "./src/report/excess_plot.ts";
export { type Estimate, estimate } from "./src/run/estimate.ts";
export { type FolderRun, readRun, runIn, type RunSummary } from "./src/run/finished.ts";
export { listRecipes, type RecipeSummary } from "./src/recipe/recipes_builtin.ts";
export { expectUnused, filesIn } from "./src/run/unused.ts";
export { expectUnlocked, isLocked } from "./src/store/folder_lock.ts";
export { evaluate, type EvaluateOptions } from "./src/evaluate/evaluate.ts";
export { type Gain } from "./src/evaluate/measure.ts";
export type { Cell, Rate } from "./src/evaluate/rate_search.ts";
export { formatBytes } from "./src/base/bytes.ts";
export { snakeKeys } from "./src/base/casing.ts";
export { evaluateStandard, ON_DISTILLED, type StandardSettings } from "./src/evaluate/standard.ts";
export { type BaselineName, BASELINES, type Published } from "./src/evaluate/published.ts";
export type { Norm } from "./src/sets/neighbors.ts";
export { gradcheck, type GradcheckOptions, type GradcheckResult } from "./src/run/gradcheck.ts";
export { gradcheckKernel, type KernelGradcheckOptions } from "./src/run/gradcheck_kernel.ts";
export {
  loadRecipe,
  parseArch,
  parseRecipe,
  type Recipe,
  RECIPE_SETTINGS,
  recipeToYaml,
} from "./src/recipe/recipe.ts";
export {
  type FailedRun,
  type FinishedRun,
  type Over,
  type PlannedRun,
  planSweep,
  type Spread,
  sweep,
  type SweepOptions,
  type SweepPlan,
  type SweepPoint,
  type SweepResult,
} from "./src/run/sweep.ts";
export {
  expectNoNetworks,
  trainNetworks,
  type TrainOptions,
  type TrainProgress,
  type TrainResult,
} from "./src/run/train.ts";
export { type TrainSettings, trainSettings } from "./src/recipe/train_settings.ts";
export { nearest } from "./src/base/nearest.ts";
export { settingMeant } from "./src/recipe/setting_meant.ts";
export { UsageError } from "./src/base/usage_error.ts";
export { version } from "./src/base/version.ts";
export { EXPORT_FORMATS, exportArtifact, type ExportFormat } from "./src/export/export.ts";
export { OuterLoop } from "./src/run/outer_loop.ts";
export { plot, type PlotOptions } from "./src/run/plot.ts";
export { openDevice } from "./src/run/open_device.ts";
