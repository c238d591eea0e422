/**
 * Memory: how much of an unrolled training is kept for the way back, chosen before anything is
 * allocated. All plans compute the same numbers in the same order; they differ in what is computed
 * twice.
 *
 * Of T steps, θ and the optimiser's state are kept at every `segment`-th. The steps between are taken
 * again, a segment at a time (checkpointing; √T segments take the least memory). Activations are kept
 * for every step of a segment or computed again for each step. The real batch runs in parts, and the training set stays
 * on the GPU as bytes or is uploaded batch by batch. What a plan takes is counted by building it
 * (`Device.count`), so there is no second account of it.
 */
import type { Net } from "../nets/net.ts";
import { formatBytes } from "../base/bytes.ts";
import { GivenNetworks } from "./initial_networks.ts";
import { Learned } from "./learned.ts";
import { unrolledOf } from "./objectives/mixture.ts";
import type { UnrolledOptions } from "./objectives/unrolled.ts";
import type { TrajectoryPlan, UnrollSpec } from "./unroll.ts";
import { UsageError } from "../base/usage_error.ts";

/** A plan of a run's GPU memory. */
export interface MemoryPlan extends TrajectoryPlan {
  /** Images of the real batch that run at once. */
  readonly part: number;
  /** Whether the training images stay on the GPU. */
  readonly resident: boolean;
  /** Bytes by what they hold. */
  readonly bytes: ReadonlyMap<string, number>;
  /** Bytes in all. */
  readonly total: number;
  /** Gradient steps of an iteration that are taken twice. */
  readonly extraSteps: number;
  /** Forward and backward passes of an iteration, without weights, that are run twice. */
  readonly extraPasses: number;
}

/** What a plan is made for. */
export interface MemoryNeeds {
  /** A net of each architecture that is trained. */
  readonly nets: readonly Net[];
  readonly objective: Omit<UnrolledOptions, "plan">;
  /** Images of the real batch that would run at once. */
  readonly part: number;
  /** Bytes that training and testing one network take during a run. */
  readonly evaluation: number;
}

/** Bytes of GPU memory that a run, or an evaluation, may take unless it is told otherwise. */
export const MEMORY_BUDGET = 4 * 2 ** 30;

/** What settings make smaller what a plan spends most on. */
const SETTINGS: Readonly<Record<string, string>> = {
  "distilled data": "steps or per_class",
  trajectory: "steps, epochs or window, or the sizes of layers",
  activations: "per_class or steps, or the sizes of layers",
  "real batch": "batch, or the sizes of layers",
};
const OTHER_SETTINGS = "per_class, resize or the sizes of layers";

/** What a pass forward and backward without weights costs, in gradient steps of LeNet. */
const PASS_COST = 0.6;

/**
 * The plan that computes least twice within `budget` bytes.
 *
 * @throws UsageError when none fits, with the smallest and what would make it smaller.
 */
export function planMemory(needs: MemoryNeeds, budget: number): MemoryPlan {
  let smallest: MemoryPlan | undefined;
  const most = needs.nets[0]!.device.info.limits.maxStorageBufferBindingSize!;
  const homes = needs.objective.train.images.byteLength <= most ? [true, false] : [false];
  for (let part = needs.part; part >= 4; part = Math.floor(part / 8) * 4) {
    const plans = homes.flatMap((resident) =>
      [true, false].map((keepActivations) =>
        longest(needs.objective.spec, budget, (segment) => {
          return measure(needs, { segment, keepActivations }, part, resident);
        })
      )
    );
    const fitting = plans.filter(({ total }) => total <= budget);
    if (fitting.length > 0) return fitting.reduce((a, b) => cost(b) < cost(a) ? b : a);
    const least = plans.reduce((a, b) => b.total < a.total ? b : a);
    if (smallest === undefined || least.total < smallest.total) smallest = least;
  }
  const { window, networks, perBlock } = needs.objective.spec;
  const { total, bytes } = smallest!;
  const [kind, taken] = [...bytes].reduce((a, b) => b[1] > a[1] ? b : a);
  throw new UsageError(
    `Cannot fit this run into ${
      formatBytes(budget)
    }: got ${window} steps of ${perBlock} images and ` +
      `networks ${networks}, expected at least ${formatBytes(total)}, of which ${
        formatBytes(taken)
      } ` +
      `for ${kind}; raise --memory-budget, or lower ` +
      `${networks > 1 ? "networks, " : ""}${SETTINGS[kind] ?? OTHER_SETTINGS}`,
  );
}

/** What a plan is, for people: a line in all and one for each kind. */
export function describePlan(plan: MemoryPlan, { window }: UnrollSpec): string[] {
  const kept = plan.segment === window
    ? "every θ"
    : `θ at every ${plan.segment} of ${window} steps`;
  const activations = plan.keepActivations ? "activations kept" : "activations computed again";
  const set = plan.resident ? "training set on the GPU" : "batches uploaded";
  const twice = [[plan.extraSteps, "steps"], [plan.extraPasses, "passes"]] as const;
  const again = twice.filter(([count]) => count > 0)
    .map(([count, what]) => `, ${count} ${what} taken twice`).join("");
  return [
    `Memory ${formatBytes(plan.total)}: ${kept}, ${activations}${again}, ${set}, real batch in ` +
    `parts of ${plan.part}`,
    ...describeBytes(plan.bytes),
  ];
}

/** Bytes by what they hold, a line each. */
export function describeBytes(byLabel: ReadonlyMap<string, number>): string[] {
  return [...byLabel].map(([kind, bytes]) => `  ${kind} ${formatBytes(bytes)}`);
}

/** The plan with the longest segments that fits; of those that do not fit the smallest, √T steps long. */
function longest(
  { window: T }: UnrollSpec,
  budget: number,
  measured: (segment: number) => MemoryPlan,
): MemoryPlan {
  let [low, high] = [Math.ceil(Math.sqrt(T)), T]; // from √T on, longer segments take more
  let best = measured(low);
  if (best.total > budget) return best;
  const whole = measured(T);
  if (whole.total <= budget) return whole;
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    const plan = measured(middle);
    if (plan.total <= budget) [best, low] = [plan, middle];
    else high = middle;
  }
  return best;
}

function cost({ extraSteps, extraPasses }: MemoryPlan): number {
  return extraSteps + PASS_COST * extraPasses;
}

/** What a plan takes, and what it computes twice. */
export function measure(
  { nets, objective, evaluation }: MemoryNeeds,
  trajectory: TrajectoryPlan,
  part: number,
  resident: boolean,
): MemoryPlan {
  const { spec } = objective;
  const plan = { ...trajectory, part, resident };
  const { byLabel, bytes } = nets[0]!.device.count(() => {
    using owned = new DisposableStack();
    owned.use(
      unrolledOf(nets, nets.map(() => new GivenNetworks(true, NONE)), { ...objective, plan }),
    );
    owned.use(new Learned(nets[0]!, spec));
    return owned.move();
  });
  const { window } = spec;
  // Of each earlier segment all steps but the last are taken again, and of that the activations.
  const earlier = Math.ceil(window / plan.segment) - 1;
  return {
    ...plan,
    bytes: new Map([...byLabel, ["evaluation", evaluation]]),
    total: bytes + evaluation,
    extraSteps: window - plan.segment - earlier,
    extraPasses: plan.keepActivations ? earlier : window - 1,
  };
}

const NONE = () => new Float32Array();
