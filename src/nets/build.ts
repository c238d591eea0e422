/** Build: a list of layers as a net on the GPU, and as its float64 twin. */
import type { Device } from "../gpu/mod.ts";
import { kindOf } from "../layers/list.ts";
import type { Op, Planes } from "../layers/op.ts";
import { type OracleLayer, sequence } from "../oracle/layer.ts";
import { type Arch, nameOf, type Stage, stagesOf } from "./arch.ts";
import { layersOf } from "./named.ts";
import { Net } from "./net.ts";

/**
 * Builds a net for images of `input` and `classes`.
 *
 * @throws RangeError for an unknown name, images that the arch does not take, or layers that do not
 * fit one another.
 */
export function buildNet(
  device: Device,
  arch: Arch,
  input: Planes,
  classes: number,
  loss?: string,
): Net {
  const stages = fused(stagesOf(layersOf(arch, input), input, classes));
  const ops = stages.map((stage): Op => {
    return kindOf(stage.kind).op(device, stage, stage.settings, classes);
  });
  return new Net(device, nameOf(arch), ops, loss);
}

/** A layer and what it takes over from its neighbours. */
type FusedStage = Stage & { relu: boolean; pool: boolean };

/**
 * Stages with fewer of them: a ReLU is taken by the layer after it, past a max-pooling, since max and ReLU
 * commute; a 2 × 2 max-pooling by the convolution before it. A ReLU that no layer takes stays.
 */
export function fused(stages: readonly Stage[]): FusedStage[] {
  const chain: FusedStage[] = [];
  let waiting: Stage | undefined; // a ReLU for the next layer to take
  const push = (stage: Stage, relu: boolean) => chain.push({ ...stage, relu, pool: false });
  for (const stage of stages) {
    const { relu } = kindOf(stage.kind);
    if (waiting && relu === undefined) {
      push(waiting, false);
      waiting = undefined;
    }
    if (stage.kind === "relu") {
      waiting = stage;
      continue;
    }
    const last = chain.at(-1);
    const takes = last && !last.pool && kindOf(last.kind).pools?.(last.input, last.settings);
    if (takes && isPairPool(stage)) {
      chain[chain.length - 1] = { ...last, pool: true, output: stage.output };
    } else {
      push(stage, waiting !== undefined && relu === "take");
      if (relu === "take") waiting = undefined;
    }
    if (waiting) waiting = { ...waiting, input: stage.output, output: stage.output };
  }
  if (waiting) push(waiting, false);
  return chain;
}

/** Whether a stage is max-pooling of 2 × 2 side by side. */
function isPairPool({ kind, settings: { size, stride, pad } }: Stage): boolean {
  return kind === "max_pool" && size === 2 && stride === 2 && pad === 0;
}

/** The float64 twin of an architecture: x [n, inSize] → z [n, classes]. @throws as `buildNet` does. */
export function twinOf(arch: Arch, input: Planes, classes: number): OracleLayer {
  const stages = stagesOf(layersOf(arch, input), input, classes);
  const layers = stages.map(({ kind, settings, input }) => {
    return kindOf(kind).twin(input, settings, classes);
  });
  return sequence(layers, "net");
}
