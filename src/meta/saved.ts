/** Saved: tensors as arrays of a checkpoint, which must be there and of the size that is wanted. */
import type { FloatTensor } from "../base/safetensors.ts";
import type { State } from "./outer_optimizer.ts";

/** Reads every tensor of a state. */
export async function saveState(state: State): Promise<Record<string, FloatTensor>> {
  const tensors: Record<string, FloatTensor> = {};
  for (const [name, tensor] of state) {
    tensors[name] = { shape: [tensor.size], data: await tensor.read() };
  }
  return tensors;
}

/** Puts back what `saveState` gave. @throws TypeError on a missing array or one of another size. */
export function restoreState(
  state: State,
  tensors: Readonly<Record<string, FloatTensor>>,
): void {
  for (const [name, tensor] of state) tensor.write(savedArray(tensors, name, tensor.size));
}

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
