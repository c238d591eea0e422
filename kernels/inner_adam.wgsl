// uses: shared/each.wgsl, shared/slices.wgsl, shared/finite.wgsl
// inner_adam: a step of Adam (Kingma & Ba 2015), and its adjoint.
//
// Write c₁ = 1 / (1 − BETA1^t) and c₂ = 1 / (1 − BETA2^t) for the network's t-th step, which `corrections` has.
//
//   step      m' = β₁·m + (1 − β₁)·g       v' = β₂·v + (1 − β₂)·g²
//             s = √(c₂·v' + EPS_ROOT)      d = c₁·m' / (s + EPS)       θ' = θ − η·d
//
//   adjoint   M = μ − η·c₁·λ / (s + EPS)             ∂L/∂m', of which μ came from the step after
//             V = ν + η·λ·d / (s + EPS) · c₂ / 2s    ∂L/∂v'
//             u = (1 − β₁)·M + 2(1 − β₂)·g·V         μ ← β₁·M      ν ← β₂·V      ∂L/∂η = −⟨λ, d⟩
//
// λ = ∂L/∂θ' and u = ∂L/∂g. EPS_ROOT > 0 bounds the slope of the root where v' is near 0. The gradient is not
// kept: g = (m' − β₁·m) / (1 − β₁). Arrays of θ's shape, four elements to a vec4f.

override BETA1: f32;
override BETA2: f32;
override EPS_ROOT: f32;
const EPS = 1e-8;

@group(0) @binding(1) var<uniform> eta: f32;
@group(0) @binding(2) var<uniform> corrections: vec2f;
@group(0) @binding(3) var<storage, read> theta: array<vec4f>;
@group(0) @binding(4) var<storage, read> m: array<vec4f>;
@group(0) @binding(5) var<storage, read> v: array<vec4f>;
@group(0) @binding(6) var<storage, read> g: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> thetaNext: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> mNext: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> vNext: array<vec4f>;
@group(0) @binding(10) var<storage, read> lambda: array<vec4f>;
@group(0) @binding(11) var<storage, read_write> mu: array<vec4f>;
@group(0) @binding(12) var<storage, read_write> nu: array<vec4f>;
@group(0) @binding(13) var<storage, read_write> u: array<vec4f>;
@group(0) @binding(14) var<storage, read_write> etaBar: array<f32>;  // parts, see slices.wgsl

fn root(moment: vec4f) -> vec4f { return sqrt(finiteOrNan(corrections.y * moment) + EPS_ROOT); }

@compute @workgroup_size(WG)
fn step(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let m1 = BETA1 * m[i] + (1 - BETA1) * g[i];
    let v1 = BETA2 * v[i] + (1 - BETA2) * g[i] * g[i];
    mNext[i] = m1;
    vNext[i] = v1;
    thetaNext[i] = theta[i] - eta * (corrections.x * m1 / (root(v1) + EPS));
  }
}

@compute @workgroup_size(WG)
fn adjoint(by: Invocation) {
  let slice = sliceOf(by);
  if (!slice.inside) { return; }
  var sum = vec4f();
  for (var k = slice.chunk; k < LENGTH; k += CHUNKS) {
    let i = slice.r * LENGTH + k;
    let s = root(vNext[i]);
    let d = corrections.x * mNext[i] / (s + EPS);
    let back = eta * lambda[i] / (s + EPS);
    let M = mu[i] - corrections.x * back;
    let V = nu[i] + back * d * corrections.y / (2 * s);
    let gradient = (mNext[i] - BETA1 * m[i]) / (1 - BETA1);
    u[i] = (1 - BETA1) * M + 2 * (1 - BETA2) * gradient * V;
    mu[i] = BETA1 * M;
    nu[i] = BETA2 * V;
    sum += lambda[i] * d;
  }
  etaBar[slice.part] = -dot(sum, vec4f(1));
}
