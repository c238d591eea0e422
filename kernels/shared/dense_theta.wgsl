// dense_theta: θ, θ̇ and θ̄ of dense's kernels by vec4, in a binding each; prepended to them.

@group(0) @binding(2) var<storage, read> theta: array<vec4f>;
@group(0) @binding(3) var<storage, read> thetaDot: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> thetaBar: array<f32>;

fn thetaAt(at: u32) -> vec4f { return theta[at]; }
fn thetaDotAt(at: u32) -> vec4f { return thetaDot[at]; }
fn putThetaBar(at: u32, v: f32) { thetaBar[at] = v; }  // by float
