/**
 * The layers of LeNet, AlexCifarNet and ConvNet-3 where they stand, fused with their neighbours. Each
 * pass is what a network runs of the layer: the first has images for its input, which stand still and
 * get no cotangent, and the way back ends with the sums that are θ̄. Each layer is first proved against
 * its float64 twin.
 */
import type { Device, Recorder } from "../../src/gpu/mod.ts";
import type { LayerName } from "../../src/layers/list.ts";
import { type Frame, padded, parameterFloats, sizeOf } from "../../src/layers/op.ts";
import { SplitSums } from "../../src/nets/split_sums.ts";
import { Theta } from "../../src/nets/theta.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { type Case as Layer, type Check, checkOp, opOf } from "../../tests/support/check_op.ts";
import { distinct, offZero } from "../../tests/support/inputs.ts";
import type { Case } from "../rate.ts";
import { flopsOf, NETS, noise, type Placed, placesIn } from "./nets.ts";

/** Images that a layer is proved at: more take the float64 loops minutes. */
const FEW = 2;

export async function layerCases(device: Device): Promise<Case[]> {
  const cases: Case[] = [];
  for (const net of NETS) {
    for (const [i, place] of placesIn(net).entries()) {
      const { kind, settings, isFirst } = place;
      const layer = { ...place, kind: kind as LayerName, settings: settings as never };
      await checkOp(device, layer, { ...checkOf(place), shared: isFirst });
      for (const count of net.batches) {
        const group = `${net.arch} ${i + 1} ${kind} N=${padded(count)}`;
        cases.push(...passesOf(device, group, { place, layer, count }));
      }
    }
  }
  return cases;
}

/** An input off the kinks of a layer, and how many products its sums have. */
function checkOf({ kind, settings, input, output }: Placed): Check {
  const area = input.height * input.width;
  const window = Number(settings.size) ** 2;
  const terms: Record<string, Check["terms"]> = {
    conv: { y: input.channels * window, x: output.channels * window, theta: FEW * area },
    dense: { y: sizeOf(input), x: sizeOf(output), theta: FEW },
    max_pool: { y: window, x: window },
    avg_pool: { y: window, x: window },
    lrn: { y: 4 * window, x: window },
    instance_norm: { y: 4 * area, x: 16 * area, theta: 4 * FEW * area },
    relu: { y: 1, x: 1 },
  };
  const size = FEW * sizeOf(input);
  const x = () => kind === "max_pool" ? distinct(size, 11) : offZero(random(size, 11));
  return { networks: 1, images: FEW, terms: terms[kind]!, x };
}

/** The four passes of a layer, on tensors of noise. */
function passesOf(
  device: Device,
  group: string,
  { place, layer, count }: { place: Placed; layer: Layer<LayerName>; count: number },
): Case[] {
  const op = opOf(device, layer);
  const span = { networks: 1, images: padded(count) };
  const floats = parameterFloats(op);
  const like = (rows: number, seed: number) => noise(device, [1, rows, span.images], seed);
  const ofX = (seed: number) => like(sizeOf(op.input), seed);
  const ofY = (seed: number) => like(sizeOf(op.output), seed);
  const ofTheta = (seed: number) => floats > 0 ? noise(device, [1, floats], seed) : undefined;
  const scratch = (words = 0) => words > 0 ? device.tensor([words]) : undefined;
  const residual = op.residual?.(span);
  const bar = new Theta(device, [floats], 1);
  const sums = new SplitSums(device, [op], span);
  const frame: Frame = {
    ...span,
    x: ofX(1),
    xDot: place.isFirst ? undefined : ofX(2),
    theta: ofTheta(3),
    thetaDot: ofTheta(4),
    y: ofY(5),
    yDot: ofY(6),
    residual: scratch(residual?.words),
    residualDot: scratch(residual?.dot),
    yBar: ofY(7),
    yBarDot: ofY(8),
    xBar: place.isFirst ? undefined : ofX(9),
    xBarDot: ofX(10),
    thetaBar: bar.layers[0],
    thetaBarDot: bar.layers[0],
    runs: sums.runs[0],
  };
  const forward = (tangent: boolean) => (record: Recorder) => op.forward(record, frame, tangent);
  const backward = (tangent: boolean) => (record: Recorder) => {
    op.backward(record, frame, tangent);
    sums.finish(record, bar);
  };
  const flops = flopsOf(place, span.images);
  return [
    { name: "forward", flops: flops.forward, run: forward(false) },
    { name: "forward tangent", flops: flops.forwardTangent, run: forward(true) },
    { name: "backward", flops: flops.backward, run: backward(false) },
    { name: "backward tangent", flops: flops.backwardTangent, run: backward(true) },
  ].map(({ flops, ...pass }) => ({ ...pass, group, work: flops > 0 ? { flops } : "bytes" }));
}
