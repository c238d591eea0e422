/** Nets for tests, and their parameters as the oracle has them: flat, without padding. */
import { type Arch, type Extents, type Layer, stagesOf } from "../../src/arch/layers.ts";
import { layersOf } from "../../src/arch/named.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { exportParameters } from "../../src/nets/export.ts";
import { Net } from "../../src/nets/net.ts";
import { Conv2d } from "../../src/ops/conv2d.ts";
import { Dense } from "../../src/ops/dense.ts";
import { padded } from "../../src/ops/op.ts";
import { oracleOf } from "../../src/oracle/arch.ts";
import { conv2d } from "../../src/oracle/conv2d.ts";
import { dense } from "../../src/oracle/dense.ts";
import { type OracleLayer, sequence } from "../../src/oracle/layer.ts";
import { relu } from "../../src/oracle/relu.ts";

/** The float64 twin of an architecture. */
export function twinOf(arch: Arch, image: Extents, classes: number): OracleLayer {
  return oracleOf(stagesOf(layersOf(arch, image), image, classes));
}

/** A built-in architecture for images of `image`, with one in `factor` of its channels and outputs. */
export function thinned(arch: string, image: Extents, factor: number): readonly Layer[] {
  return layersOf(arch, image).map((layer): Layer => {
    if (layer === "relu") return layer;
    if ("conv" in layer) {
      return { conv: { ...layer.conv, channels: layer.conv.channels / factor } };
    }
    if (!("dense" in layer) || layer.dense.outputs === "classes") return layer;
    return { dense: { ...layer.dense, outputs: layer.dense.outputs / factor } };
  });
}

/** A small net of odd sizes, with padding between rows, between parameters and at the end. */
export function oddNet(device: Device): Net {
  const input = { channels: 3, height: 5, width: 7 };
  const conv = new Conv2d(device, {
    name: "conv",
    input,
    channels: 5,
    size: 3,
    pad: 0,
    relu: false,
    at: 0,
  });
  const at = padded(5 * (3 * 9 + 1));
  const fc = new Dense(device, { name: "fc", input: conv.output, outputs: 7, relu: true, at });
  return new Net(device, "odd", [conv, fc], at + padded(7 * 76 + 7));
}

/** The float64 twin of {@linkcode oddNet}. */
export function oddOracle(): OracleLayer {
  const conv = conv2d({ C: 3, H: 5, V: 7, O: 5, K: 3, PAD: 0 });
  return sequence([conv, relu(75), dense({ C: 75, O: 7 })], "odd");
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
