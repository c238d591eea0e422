// uses: shared/sizes.wgsl
// softmax: probabilities from raw scores, class by class; for learned soft labels.
//
//   forward    y[k,n] = exp x[k,n] / Σ j  exp x[j,n]
//   backward   x̄ = y ⊙ (ȳ − ⟨y, ȳ⟩)
//
//   x, y, x̄, ȳ [BLOCKS][K,N], a block every STRIDE vec4s
//
// Smooth, and outside of the unrolled steps, so no tangent is needed. Images are innermost, four to a vec4f;
// N counts vec4s. Padding images keep y = 0. An invocation handles four images.

override K: u32;
override BLOCKS: u32;
override STRIDE: u32;

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  let id = by.group.x * WG + by.lane;
  if (id >= BLOCKS * size.N) { return; }
  let first = id / size.N * STRIDE + id % size.N;
  var most = x[first];
  for (var k = 1u; k < K; k++) { most = max(most, x[first + k * size.N]); }
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += exp(x[first + k * size.N] - most); }
  let live = vec4u(0, 1, 2, 3) + id % size.N * 4 < vec4u(size.LIVE);
  for (var k = 0u; k < K; k++) {
    out[first + k * size.N] = select(vec4f(), exp(x[first + k * size.N] - most) / sum, live);
  }
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  let id = by.group.x * WG + by.lane;
  if (id >= BLOCKS * size.N) { return; }
  let first = id / size.N * STRIDE + id % size.N;
  var mean: vec4f;
  for (var k = 0u; k < K; k++) { mean += y[first + k * size.N] * yBar[first + k * size.N]; }
  for (var k = 0u; k < K; k++) {
    let i = first + k * size.N;
    out[i] = y[i] * (yBar[i] - mean);
  }
}
