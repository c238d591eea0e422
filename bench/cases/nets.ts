/**
 * The nets that are timed, and their gradient and its tangent given the activations (hvp). Both are
 * first proved by the meta-gradient that they make up.
 */
import { drawNetworks } from "../../src/evaluate/measure.ts";
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { padded, type Planes, sizeOf } from "../../src/layers/op.ts";
import { stagesOf } from "../../src/nets/arch.ts";
import { buildNet, fused } from "../../src/nets/build.ts";
import { layersOf } from "../../src/nets/named.ts";
import { prove } from "../prove.ts";
import type { Case } from "../rate.ts";

/** A net, and the batches it is timed at: distilled images of a step, a part of the real batch. */
interface Timed {
  readonly arch: string;
  readonly image: Planes;
  readonly batches: readonly number[];
}

export const CLASSES = 10;
export const NETS: readonly Timed[] = [
  { arch: "lenet", image: { channels: 1, height: 28, width: 28 }, batches: [10, 256] },
  { arch: "alexcifar", image: { channels: 3, height: 32, width: 32 }, batches: [10] },
  // 32 channels: ConvNet-3's own 128 take a software adapter long.
  { arch: "convnet3:width=32", image: { channels: 3, height: 32, width: 32 }, batches: [10] },
];

/** A layer of a net, and whether it is the first, whose input stands still. */
export type Placed = ReturnType<typeof placesIn>[number];

/** The layers of a net as it runs them. */
export function placesIn({ arch, image }: Timed) {
  const stages = fused(stagesOf(layersOf(arch, image), image, CLASSES));
  return stages.map((stage, i) => ({ ...stage, isFirst: i === 0 }));
}

/**
 * Floating-point operations of each pass of a layer with weights; 0 of others. A tangent has two
 * products where both factors move.
 */
export function flopsOf({ kind, settings, input, output, pool, isFirst }: Placed, images: number) {
  const inputs = { conv: input.channels * Number(settings.size) ** 2, dense: sizeOf(input) };
  const terms = kind === "conv" || kind === "dense" ? inputs[kind] : 0;
  const sum = 2 * images * terms * sizeOf(output); // for θ̄: of four that are pooled one counts
  const product = pool ? 4 * sum : sum;
  const [moving, wanted] = isFirst ? [1, 0] : [2, 1];
  return {
    forward: product,
    forwardTangent: moving * product,
    backward: wanted * product + sum,
    backwardTangent: 2 * product + moving * sum,
  };
}

export async function netCases(device: Device): Promise<Case[]> {
  const cases: Case[] = [];
  for (const net of NETS) {
    await prove(device, { arch: net.arch });
    for (const count of net.batches) cases.push(...passesOf(device, net, count));
  }
  return cases;
}

function passesOf(device: Device, timed: Timed, count: number): Case[] {
  const { arch, image } = timed;
  const net = buildNet(device, arch, image, CLASSES);
  const images = padded(count);
  const [theta, thetaDot] = [1, 2].map((seed) => {
    const theta = net.theta(1);
    drawNetworks(net, theta, { init: "random", method: "default", param: 1, seed }, 0);
    return theta;
  }) as [ReturnType<typeof net.theta>, ReturnType<typeof net.theta>];
  const [thetaBar, thetaBarDot] = [net.theta(1), net.theta(1)];
  const x = noise(device, [sizeOf(image), images], 1);
  const y = noise(device, [CLASSES, images], 2);
  const xBarDot = device.tensor([1, sizeOf(image), images]);
  const work = net.workspace(1, count, { passes: "grad" });
  const tangents = net.tangents(1, count);
  const along = { theta, thetaDot, x, y, thetaBarDot, xBarDot };
  const layers = placesIn(timed).map((place) => flopsOf(place, images));
  const grad = layers.reduce((sum, { forward, backward }) => sum + forward + backward, 0);
  const hvp = layers.reduce((sum, f) => sum + f.forwardTangent + f.backwardTangent, 0);
  const group = `${arch} N=${images}`;
  return [
    {
      group,
      name: "grad",
      work: { flops: grad },
      run: (record) => net.grad(record, work, { theta, x, y, thetaBar }),
    },
    {
      group,
      name: "hvp",
      work: { flops: hvp },
      run: (record) => void net.hvp(record, work, tangents, along),
    },
  ];
}

/** A tensor of seeded noise. */
export function noise(device: Device, shape: readonly number[], seed: number): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const words = Float32Array.from({ length: size }, (_, i) => Math.sin(1 + (i + seed) * 12.9898));
  return device.tensor(shape).write(words);
}
