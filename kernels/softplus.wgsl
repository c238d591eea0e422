// uses: shared/each.wgsl
// softplus: a smooth ReLU (Dugas et al. 2001; PyTorch's Softplus), nearer to it the larger b = BETA.
//
//   σ = 1 / (1 + exp −bx)
//
//   y    y = log(1 + exp bx) / b
//   ẏ    ẏ = σ·ẋ
//   x̄    x̄ = σ·ȳ
//   x̄˙   x̄˙ = σ·ȳ˙ + b·σ·(1 − σ)·ẋ·ȳ
//
// Smooth, so unlike ReLU it has a second derivative. Arrays of any shape, four elements to a vec4f.

override BETA: f32;

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(4) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;  // y, ẏ, x̄ or x̄˙

// σ, from exp −|bx|, which does not overflow.
fn slope(v: vec4f) -> vec4f {
  let e = exp(-BETA * abs(v));
  return select(e, vec4f(1), v > vec4f()) / (1 + e);
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    out[i] = max(x[i], vec4f()) + log(1 + exp(-BETA * abs(x[i]))) / BETA;
  }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] = slope(x[i]) * xDot[i]; }
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] = slope(x[i]) * yBar[i]; }
}

@compute @workgroup_size(WG)
fn backwardTangent(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let s = slope(x[i]);
    out[i] = s * yBarDot[i] + BETA * s * (1 - s) * xDot[i] * yBar[i];
  }
}
