/** Layout: float64 arrays [N, rows] of the oracle to and from GPU tensors [R][rows, N padded]. */
import type { Device, Tensor } from "../../src/gpu/mod.ts";
import { padded } from "../../src/layers/op.ts";

/** Uploads R arrays [N, rows]; padding images get 0, as in training. */
export function upload(device: Device, arrays: Float64Array[], rows: number, n: number): Tensor {
  const images = padded(n);
  const words = new Float32Array(arrays.length * rows * images);
  arrays.forEach((array, r) => {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < rows; j++) words[(r * rows + j) * images + i] = array[i * rows + j]!;
    }
  });
  return device.tensor([arrays.length, rows, images]).write(words);
}

/** Downloads R arrays [N, rows], padding left out. */
export async function download(tensor: Tensor, networks: number, rows: number, n: number) {
  const images = padded(n);
  const words = await tensor.read();
  return Array.from({ length: networks }, (_, r) => {
    const array = new Float64Array(n * rows);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < rows; j++) array[i * rows + j] = words[(r * rows + j) * images + i]!;
    }
    return array;
  });
}

/** Rounds to f32, so that GPU and oracle start from the very same numbers. */
export function rounded(array: Float64Array): Float64Array {
  return array.map(Math.fround);
}
