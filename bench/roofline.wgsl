// uses: shared/each.wgsl
// roofline: what an adapter can do at best.
//
//   fma    out[i] = Σ TURNS  v wᵀ summed over a tile of 4×4 vec4s that stays in registers
//   copy   out[i] = a[i]
//   empty  nothing

override TURNS: u32;

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;

fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }

@compute @workgroup_size(WG)
fn fma(by: Invocation) {
  let i = by.group.x * WG + by.lane;
  if (i >= size.COUNT) { return; }
  let v = a[i];
  var b: mat4x4f; var c: mat4x4f; var d: mat4x4f; var e: mat4x4f;
  for (var turn = 0u; turn < TURNS; turn++) {
    let w = v * f32(turn & 1);  // else the sums would be products
    b += outer(v, w);
    c += outer(v.yzwx, w);
    d += outer(v.zwxy, w);
    e += outer(v.wxyz, w);
  }
  let ones = vec4f(1);
  out[i] = b * ones + c * ones + d * ones + e * ones;
}

@compute @workgroup_size(WG)
fn copy(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] = a[i]; }
}

@compute @workgroup_size(WG)
fn empty(by: Invocation) {
  if (by.lane > size.COUNT) { out[0] = a[0]; }
}
