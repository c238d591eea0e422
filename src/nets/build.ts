/**
 * Build: the ops of an architecture. ReLU is no op: it stands at the input of the op that follows, and
 * past a max-pool, since max and ReLU commute.
 */
import { type Arch, type Extents, type Stage, stagesOf } from "../arch/layers.ts";
import { layersOf, nameOf } from "../arch/named.ts";
import type { Device } from "../gpu/mod.ts";
import { Conv2d } from "../ops/conv2d.ts";
import { Conv2dStrided } from "../ops/conv2d_strided.ts";
import { Dense } from "../ops/dense.ts";
import { Lrn } from "../ops/lrn.ts";
import { MaxPool } from "../ops/max_pool.ts";
import { type Op, padded } from "../ops/op.ts";
import { OverlapPool } from "../ops/overlap_pool.ts";
import { fuse } from "./fuse.ts";
import { Net } from "./net.ts";

/** A stage that is an op. */
type OpStage = Exclude<Stage, { kind: "relu" }>;

/**
 * Builds a net for images of `input` and `classes`.
 *
 * @throws RangeError for an unknown name, images that the arch does not take, or layers that do not
 * fit one another.
 */
export function buildNet(device: Device, arch: Arch, input: Extents, classes: number): Net {
  const ops: Op[] = [];
  let at = 0;
  let relu = false; // whether one waits for an op to take it
  for (const stage of stagesOf(layersOf(arch, input), input, classes)) {
    if (stage.kind === "relu") {
      relu = true;
      continue;
    }
    const op = opOf(device, stage, relu, at);
    ops.push(op);
    const last = op.parameters.at(-1);
    if (last) at = padded(last.at + last.shape[0]!); // ops start at whole vec4s
    relu &&= stage.kind === "max_pool";
  }
  return new Net(device, nameOf(arch), fuse(ops), at);
}

/** The op of a stage, its parameters `at` floats from the start of a network's θ. */
function opOf(device: Device, stage: OpStage, relu: boolean, at: number): Op {
  switch (stage.kind) {
    case "conv":
      if (stage.stride > 1) return new Conv2dStrided(device, { ...stage, relu, at });
      return new Conv2d(device, { ...stage, relu, at });
    case "dense":
      return new Dense(device, { ...stage, outputs: stage.output.channels, relu, at });
    case "max_pool": {
      const { input: { height, width }, size, stride, pad } = stage;
      const tiles = stride === size && pad === 0 && height % size === 0 && width % size === 0;
      return tiles
        ? new MaxPool(device, stage.input, size)
        : new OverlapPool(device, stage.input, { size, stride, pad });
    }
    case "lrn":
      return new Lrn(device, { ...stage, relu });
  }
}
