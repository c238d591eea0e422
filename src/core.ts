/**
 * Core: what runs without files, network and Deno, in a browser too: the device, networks, training on distilled
 * data and the way back through it, and what an objective, a layer or an outer loop of one's own is made of.
 */
export {
  type Bindings,
  Device,
  type DeviceInfo,
  type Groups,
  Kernel,
  link,
  NoAdapterError,
  type Overrides,
  Pacing,
  type Profile,
  Recorder,
  type Run,
  type Sizes,
  type Source,
  Tensor,
  type Words,
} from "./gpu/mod.ts";
export type { FloatTensor } from "./base/safetensors.ts";
export { registerLayer } from "./layers/list.ts";
export { Loss, LOSS_NAMES, type LossFrame } from "./layers/loss.ts";
export type {
  Frame,
  LayerKind,
  Op,
  Parameter,
  Place,
  Planes,
  SettingsIssue,
  SettingsSchema,
  Span,
  Table,
} from "./layers/op.ts";
export { type Entry, Passes, type PassesSpec } from "./layers/passes.ts";
export { Blocks } from "./meta/blocks.ts";
export { DistilledData, NetworkGradients, type Space } from "./meta/distilled_data.ts";
export {
  DrawnNetworks,
  GivenNetworks,
  type Initialization,
  type InitialNetworks,
} from "./meta/initial_networks.ts";
export type { InnerSpec } from "./meta/inner_spec.ts";
export { InnerTraining } from "./meta/inner_training.ts";
export { Learned, type Start } from "./meta/learned.ts";
export type { Draw, Objective } from "./meta/objectives/objective.ts";
export {
  KernelRegression,
  type KernelRegressionOptions,
} from "./meta/objectives/kernel_regression.ts";
export { Matching, type MatchingOptions } from "./meta/objectives/matching.ts";
export { Unrolled, type UnrolledOptions } from "./meta/objectives/unrolled.ts";
export { OPTIMIZER_NAMES, type OptimizerName } from "./meta/optimizers/list.ts";
export {
  type AdjointTensors,
  type Hyper,
  type HyperBar,
  type Optimizer,
  type OptimizerSettings,
  Point,
  type StepTensors,
} from "./meta/optimizers/optimizer.ts";
export { Adam } from "./meta/outer_adam.ts";
export type {
  OuterOptimizer,
  OuterOptimizerName,
  OuterStep,
  OuterTensors,
  State,
} from "./meta/outer_optimizer.ts";
export { Sgd } from "./meta/outer_sgd.ts";
export { type Normalization, RealBatch, ResidentSplit } from "./meta/real_batch.ts";
export { keepAll, type TrajectoryPlan, Unroll, type UnrollSpec } from "./meta/unroll.ts";
export type { Arch, Layer } from "./nets/arch.ts";
export { buildNet } from "./nets/build.ts";
export { exportParameters, importNetworks, type NamedArray } from "./nets/export.ts";
export { initialize, type InitMethod } from "./nets/init.ts";
export { type Batch, type GradTensors, type HvpTensors, Net } from "./nets/net.ts";
export { SplitSums } from "./nets/split_sums.ts";
export { Theta } from "./nets/theta.ts";
export { Tangents, Workspace, type WorkspaceOptions } from "./nets/workspace.ts";
export { KERNEL_NAMES, type KernelName, Ntk, type NtkSpec, type Pair } from "./ntk/ntk.ts";
export type { OracleLayer } from "./oracle/layer.ts";
export type { OracleLoss } from "./oracle/loss.ts";
export type { Dataset, Split } from "./sets/dataset.ts";
export type { Whitening } from "./sets/whitening.ts";
