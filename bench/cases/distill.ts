/**
 * One outer iteration of recipes, whole and in its phases. The meta-gradient at the recipe's steps is
 * first proved against the oracle where that is a matter of seconds.
 */
import { drawNetworks } from "../../src/distill/evaluate.ts";
import { gradcheck } from "../../src/distill/gradcheck.ts";
import { keepAll } from "../../src/distill/memory.ts";
import { MetaParameters } from "../../src/distill/meta_parameters.ts";
import { partOf, RealBatch, ResidentSplit } from "../../src/distill/real.ts";
import { loadRecipe } from "../../src/distill/recipe.ts";
import { Unroll } from "../../src/distill/unroll.ts";
import type { Device, Recorder } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { random } from "../../tests/oracle/numeric.ts";
import type { Case } from "../rate.ts";

/** Cases of a recipe, for `networks` at once where that is given. */
export async function distillCases(
  device: Device,
  name: string,
  networks?: number,
): Promise<Case[]> {
  const settings = networks === undefined ? {} : { networks, init: "random" };
  const recipe = await loadRecipe(name, settings);
  const { arch, steps, epochs, per_class: perClass, batch, seed } = recipe;
  const sizes = {
    steps: Math.min(steps, 3),
    epochs,
    perClass,
    batch: 5,
    networks: recipe.networks,
  };
  const check = await gradcheck(device, { arch, ...sizes, seed });
  if (!check.passed) throw new Error(`the meta-gradient is wrong: ${JSON.stringify(check)}`);

  const before = device.bytes;
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const spec = { steps, epochs, perStep: perClass * 10, networks: recipe.networks, labels: false };
  const part = partOf(net, recipe.networks, batch, "grad");
  const unroll = new Unroll(net, spec, { part, total: batch }, keepAll(spec));
  const meta = new MetaParameters(net, spec);
  await meta.initialize(recipe);
  const images = Uint8Array.from(random(batch * 784, 1, 128), (v) => 128 + v);
  const labels = Uint8Array.from({ length: batch }, (_, i) => i % 10);
  const split = { images, labels, count: batch };
  const home = new ResidentSplit(net, split);
  const real = new RealBatch(net, home, batch, part, { mean: [0.1307], std: [0.3081] });
  const how = {
    init: "random",
    method: recipe.init_method,
    param: recipe.init_param,
    seed,
  } as const;
  drawNetworks(net, unroll.theta0, how, 0);
  const indices = Uint32Array.from({ length: batch }, (_, i) => i);

  const { beta1, beta2, clip } = recipe;
  let t = 0;
  const phases: [string, (record: Recorder) => void][] = [
    ["real batch", (record) => real.load(record, indices)],
    ["unroll", (record) => unroll.train(record, meta.data)],
    ["outer loss", (record) => unroll.outerLoss(record, real.parts)],
    ["back-gradient", (record) => unroll.back(record, meta.data)],
    ["optimiser", (record) => {
      meta.step(record, unroll.gradient, { t: ++t, rate: 0, beta1, beta2, clip });
      meta.derive(record);
    }],
  ];
  const whole = (record: Recorder) => phases.forEach(([, run]) => run(record));
  const record = device.record();
  meta.derive(record);
  whole(record); // every op has its scratch now
  record.submit();
  await device.done();
  const group = networks === undefined ? name : `${name} R=${networks}`;
  const all: typeof phases = [...phases, ["iteration", whole]];
  return all.map(([phase, run]) => ({
    group,
    name: phase,
    run,
    runs: 1,
    ...(phase === "iteration" && { bytesHeld: device.bytes - before }),
  }));
}
