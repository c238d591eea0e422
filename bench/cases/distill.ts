/**
 * One outer iteration of recipes, whole and in its phases. The meta-gradient at the recipe's epochs and
 * networks is first proved against the oracle, at steps that take it seconds.
 */
import { drawNetworks } from "../../src/evaluate/measure.ts";
import { Learned } from "../../src/meta/learned.ts";
import { partOf, RealBatch, ResidentSplit } from "../../src/meta/real_batch.ts";
import { loadRecipe } from "../../src/recipe/recipe.ts";
import { Unroll } from "../../src/meta/unroll.ts";
import { onlyArch } from "../../src/recipe/fitting.ts";
import { specOf } from "../../src/recipe/spec.ts";
import type { Device, Recorder } from "../../src/gpu/mod.ts";
import { buildNet } from "../../src/nets/build.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { prove } from "../prove.ts";
import type { Case } from "../rate.ts";
import { CLASSES, NETS } from "./nets.ts";

/** Cases of a recipe for LeNet, for `networks` at once where that is given. */
export async function distillCases(
  device: Device,
  name: string,
  networks?: number,
): Promise<Case[]> {
  const recipe = await loadRecipe(name, networks === undefined ? {} : { networks, init: "random" });
  const arch = onlyArch("measure", recipe);
  const { steps, epochs, per_class: perClass, batch, seed, beta1, beta2, clip } = recipe;
  const R = recipe.networks;
  await prove(device, { arch, steps: Math.min(steps, 3), epochs, perClass, networks: R });

  const before = device.bytes;
  const net = buildNet(device, arch, NETS[0]!.image, CLASSES);
  const spec = specOf(recipe, CLASSES);
  const part = partOf(net, R, batch, "grad");
  const unroll = new Unroll(net, spec, { part, total: batch });
  const meta = new Learned(net, spec);
  const start = Float32Array.from(random(meta.data.images.length, 2));
  meta.initialize({ images: start, rate: recipe.distill_lr, momentum: recipe.momentum });
  meta.set({ t: 1, rate: 0, beta1, beta2 });
  const images = Uint8Array.from(random(batch * 784, 1, 128), (v) => 128 + v);
  const labels = Uint8Array.from({ length: batch }, (_, i) => i % CLASSES);
  const home = new ResidentSplit(net, { images, labels, count: batch });
  const real = new RealBatch(net, home, batch, part, { mean: [0.1307], std: [0.3081] });
  real.choose(Uint32Array.from({ length: batch }, (_, i) => i));
  const { init_method: method, init_param: param } = recipe;
  drawNetworks(net, unroll.start.theta, { init: "random", method, param, seed }, 0);

  const phases: [string, (record: Recorder) => void][] = [
    ["real batch", (record) => real.record(record)],
    ["unroll", (record) => unroll.train(record, meta.data)],
    ["outer loss", (record) => unroll.outerLoss(record, real.parts)],
    ["back-gradient", (record) => unroll.back(record, meta.data)],
    ["optimiser", (record) => {
      meta.step(record, unroll.gradient, clip);
      meta.derive(record);
    }],
  ];
  const whole = (record: Recorder) => phases.forEach(([, run]) => run(record));
  const record = device.record();
  meta.derive(record);
  record.submit();
  const bytesHeld = device.bytes - before;
  const group = networks === undefined ? name : `${name} R=${networks}`;
  return [
    ...phases.map(([name, run]) => ({ group, name, run })),
    { group, name: "iteration", run: whole, bytesHeld },
  ];
}
