// roofline: what an adapter can do at best.
//
//   fma    out[i] = Σ TURNS  v wᵀ summed over a tile of 4×4 vec4s that stays in registers
//   copy   out[i] = a[i]
//   empty  nothing

override TURNS: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;

fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }

@compute @workgroup_size(WG)
fn fma(@builtin(global_invocation_id) at: vec3u) {
  if (at.x >= arrayLength(&out)) { return; }
  let v = a[at.x];
  var b: mat4x4f; var c: mat4x4f; var d: mat4x4f; var e: mat4x4f;
  for (var turn = 0u; turn < TURNS; turn++) {
    let w = v * f32(turn & 1);  // else the sums would be products
    b += outer(v, w);
    c += outer(v.yzwx, w);
    d += outer(v.zwxy, w);
    e += outer(v.wxyz, w);
  }
  let ones = vec4f(1);
  out[at.x] = b * ones + c * ones + d * ones + e * ones;
}

@compute @workgroup_size(WG)
fn copy(@builtin(global_invocation_id) at: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = at.y * groups.x * WG + at.x;
  if (i < arrayLength(&out)) { out[i] = a[i]; }
}

@compute @workgroup_size(WG)
fn empty(@builtin(global_invocation_id) at: vec3u) {
  if (at.x > arrayLength(&out)) { out[0] = a[0]; }
}
