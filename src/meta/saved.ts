/** Saved: an array of a checkpoint, which must be there and of the size that is wanted. */
import type { FloatTensor } from "../base/safetensors.ts";

/** @throws TypeError on a missing array or one of another size. */
export function savedArray(
  tensors: Readonly<Record<string, FloatTensor>>,
  name: string,
  size: number,
): Float32Array<ArrayBuffer> {
  const data = tensors[name]?.data;
  if (data?.length === size) return Float32Array.from(data);
  throw new TypeError(
    `Cannot resume: got ${data?.length ?? "no"} numbers for ${name} in the checkpoint, ` +
      `expected ${size}; start again in another folder`,
  );
}
