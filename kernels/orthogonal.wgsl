// uses: shared/sizes.wgsl
// orthogonal: makes the rows of a drawn weight (or its columns, where there are fewer of them)
// orthonormal times GAIN, by modified Gram–Schmidt in place.
//
//   project     v_j ← v_j − ⟨v_j, v_i⟩ / ⟨v_i, v_i⟩ · v_i   for all j > i = COUNT; once for each i, in order
//   normalize   v_j ← GAIN · v_j / |v_j|                    for all j ≥ COUNT
//
//   out [R,THETA], vectors of LENGTH elements: element k of vector j at AT + j·ACROSS + k·ALONG
//
// One workgroup for a network and a vector j; its invocations share the elements. (One long dispatch for
// all i would run into llvmpipe, which leaves its loops once an invocation has done 65 535 turns.)
// Orthogonality is that of f32: about LENGTH · 1e-7.

override LENGTH: u32;
override ACROSS: u32;
override ALONG: u32;
override THETA: u32;  // words of a network's slice of `out`
override AT: u32;
override GAIN: f32;

@group(0) @binding(1) var<storage, read_write> out: array<f32>;

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
fn project(by: Invocation) {
  let u = by.group.x * THETA + AT + size.COUNT * ACROSS;  // v_i
  let v = u + (1 + by.group.y) * ACROSS;
  var dots: vec2f;
  for (var k = by.lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) {
    dots += out[u + k] * vec2f(out[v + k], out[u + k]);
  }
  dots = total(dots, by.lane);
  for (var k = by.lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) {
    out[v + k] -= dots.x / dots.y * out[u + k];
  }
}

@compute @workgroup_size(WG)
fn normalize(by: Invocation) {
  let v = by.group.x * THETA + AT + (size.COUNT + by.group.y) * ACROSS;
  var dot = 0.0;
  for (var k = by.lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) { dot += out[v + k] * out[v + k]; }
  dot = total(vec2f(dot), by.lane).x;
  for (var k = by.lane * ALONG; k < LENGTH * ALONG; k += WG * ALONG) { out[v + k] *= GAIN / sqrt(dot); }
}
