/**
 * theta_window: the part of θ that an op binds. It is all of θ [R, P] unless that is more than a binding
 * may hold; then, for one network, it is a window around the parameters that the op reads or writes.
 * Algebra on flat arrays goes from window to window.
 */
import { type Device, Tensor, VIEW_FLOATS } from "../gpu/mod.ts";

/** Zeros that only a buffer must hold, not a binding: for θ and what else is updated window by window. */
export function thetaTensor(device: Device, shape: readonly number[], label: string): Tensor {
  return Tensor.create(device, shape, label, device.info.limits.maxBufferSize!);
}

/** Where kernels find an op's parameters. */
export interface ThetaWindow {
  /** Floats from one network's slice to the next in what is bound; 0 in a window, of one network. */
  readonly stride: number;
  /** Where the parameters start in that, in floats. */
  readonly at: number;
  /** What to bind of θ, or of a tensor of its shape. */
  of(theta: Tensor): Tensor;
}

/**
 * The window of θ [networks, P] on `size` floats from `at` of a network's slice.
 *
 * @throws RangeError for several networks that are together more than a binding may hold.
 */
export function thetaWindow(
  theta: Tensor,
  networks: number,
  at: number,
  size: number,
): ThetaWindow {
  if (bindable(theta)) return { stride: theta.size / networks, at, of: (whole) => whole };
  expectOne(theta, networks);
  const start = Math.floor(at / VIEW_FLOATS) * VIEW_FLOATS;
  const floats = at - start + size;
  return { stride: 0, at: at - start, of: (whole) => viewOf(whole, start, floats) };
}

/** Start and size of the windows that cover θ [networks, P]. @throws as {@linkcode thetaWindow} does. */
export function windowsOf(theta: Tensor, networks = 1): (readonly [start: number, size: number])[] {
  if (bindable(theta)) return [[0, theta.size]];
  expectOne(theta, networks);
  const most = mostWords(theta.device);
  return Array.from({ length: Math.ceil(theta.size / most) }, (_, i) => {
    return [i * most, Math.min(most, theta.size - i * most)] as const;
  });
}

/** Words of the largest window: as many as a binding holds, and a view may start after them. */
export function mostWords({ info: { limits } }: Device): number {
  return Math.floor(limits.maxStorageBufferBindingSize! / 4 / VIEW_FLOATS) * VIEW_FLOATS;
}

/** Whether a binding holds all of a tensor. */
export function bindable({ bytes, device }: Tensor): boolean {
  return bytes <= device.info.limits.maxStorageBufferBindingSize!;
}

const views = new WeakMap<Tensor, Map<string, Tensor>>();

/** The view of `size` words from `start`, the same one each time, as bind groups are kept by tensor. */
export function viewOf(tensor: Tensor, start: number, size: number): Tensor {
  if (size === tensor.size) return tensor;
  const known = views.get(tensor) ?? new Map<string, Tensor>();
  views.set(tensor, known);
  const key = `${start} ${size}`;
  const view = known.get(key) ?? tensor.view(start, [size]);
  known.set(key, view);
  return view;
}

function expectOne(theta: Tensor, networks: number): void {
  if (networks === 1) return;
  const most = theta.device.info.limits.maxStorageBufferBindingSize;
  throw new RangeError(
    `Cannot run ${networks} networks side by side: got ${theta.bytes} bytes of parameters, expected at ` +
      `most ${most} on this adapter; run fewer networks at a time`,
  );
}
