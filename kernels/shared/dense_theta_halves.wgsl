// dense_theta_halves: as dense_theta, for a layer that is more than a binding holds: two bindings each.

override HALF: u32;  // vec4s of the first

@group(0) @binding(2) var<storage, read> theta: array<vec4f>;
@group(0) @binding(3) var<storage, read> thetaDot: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> thetaBar: array<f32>;
@group(0) @binding(11) var<storage, read> thetaRest: array<vec4f>;
@group(0) @binding(12) var<storage, read> thetaDotRest: array<vec4f>;
@group(0) @binding(13) var<storage, read_write> thetaBarRest: array<f32>;

fn thetaAt(at: u32) -> vec4f {
  if (at < HALF) { return theta[at]; }
  return thetaRest[at - HALF];
}
fn thetaDotAt(at: u32) -> vec4f {
  if (at < HALF) { return thetaDot[at]; }
  return thetaDotRest[at - HALF];
}
fn putThetaBar(at: u32, v: f32) {  // by float
  if (at < 4 * HALF) { thetaBar[at] = v; } else { thetaBarRest[at - 4 * HALF] = v; }
}
