// arch: the layers of an architecture in float64, one after the other.

import type { Stage } from "../arch/layers.ts";
import { conv2d } from "./conv2d.ts";
import { dense } from "./dense.ts";
import { type OracleLayer, sequence } from "./layer.ts";
import { lrn } from "./lrn.ts";
import { maxPool } from "./max_pool.ts";
import { relu } from "./relu.ts";

/** The logits x [n, inSize] → z [n, classes] of an architecture's stages. */
export function oracleOf(stages: readonly Stage[]): OracleLayer {
  return sequence(stages.map(layerOf), "net");
}

function layerOf(stage: Stage): OracleLayer {
  const { channels: C, height: H, width: V } = stage.input;
  const O = stage.output.channels;
  switch (stage.kind) {
    case "conv":
      return conv2d({ C, H, V, O, K: stage.size, PAD: stage.pad, STRIDE: stage.stride });
    case "dense":
      return dense({ C: C * H * V, O });
    case "max_pool":
      return maxPool({ C, H, V, SIZE: stage.size, STRIDE: stage.stride, PAD: stage.pad });
    case "lrn": {
      const { size: SIZE, alpha: ALPHA, beta: BETA, k: K } = stage;
      return lrn({ C, AREA: H * V, SIZE, ALPHA, BETA, K });
    }
    case "relu":
      return relu(C * H * V);
  }
}
