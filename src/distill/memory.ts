/**
 * Memory: how much of an unrolled training is kept for the way back, chosen before anything is
 * allocated. All plans compute the same numbers in the same order; they differ in what is computed
 * twice.
 *
 * Of T steps, θ is kept at every `segment`-th and the steps between are taken again, a segment at a
 * time (checkpointing; √T of them take the least memory). Activations are kept for every step of a
 * segment or computed again for each step. The real batch runs in parts, and the training set stays
 * on the GPU as bytes or is uploaded batch by batch.
 */
import type { Net } from "../nets/net.ts";
import { Tangents, Workspace } from "../nets/workspace.ts";
import { padded, sizeOf } from "../ops/op.ts";
import { formatBytes } from "./bytes.ts";
import type { UnrollSpec } from "./unroll.ts";
import { UsageError } from "./usage_error.ts";

/** What is kept of an unrolled training. */
export interface TrajectoryPlan {
  /** Steps from one kept θ to the next; T keeps all. */
  readonly segment: number;
  /** Whether the activations of a segment's steps are kept. */
  readonly keepActivations: boolean;
}

/** A plan of a run's GPU memory. */
export interface MemoryPlan extends TrajectoryPlan {
  /** Images of the real batch that run at once. */
  readonly part: number;
  /** Whether the training images stay on the GPU. */
  readonly resident: boolean;
  /** Bytes by what they hold. */
  readonly bytes: Readonly<Record<MemoryKind, number>>;
  /** Bytes in all. */
  readonly total: number;
  /** Gradient steps of an iteration that are taken twice. */
  readonly extraSteps: number;
  /** Forward and backward passes of an iteration, without weights, that are run twice. */
  readonly extraPasses: number;
}

/** What memory holds. */
export type MemoryKind =
  | "trajectory"
  | "activations"
  | "tangents"
  | "real batch"
  | "distilled data"
  | "training set"
  | "evaluation";

/** What a plan is made for. */
export interface MemoryNeeds {
  readonly net: Net;
  readonly spec: UnrollSpec;
  /** Images of the real batch, and how many of them would run at once. */
  readonly batch: number;
  readonly part: number;
  /** Bytes that training and testing one network take during a run. */
  readonly evaluation: number;
  /** Bytes of the training set's images and labels. */
  readonly trainingSet: number;
}

/** Constants and scalars, far below what counts. */
const SMALL_BYTES = 4096;

/** What a pass forward and backward without weights costs, in gradient steps of LeNet. */
const PASS_COST = 0.6;

/** Everything kept. */
export function keepAll({ steps, epochs }: UnrollSpec): TrajectoryPlan {
  return { segment: steps * epochs, keepActivations: true };
}

/**
 * The plan that computes least twice within `budget` bytes.
 *
 * @throws UsageError when none fits, with the smallest and what would make it smaller.
 */
export function planMemory(needs: MemoryNeeds, budget: number): MemoryPlan {
  let smallest = Infinity;
  const most = needs.net.device.info.limits.maxStorageBufferBindingSize!;
  const homes = needs.trainingSet <= most ? [true, false] : [false];
  for (let part = needs.part; part >= 4; part = Math.floor(part / 8) * 4) {
    const plans = trajectories(needs).flatMap((plan) =>
      homes.map((resident) => measurePlan(needs, plan, part, resident))
    );
    const fitting = plans.filter(({ total }) => total <= budget);
    if (fitting.length > 0) return fitting.reduce((a, b) => cost(b) < cost(a) ? b : a);
    smallest = plans.reduce((least, { total }) => Math.min(least, total), smallest);
  }
  const { steps, epochs, networks, perStep } = needs.spec;
  throw new UsageError(
    `Cannot fit this run into ${formatBytes(budget)}: got ${steps} steps × ${epochs} epochs of ` +
      `${perStep} images and networks ${networks}, expected at least ${formatBytes(smallest)}; ` +
      `raise --memory-budget, or lower networks, steps, per_class or batch`,
  );
}

/** What a plan is, for people: a line in all and one for each kind. */
export function describePlan(
  plan: MemoryPlan,
  { steps, epochs }: { steps: number; epochs: number },
): string[] {
  const T = steps * epochs;
  const kept = plan.segment === T ? "every θ" : `θ at every ${plan.segment} of ${T} steps`;
  const activations = plan.keepActivations ? "activations kept" : "activations computed again";
  const set = plan.resident ? "training set on the GPU" : "batches uploaded";
  const twice = [[plan.extraSteps, "steps"], [plan.extraPasses, "passes"]] as const;
  const again = twice.filter(([count]) => count > 0)
    .map(([count, what]) => `, ${count} ${what} taken twice`).join("");
  const lines = Object.entries(plan.bytes).map(([kind, bytes]) =>
    `  ${kind} ${formatBytes(bytes)}`
  );
  return [
    `Memory ${formatBytes(plan.total)}: ${kept}, ${activations}${again}, ${set}, real batch in ` +
    `parts of ${plan.part}`,
    ...lines,
  ];
}

/** Every segment length, with and without activations. */
function trajectories({ spec: { steps, epochs } }: MemoryNeeds): TrajectoryPlan[] {
  const T = steps * epochs;
  return Array.from({ length: T }, (_, i) => T - i).flatMap((segment) => [
    { segment, keepActivations: true },
    { segment, keepActivations: false },
  ]);
}

function cost({ extraSteps, extraPasses }: MemoryPlan): number {
  return extraSteps + PASS_COST * extraPasses;
}

/** What a plan takes and what it computes twice; by default without cutting down on anything. */
export function measurePlan(
  needs: MemoryNeeds,
  plan: TrajectoryPlan,
  part = needs.part,
  resident = true,
): MemoryPlan {
  const { net, spec, batch, evaluation, trainingSet } = needs;
  const { steps, epochs, perStep, networks, labels } = spec;
  const { segment, keepActivations } = plan;
  const T = steps * epochs;
  const theta = 4 * networks * net.stride;
  const slots = keepActivations ? segment : 1;
  const [image, classes] = [sizeOf(net.input), net.classes];
  const parts = Math.ceil(batch / part);
  const inner = { networks, images: padded(perStep) };
  const outer = { networks, images: padded(part) };
  const block = (rows: number) => 4 * steps * (Math.ceil(rows * padded(perStep) / 64) * 64);
  const bytes = {
    trajectory: theta * (Math.ceil(T / segment) + segment),
    activations: slots * Workspace.bytes(net, networks, perStep, "grad"),
    tangents: SMALL_BYTES + 3 * theta + Tangents.bytes(net, networks, perStep) +
      net.scratchBytes(inner) +
      4 * networks * padded(perStep) * (image + classes),
    "real batch": Workspace.bytes(net, networks, part, "grad") + net.scratchBytes(outer) +
      parts * padded(part) * (4 * (image + classes) + (resident ? 8 : image + 12)),
    // Data, gradient and two moments; learned labels also have scores and their gradient.
    "distilled data": 4 * block(image) + (labels ? 6 : 2) * block(classes) + 6 * 256 * T,
    "training set": resident ? trainingSet : 0,
    evaluation,
  };
  const total = Object.values(bytes).reduce((a, b) => a + b, 0);
  // Of each earlier segment all steps but the last are taken again, and of that the activations.
  const earlier = Math.ceil(T / segment) - 1;
  const extraSteps = T - segment - earlier;
  const extraPasses = keepActivations ? earlier : T - 1;
  return { ...plan, part, resident, bytes, total, extraSteps, extraPasses };
}
