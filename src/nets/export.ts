/** Export: networks of θ as named arrays in PyTorch's layout, one or many of them, and back. */
import type { Net } from "./net.ts";

/** A parameter as PyTorch has it. */
export interface NamedArray {
  /** PyTorch's shape, with a leading axis of R where it is that of R networks. */
  readonly shape: readonly number[];
  /** The product of `shape` numbers, last axis fastest. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Parameters of network `r` of θ [R, P] by PyTorch name, padding removed. */
export function exportParameters(net: Net, theta: Float32Array, r = 0): Record<string, NamedArray> {
  const named = net.parameters.map(({ name, shape, at, pitch }) => {
    const columns = sizeOf(shape.slice(1));
    const data = new Float32Array(shape[0]! * columns);
    for (let row = 0; row < shape[0]!; row++) {
      const start = r * net.stride + at + row * pitch;
      data.set(theta.subarray(start, start + columns), row * columns);
    }
    return [name, { shape, data }] as const;
  });
  return Object.fromEntries(named);
}

/** All networks of θ [R, P] under PyTorch's names, each array with a leading axis of R networks. */
export function exportNetworks(net: Net, theta: Float32Array): Record<string, NamedArray> {
  const networks = theta.length / net.stride;
  const all = Array.from({ length: networks }, (_, r) => exportParameters(net, theta, r));
  const named = net.parameters.map(({ name, shape }) => {
    const data = new Float32Array(networks * sizeOf(shape));
    all.forEach((one, r) => data.set(one[name]!.data, r * sizeOf(shape)));
    return [name, { shape: [networks, ...shape], data }] as const;
  });
  return Object.fromEntries(named);
}

/**
 * The opposite of {@linkcode exportNetworks}: θ [R, P] of arrays [R, …]. Arrays without that axis, as
 * PyTorch and {@linkcode exportParameters} write them, are one network.
 *
 * @throws TypeError on a missing name, a wrong shape, or arrays of different numbers of networks.
 */
export function importNetworks(
  net: Net,
  named: Readonly<
    Record<string, { readonly shape: readonly number[]; readonly data: Float32Array } | undefined>
  >,
): Float32Array<ArrayBuffer> {
  const [first] = net.parameters;
  const leading = named[first!.name]?.shape;
  const isOne = leading?.length === first!.shape.length;
  const networks = isOne ? 1 : leading?.[0] ?? 0;
  const theta = new Float32Array(networks * net.stride);
  for (const { name, shape, at, pitch } of net.parameters) {
    const array = named[name];
    const expected = isOne ? shape : [networks || "R", ...shape];
    if (!array || array.shape.join() !== expected.join()) {
      const got = array ? `shape [${array.shape.join(", ")}]` : "nothing";
      throw new TypeError(
        `Cannot load ${net.name}: got ${got} for ${name}, expected [${expected.join(", ")}]` +
          (isOne ? "" : ", that of all networks one after the other"),
      );
    }
    const columns = sizeOf(shape.slice(1));
    for (let row = 0; row < networks * shape[0]!; row++) {
      const r = Math.floor(row / shape[0]!);
      const to = r * net.stride + at + row % shape[0]! * pitch;
      theta.set(array.data.subarray(row * columns, (row + 1) * columns), to);
    }
  }
  return theta;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
