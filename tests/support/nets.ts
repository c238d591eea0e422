/** Nets for tests, and their parameters as the oracle has them: flat, without padding. */
import type { Device } from "../../src/gpu/mod.ts";
import type { Planes } from "../../src/layers/op.ts";
import type { Layer } from "../../src/nets/arch.ts";
import { buildNet, twinOf } from "../../src/nets/build.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { layersOf } from "../../src/nets/named.ts";
import { Net } from "../../src/nets/net.ts";
import type { OracleLayer } from "../../src/oracle/layer.ts";

/** A built-in architecture for images of `image`, with one in `factor` of its channels and outputs. */
export function thinned(arch: string, image: Planes, factor: number): readonly Layer[] {
  const shares = { conv: "channels", dense: "outputs" };
  return layersOf(arch, image).map((layer): Layer => {
    const [kind, settings] = Object.entries(layer)[0]!;
    const share = Object.entries(shares).find(([name]) => name === kind)?.[1];
    if (typeof layer === "string" || !share || settings[share] === "classes") return layer;
    return { [kind]: { ...settings, [share]: settings[share] / factor } };
  });
}

const ODD: readonly Layer[] = [
  { conv: { name: "conv", channels: 5, size: 3, stride: 1, pad: 0 } },
  "relu",
  { dense: { name: "fc", outputs: "classes" } },
];
const ODD_INPUT: Planes = { channels: 3, height: 5, width: 7 };

/** A small net of odd sizes, with padding between rows, between parameters and at the end. */
export function oddNet(device: Device): Net {
  return new Net(device, "odd", buildNet(device, ODD, ODD_INPUT, 7).ops);
}

/** The float64 twin of {@linkcode oddNet}. */
export function oddOracle(): OracleLayer {
  return twinOf(ODD, ODD_INPUT, 7);
}

/** Parameters of network `r` of θ [R, P] one after the other, padding left out. */
export function flatten(net: Net, theta: Float32Array, r = 0): Float64Array {
  const arrays = Object.values(exportParameters(net, theta, r));
  return Float64Array.from(arrays.flatMap(({ data }) => [...data]));
}

/** The opposite of {@linkcode flatten} for R networks: θ [R, P] with zeros for padding. */
export function unflatten(net: Net, flats: readonly Float64Array[]): Float32Array<ArrayBuffer> {
  const theta = new Float32Array(flats.length * net.stride);
  flats.forEach((flat, r) => {
    let next = 0;
    for (const { shape, at, pitch } of net.parameters) {
      const columns = shape.slice(1).reduce((a, b) => a * b, 1);
      for (let row = 0; row < shape[0]!; row++) {
        const start = r * net.stride + at + row * pitch;
        theta.set(flat.subarray(next, next += columns), start);
      }
    }
  });
  return theta;
}

/** Places in θ [R, P] that belong to no parameter. */
export function paddingOf(net: Net, networks: number): number[] {
  const used = unflatten(
    net,
    Array.from({ length: networks }, () => new Float64Array(net.parameterCount).fill(1)),
  );
  return [...used.keys()].filter((i) => used[i] === 0);
}

/** ‖actual − expected‖ / ‖expected‖. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return NaN;
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
