/** Export: networks of θ as named arrays in PyTorch's layout, one or many of them, and back. */
import type { Net } from "./net.ts";

/** A named array. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Arrays by name, as a file has them. */
type Named = Readonly<
  Record<string, { shape: readonly number[]; data: Float32Array } | undefined>
>;

/** Parameters of network `r` of θ [R, P] by PyTorch name, padding removed. */
export function exportParameters(net: Net, theta: Float32Array, r = 0): Record<string, NamedArray> {
  const named: Record<string, NamedArray> = {};
  for (const { name, shape, at, pitch } of net.parameters) {
    const rows = shape[0]!;
    const columns = shape.slice(1).reduce((a, b) => a * b, 1);
    const data = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      const start = r * net.stride + at + row * pitch;
      data.set(theta.subarray(start, start + columns), row * columns);
    }
    named[name] = { shape, data };
  }
  return named;
}

/** The opposite of {@linkcode exportParameters}: one network's slice of θ. @throws TypeError on a missing name or wrong shape. */
export function importParameters(net: Net, named: Named): Float32Array<ArrayBuffer> {
  const theta = new Float32Array(net.stride);
  for (const { name, shape, at, pitch } of net.parameters) {
    const array = named[name];
    if (array?.shape.join() !== shape.join()) {
      const got = array ? `shape [${array.shape.join(", ")}]` : "nothing";
      throw new TypeError(
        `Cannot load ${net.name}: got ${got} for ${name}, expected [${shape.join(", ")}]`,
      );
    }
    const columns = array.data.length / shape[0]!;
    for (let row = 0; row < shape[0]!; row++) {
      theta.set(array.data.subarray(row * columns, (row + 1) * columns), at + row * pitch);
    }
  }
  return theta;
}

/** All networks of θ [R, P] under PyTorch's names, each array with a leading axis of R networks. */
export function exportNetworks(net: Net, theta: Float32Array): Record<string, NamedArray> {
  const networks = theta.length / net.stride;
  const stacked: Record<string, NamedArray> = {};
  for (const { name, shape } of net.parameters) {
    const whole = [networks, ...shape];
    stacked[name] = { shape: whole, data: new Float32Array(whole.reduce((a, b) => a * b, 1)) };
  }
  for (let r = 0; r < networks; r++) {
    for (const [name, { data }] of Object.entries(exportParameters(net, theta, r))) {
      stacked[name]!.data.set(data, r * data.length);
    }
  }
  return stacked;
}

/**
 * The opposite of {@linkcode exportNetworks}: θ [R, P] of arrays [R, …]. Arrays without that axis, as
 * PyTorch writes them, are one network.
 *
 * @throws TypeError on a missing name, a wrong shape, or arrays of different numbers of networks.
 */
export function importNetworks(net: Net, named: Named): Float32Array<ArrayBuffer> {
  const [first] = net.parameters;
  const leading = named[first!.name]?.shape;
  if (leading?.length === first!.shape.length) return importParameters(net, named);
  const networks = leading?.[0] ?? 0;
  const theta = new Float32Array(networks * net.stride);
  for (const { name, shape } of net.parameters) {
    const got = named[name]?.shape;
    if (networks > 0 && got?.join() === [networks, ...shape].join()) continue;
    const expected = `[${[networks || "R", ...shape].join(", ")}]`;
    throw new TypeError(
      `Cannot load ${net.name}: got ${
        got ? `shape [${got.join(", ")}]` : "nothing"
      } for ${name}, ` +
        `expected ${expected}, that of all networks one after the other`,
    );
  }
  for (let r = 0; r < networks; r++) {
    const one = net.parameters.map(({ name, shape }) => {
      const { data } = named[name]!;
      const size = data.length / networks;
      return [name, { shape, data: data.subarray(r * size, (r + 1) * size) }] as const;
    });
    theta.set(importParameters(net, Object.fromEntries(one)), r * net.stride);
  }
  return theta;
}
