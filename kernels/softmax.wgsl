// softmax: probabilities from raw scores, class by class; for learned soft labels.
//
//   fwd   y[k,n] = exp x[k,n] / Σ j exp x[j,n]        vjp   x̄ = y ⊙ (ȳ − ⟨y, ȳ⟩)
//
//   x, y, x̄, ȳ [BLOCKS][K,N], a block every STRIDE vec4s
//
// Kind: smooth, outside the unrolled steps (so no jvp or hvp). Images are innermost, four to a vec4f;
// N counts vec4s. Padding images keep y = 0. An invocation handles four images.

override K: u32;
override N: u32;
override BLOCKS: u32;
override STRIDE: u32;
override COUNT: u32;  // images that are not padding
override WG: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> y: array<vec4f>;
@group(0) @binding(2) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

@compute @workgroup_size(WG)
fn fwd(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x * WG + lane;
  if (id >= BLOCKS * N) { return; }
  let first = id / N * STRIDE + id % N;
  var most = x[first];
  for (var k = 1u; k < K; k++) { most = max(most, x[first + k * N]); }
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += exp(x[first + k * N] - most); }
  let live = vec4u(0, 1, 2, 3) + id % N * 4 < vec4u(COUNT);
  for (var k = 0u; k < K; k++) {
    out[first + k * N] = select(vec4f(), exp(x[first + k * N] - most) / sum, live);
  }
}

@compute @workgroup_size(WG)
fn vjp(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x * WG + lane;
  if (id >= BLOCKS * N) { return; }
  let first = id / N * STRIDE + id % N;
  var mean: vec4f;
  for (var k = 0u; k < K; k++) { mean += y[first + k * N] * yBar[first + k * N]; }
  for (var k = 0u; k < K; k++) {
    let i = first + k * N;
    out[i] = y[i] * (yBar[i] - mean);
  }
}
