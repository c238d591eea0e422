// uses: shared/each.wgsl
// inner_gd: a step of gradient descent, and its adjoint.
//
//   step      θ' = θ − η·g
//   adjoint   u = −η·λ        ∂L/∂η = −⟨λ, g⟩ = ⟨u, g⟩ / η, of which ⟨u, g⟩ is the loss's tangent along u
//
// λ = ∂L/∂θ' and u = ∂L/∂g. Arrays of θ's shape, four elements to a vec4f.

@group(0) @binding(1) var<uniform> eta: f32;
@group(0) @binding(2) var<storage, read> theta: array<vec4f>;
@group(0) @binding(3) var<storage, read> g: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> thetaNext: array<vec4f>;
@group(0) @binding(5) var<storage, read> lambda: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> u: array<vec4f>;

@compute @workgroup_size(WG)
fn step(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { thetaNext[i] = theta[i] - eta * g[i]; }
}

@compute @workgroup_size(WG)
fn adjoint(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { u[i] = -eta * lambda[i]; }
}
