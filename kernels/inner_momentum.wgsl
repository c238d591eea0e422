// uses: shared/each.wgsl, shared/slices.wgsl
// inner_momentum: a step of gradient descent with momentum (Polyak 1964, in PyTorch's form), and its adjoint.
//
//   step      v' = μ·v + g      θ' = θ − η·v'
//   adjoint   u = ν − η·λ       ν ← μ·u        ∂L/∂η = −⟨λ, v'⟩      ∂L/∂μ = ⟨u, v⟩
//
// λ = ∂L/∂θ', ν = ∂L/∂v' and, after, ∂L/∂v; u = ∂L/∂g. Arrays of θ's shape, four elements to a vec4f.

@group(0) @binding(1) var<uniform> eta: f32;
@group(0) @binding(2) var<uniform> mu: f32;
@group(0) @binding(3) var<storage, read> theta: array<vec4f>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read> g: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> thetaNext: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> vNext: array<vec4f>;
@group(0) @binding(8) var<storage, read> lambda: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> nu: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(11) var<storage, read_write> etaBar: array<f32>;  // parts, see slices.wgsl
@group(0) @binding(12) var<storage, read_write> muBar: array<f32>;

@compute @workgroup_size(WG)
fn step(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let next = mu * v[i] + g[i];
    vNext[i] = next;
    thetaNext[i] = theta[i] - eta * next;
  }
}

@compute @workgroup_size(WG)
fn adjoint(by: Invocation) {
  let slice = sliceOf(by);
  if (!slice.inside) { return; }
  var lambdaV = vec4f();
  var uV = vec4f();
  for (var k = slice.chunk; k < LENGTH; k += CHUNKS) {
    let i = slice.r * LENGTH + k;
    let back = nu[i] - eta * lambda[i];
    lambdaV += lambda[i] * vNext[i];
    uV += back * v[i];
    u[i] = back;
    nu[i] = mu * back;
  }
  etaBar[slice.part] = -dot(lambdaV, vec4f(1));
  muBar[slice.part] = dot(uV, vec4f(1));
}
