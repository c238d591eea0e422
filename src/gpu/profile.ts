/** A software adapter (llvmpipe, WARP) wants few invocations with much to do each, hardware many. */
export interface Profile {
  /** What stands behind the adapter. */
  readonly name: "software" | "hardware";
  /** Invocations in a workgroup. */
  readonly workgroup: number;
  /** Elements of an array that an invocation goes through, at most. */
  readonly elements: number;
  /** Turns of loops, summed over invocations, that one command buffer may take: about a second. */
  readonly turns: number;
}

/** The two profiles; tests run both on whatever adapter there is. */
export const profiles: Readonly<Record<Profile["name"], Profile>> = {
  software: { name: "software", workgroup: 8, elements: 64, turns: 5e7 },
  hardware: { name: "hardware", workgroup: 64, elements: 1, turns: 5e10 },
};

/** The name of the profile that suits an adapter. */
export function profileOf(info: GPUAdapterInfo): Profile["name"] {
  const software = info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|basic render/i.test(`${info.description} ${info.device}`);
  return software ? "software" : "hardware";
}
