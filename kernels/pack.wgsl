// pack: images and labels as bytes, chosen by index, into the layout and the range that networks read.
//
//   images   x[c,h,v,n] = (bytes[i,c,h,v] / 255 − mean[c]) / std[c],  i = indices[n]
//   labels   y[k,n] = 1 where bytes[i] = k, else 0
//
//   bytes [·,C,PLANE] or [·], four to a u32   indices [COUNT]   scale [C]: mean and std as vec2f
//   x [C,PLANE,N]   y [K,N]; both are 0 for padding images n ≥ COUNT
//
// Images are innermost, four to a vec4f; N counts vec4s. An invocation writes one vec4f.

override C: u32;
override PLANE: u32;  // H·V
override N: u32;
override COUNT: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> bytes: array<u32>;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> scale: array<vec2f>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;

struct Invocation {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
}

fn index(at: Invocation) -> u32 { return (at.group.y * at.groups.x + at.group.x) * WG + at.lane; }

fn byte(i: u32) -> u32 { return (bytes[i / 4] >> (i % 4 * 8)) & 0xFF; }

// Bytes `at` of four images of `size` bytes.
fn four(n: vec4u, size: u32, at: u32) -> vec4u {
  let i = min(n, vec4u(COUNT - 1));
  return vec4u(
    byte(indices[i.x] * size + at), byte(indices[i.y] * size + at),
    byte(indices[i.z] * size + at), byte(indices[i.w] * size + at),
  );
}

@compute @workgroup_size(WG)
fn images(invocation: Invocation) {
  let id = index(invocation);
  if (id >= arrayLength(&x)) { return; }
  let n = vec4u(0, 1, 2, 3) + id % N * 4;
  let at = id / N;
  let norm = scale[at / PLANE];
  let v = (vec4f(four(n, C * PLANE, at)) / 255 - norm.x) / norm.y;
  x[id] = select(vec4f(), v, n < vec4u(COUNT));
}

@compute @workgroup_size(WG)
fn labels(invocation: Invocation) {
  let id = index(invocation);
  if (id >= arrayLength(&y)) { return; }
  let n = vec4u(0, 1, 2, 3) + id % N * 4;
  let hit = four(n, 1, 0) == vec4u(id / N);
  y[id] = select(vec4f(), vec4f(1), hit & (n < vec4u(COUNT)));
}
