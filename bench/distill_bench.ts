/**
 * One outer iteration at the sizes of the `quick` recipe: meta-gradient and Adam's step, in one
 * command buffer. The meta-gradient of these sizes is first proved against the float64 oracle.
 */
import { drawNetworks } from "../src/distill/evaluate.ts";
import { gradcheck } from "../src/distill/gradcheck.ts";
import { MetaParameters } from "../src/distill/meta_parameters.ts";
import { partOf, RealBatch } from "../src/distill/real.ts";
import { loadRecipe } from "../src/distill/recipe.ts";
import { Unroll } from "../src/distill/unroll.ts";
import { Device, type Recorder } from "../src/gpu/mod.ts";
import { lenet } from "../src/nets/lenet.ts";
import { padded } from "../src/ops/op.ts";
import { random } from "../tests/oracle/numeric.ts";
import { flopsOf } from "./support/bilinear.ts";
import { bench } from "./support/rate.ts";

const device = await Device.open();
const recipe = await loadRecipe("quick", {});
const { arch, steps, epochs, per_class: perClass, batch, networks, seed } = recipe;
const check = await gradcheck(device, { arch, steps, epochs, perClass, batch, networks, seed });
if (!check.passed) throw new Error(`the meta-gradient is wrong: ${JSON.stringify(check)}`);

const net = lenet(device, { channels: 1, height: 28, width: 28 }, 10);
const perStep = perClass * net.classes;
const spec = { steps, epochs, perStep, networks, labels: false };
const part = partOf(net, networks, batch, "grad");
const unroll = new Unroll(net, spec, { part, total: batch });
const meta = new MetaParameters(net, spec);
const real = new RealBatch(net, batch, part, { mean: [0.1307], std: [0.3081] });
await meta.initialize(recipe);
const how = { init: "random", method: recipe.init_method, param: recipe.init_param, seed } as const;
drawNetworks(net, unroll.theta[0]!, how, 0);
const images = Uint8Array.from(random(batch * 784, 1, 128), (v) => 128 + v);
const labels = Uint8Array.from({ length: batch }, (_, i) => i % net.classes);

const { beta1, beta2, clip } = recipe;
let t = 0;
const iteration = {
  group: "quick",
  name: "outer iteration",
  work: { flops: flops() },
  runs: 1,
  run(record: Recorder) {
    real.load(record, images, labels);
    meta.derive(record);
    unroll.metaGradient(record, meta.data, real.parts);
    meta.step(record, unroll.gradient, { t: ++t, rate: recipe.lr, beta1, beta2, clip });
  },
};
const record = device.record();
iteration.run(record);
record.submit();
console.log(`\n${record.dispatches} dispatches in an outer iteration`);
await bench(device, "distill", [iteration]);

/** T gradients and T hvps of a block, and a gradient of the real batch; see net_bench.ts. */
function flops(): number {
  const count = (n: number) => net.ops.reduce((sum, op) => sum + flopsOf(op, n), 0);
  const first = (n: number) => flopsOf(net.ops[0]!, n);
  const [inner, outer] = [padded(perStep), padded(batch)];
  const T = steps * epochs;
  const each = 11 * count(inner) - 4 * first(inner) + (3 * count(outer) - first(outer)) / T;
  return networks * T * each;
}
