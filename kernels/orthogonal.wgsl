// orthogonal: makes the rows of a drawn weight (or its columns, where there are fewer of them)
// orthonormal times GAIN, by modified Gram–Schmidt in place.
//
//   project     v_j ← v_j − ⟨v_j, v_i⟩ / ⟨v_i, v_i⟩ · v_i   for all j > i; once for each i, in order
//   normalize   v_j ← GAIN · v_j / |v_j|                    for all j
//
//   out [R][VECTORS] vectors of LENGTH elements: element k of vector j at AT + j·ACROSS + k·ALONG
//
// One workgroup for a network and a vector j; its invocations share the elements. The grid's height
// says which i it is: VECTORS − 1 − i vectors come after i. (One long dispatch instead would run into
// llvmpipe, which leaves a loop, without a word, once an invocation has done 65 535 turns.)
// Orthogonality is that of f32: about LENGTH · 1e-7.

override VECTORS: u32;
override LENGTH: u32;
override ACROSS: u32;
override ALONG: u32;
override STRIDE: u32;
override AT: u32;
override GAIN: f32;
override WG: u32;

@group(0) @binding(0) var<storage, read_write> out: array<f32>;

var<workgroup> sums: array<vec2f, WG>;

// Σ of `part` over the workgroup; every invocation gets it.
fn total(part: vec2f, lane: u32) -> vec2f {
  sums[lane] = part;
  workgroupBarrier();
  var sum: vec2f;
  for (var i = 0u; i < WG; i++) { sum += sums[i]; }
  return sum;
}

@compute @workgroup_size(WG)
fn project(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let u = group.x * STRIDE + AT + (VECTORS - 1 - groups.y) * ACROSS;  // v_i
  let v = u + (1 + group.y) * ACROSS;
  var dots: vec2f;
  for (var k = lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) {
    dots += out[u + k] * vec2f(out[v + k], out[u + k]);
  }
  dots = total(dots, lane);
  for (var k = lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) {
    out[v + k] -= dots.x / dots.y * out[u + k];
  }
}

@compute @workgroup_size(WG)
fn normalize(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let v = group.x * STRIDE + AT + group.y * ACROSS;
  var dot = 0.0;
  for (var k = lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) { dot += out[v + k] * out[v + k]; }
  dot = total(vec2f(dot), lane).x;
  for (var k = lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) { out[v + k] *= GAIN / sqrt(dot); }
}
