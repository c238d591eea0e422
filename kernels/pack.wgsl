// pack: images as bytes into the layout and the range that networks read.
//
//   fwd   x[c,h,v,n] = (bytes[n,c,h,v] / 255 − mean[c]) / std[c],  0 for padding images n ≥ COUNT
//
//   bytes [COUNT,C,PLANE], four to a u32   scale [C]: mean and std as vec2f   x [C,PLANE,N]
//
// Images are innermost, four to a vec4f; N counts vec4s. An invocation writes one vec4f.

override C: u32;
override PLANE: u32;  // H·V
override N: u32;
override COUNT: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> bytes: array<u32>;
@group(0) @binding(1) var<storage, read> scale: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4f>;

fn byte(image: u32, at: u32) -> f32 {
  let i = min(image, COUNT - 1) * C * PLANE + at;
  return f32((bytes[i / 4] >> (i % 4 * 8)) & 0xFF);
}

@compute @workgroup_size(WG)
fn fwd(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = (group.y * groups.x + group.x) * WG + lane;
  if (id >= C * PLANE * N) { return; }
  let n = vec4u(0, 1, 2, 3) + id % N * 4;
  let at = id / N;
  let v = vec4f(byte(n.x, at), byte(n.y, at), byte(n.z, at), byte(n.w, at)) / 255;
  let norm = scale[at / PLANE];
  x[id] = select(vec4f(), (v - norm.x) / norm.y, n < vec4u(COUNT));
}
