// orthogonal: makes the rows of a drawn weight (or its columns, where there are fewer of them)
// orthonormal times GAIN, by modified Gram–Schmidt in place.
//
//   v_i ← v_i − Σ j<i ⟨v_i, v_j⟩ v_j,   v_i ← v_i / |v_i|;   at the end times GAIN
//
//   out [R][VECTORS] vectors of LENGTH elements: element k of vector i at AT + i·ACROSS + k·ALONG
//
// One workgroup a network; its invocations share the elements of a vector. Orthogonality is that of
// f32: about LENGTH · 1e-7.

override VECTORS: u32;
override LENGTH: u32;
override ACROSS: u32;
override ALONG: u32;
override STRIDE: u32;
override AT: u32;
override GAIN: f32;
override WG: u32;

@group(0) @binding(0) var<storage, read_write> out: array<f32>;

var<workgroup> sums: array<f32, WG>;

// Σ of `part` over the workgroup; every invocation gets it.
fn total(part: f32, lane: u32) -> f32 {
  sums[lane] = part;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += sums[i]; }
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(WG)
fn gramSchmidt(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let base = group.x * STRIDE + AT;
  for (var i = 0u; i < VECTORS; i++) {
    let v = base + i * ACROSS;
    for (var j = 0u; j <= i; j++) {
      let u = base + j * ACROSS;
      var dot = 0.0;
      for (var k = lane; k < LENGTH; k += WG) { dot += out[v + k * ALONG] * out[u + k * ALONG]; }
      dot = total(dot, lane);
      for (var k = lane; k < LENGTH; k += WG) {
        let e = v + k * ALONG;
        if (j == i) { out[e] = out[e] / sqrt(dot); } else { out[e] = out[e] - dot * out[u + k * ALONG]; }
      }
    }
  }
  for (var i = 0u; i < VECTORS; i++) {
    for (var k = lane; k < LENGTH; k += WG) { out[base + i * ACROSS + k * ALONG] *= GAIN; }
  }
}
