import { sizeOf } from "../../src/layers/op.ts";
import { softplus } from "../../src/oracle/softplus.ts";
import { checkLayer } from "../oracle/check_layer.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";

checkLayer("softplus()", softplus({ SIZE: 7, BETA: 3 }), random(14, 1, 2), 2);

for (const beta of [1, 4.5]) {
  gpuTest(`softplus of beta ${beta}`, async (device) => {
    const input = { channels: 3, height: 5, width: 2 };
    const x = (r: number) => random(5 * sizeOf(input), 11 + r, 2);
    const check = { networks: 2, images: 5, terms: { y: 8, x: 8 }, x };
    await checkOp(device, { kind: "softplus", settings: { beta }, input }, check);
  });
}
