/** Export: one network of θ as named arrays in PyTorch's layout, and back. */
import type { Net } from "./net.ts";

/** A named array. */
export interface NamedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

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
export function importParameters(
  net: Net,
  named: Readonly<Record<string, { shape: readonly number[]; data: Float32Array } | undefined>>,
): Float32Array<ArrayBuffer> {
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
