/** The GPU layer: everything the rest of Retort knows of WebGPU. */
export { Device, type DeviceInfo, VIEW_FLOATS } from "./device.ts";
export { type Bindings, Kernel, type Overrides } from "./kernel.ts";
export { type Profile, profiles } from "./profile.ts";
export { type Groups, Recorder } from "./recorder.ts";
export { Tensor, type Words } from "./tensor.ts";
