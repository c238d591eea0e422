// sizes: what varies from call to call. What is fixed for a layer is an override.

struct Sizes {
  R: u32,      // networks
  XR: u32,     // networks that x, or a loss's y, has an axis for: R, or 1 where all of them share it
  N: u32,      // vec4s of images
  RUNS: u32,   // parts that a sum over images is split into
  COUNT: u32,  // elements of an array; of a loss, images that its mean is taken over
  LIVE: u32,   // images that are not padding
}

@group(0) @binding(0) var<uniform> size: Sizes;

override WG: u32;  // invocations of a workgroup

struct Invocation {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
}

// Which networks' slice of x, or of y, network r reads.
fn sliceOfX(r: u32) -> u32 { return select(0, r, size.XR > 1); }
