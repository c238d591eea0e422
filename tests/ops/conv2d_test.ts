import { Conv2d } from "../../src/ops/conv2d.ts";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { relu } from "../../src/oracle/relu.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";

interface Shape {
  C: number;
  H: number;
  V: number;
  O: number;
  K: number;
  PAD: number;
  N: number;
  R: number;
}

// Sizes all different, none a multiple of a tile; kernels narrower and wider than a tile of 5.
const SHAPES: Shape[] = [
  { C: 3, H: 9, V: 11, O: 7, K: 5, PAD: 2, N: 6, R: 2 },
  { C: 2, H: 8, V: 7, O: 5, K: 3, PAD: 0, N: 3, R: 3 },
  { C: 1, H: 10, V: 13, O: 9, K: 7, PAD: 3, N: 5, R: 1 },
  { C: 6, H: 5, V: 6, O: 2, K: 1, PAD: 0, N: 9, R: 2 },
  { C: 1, H: 5, V: 17, O: 1, K: 3, PAD: 1, N: 5, R: 2 }, // two tiles of columns, 9 + 8
  { C: 2, H: 4, V: 14, O: 6, K: 5, PAD: 2, N: 2, R: 2 },
];

for (const s of SHAPES) {
  // Only a network's input is shared, and it is not gated.
  for (const [gated, shared] of [[false, false], [true, false], [false, true]] as const) {
    gpuTest(`Conv2d ${JSON.stringify(s)} relu=${gated} shared=${shared}`, async (device) => {
      const { C, H, V, O, K, PAD, N, R } = s;
      const input = { channels: C, height: H, width: V };
      const at = 4;
      using op = new Conv2d(device, {
        name: "c",
        input,
        channels: O,
        size: K,
        pad: PAD,
        relu: gated,
        at,
      });
      const stride = 4 + Math.ceil(O * (C * K * K + 1) / 4) * 4 + 4;
      const conv = conv2d({ C, H, V, O, K, PAD });
      await checkOp(device, op, stride, {
        oracle: gated ? sequence([relu(C * H * V), conv]) : conv,
        networks: R,
        images: N,
        terms: N * H * V,
        x: (r) => offZero(random(N * C * H * V, 11 + r)),
        shared,
      });
    });
  }
}
