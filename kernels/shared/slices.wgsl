// uses: shared/sizes.wgsl
// slices: how the slices [R,LENGTH] of a layer's θ are gone through where each network's sum over its own is wanted.
//
// An invocation takes every CHUNKS-th vec4 of the slice of network r. It leaves its part of the sum at
// r·WIDTH + AT + chunk of an array [R,WIDTH], which network_sums.wgsl adds up.

override LENGTH: u32;  // vec4s of a slice
override CHUNKS: u32;
override AT: u32;
override WIDTH: u32;

struct Slice { inside: bool, r: u32, chunk: u32, part: u32 }

fn sliceOf(by: Invocation) -> Slice {
  let id = by.group.x * WG + by.lane;
  let r = id / CHUNKS;
  return Slice(r < size.R, r, id % CHUNKS, r * WIDTH + AT + id % CHUNKS);
}
