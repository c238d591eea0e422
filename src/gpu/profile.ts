/**
 * What stands behind the adapter, and the shapes of work that suit it. A software adapter (llvmpipe,
 * SwiftShader, WARP) wants few invocations with much to do each, a hardware adapter many thousands.
 */
export interface Profile {
  /** What stands behind the adapter. */
  readonly name: "software" | "hardware";
  /** Invocations in a workgroup. */
  readonly workgroup: number;
  /** Columns of an image that an invocation of conv2d computes: fewer make more invocations. */
  readonly columns: 1 | 5;
  /** Workgroups that a long sum with few outputs is split into, about. */
  readonly splits: number;
}

/** The two profiles; tests run both on whatever adapter there is. */
export const profiles: Readonly<Record<Profile["name"], Profile>> = {
  software: { name: "software", workgroup: 64, columns: 5, splits: 16 },
  hardware: { name: "hardware", workgroup: 64, columns: 1, splits: 512 },
};

/** The name of the profile that suits an adapter. */
export function profileOf(info: GPUAdapterInfo): Profile["name"] {
  const software = info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|basic render/i.test(`${info.description} ${info.device}`);
  return software ? "software" : "hardware";
}
