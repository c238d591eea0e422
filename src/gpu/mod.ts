/** The GPU layer: everything the rest of Retort knows of WebGPU. */
export { Device, type DeviceInfo, NoAdapterError, type Sizes } from "./device.ts";
export { type Bindings, Kernel, type Overrides } from "./kernel.ts";
export { link, type Source } from "./link.ts";
export { Pacing } from "./pacing.ts";
export { type Profile, profiles } from "./profile.ts";
export { type Groups, MOST_TURNS, Recorder, type Run } from "./recorder.ts";
export { Tensor, VIEW_FLOATS, type Words } from "./tensor.ts";
