// uses: shared/loss.wgsl
// sigmoid_xent: cross-entropy of one logit z against labels y between 0 and 1, the mean over COUNT images.
//
//   p = 1 / (1 + exp −z)
//
//   loss   loss[r,n] = (log(1 + exp z) − y·z) / COUNT      hit: z > 0 where y > ½, and not elsewhere
//   z̄      z̄[r,n] = (p − y) / COUNT
//   z̄˙     z̄˙[r,n] = p·(1 − p)·ż / COUNT
//   ȳ˙     ȳ˙[r,n] = −ż / COUNT, which is the tangent of ȳ = −z / COUNT
//   lossDot[r,n] = z̄ · ż
//
// Layouts are those of loss.wgsl with K = 1. Smooth.

override LABELS: bool;  // whether ȳ˙ is wanted

// p from exp −|z|, which does not overflow.
fn sigmoid(v: vec4f) -> vec4f {
  let e = exp(-abs(v));
  return select(e, vec4f(1), v > vec4f()) / (1 + e);
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  let v = z[at.z];
  loss[at.id] = (max(v, vec4f()) + log(1 + exp(-abs(v))) - y[at.y] * v) * at.share;
  hit[at.id] = select(vec4f(), vec4f(1), (v > vec4f()) == (y[at.y] > vec4f(0.5)));
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  let at = placeOf(by);
  if (at.inside) { zBar[at.z] = (sigmoid(z[at.z]) - y[at.y]) * at.share; }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  let p = sigmoid(z[at.z]);
  zBarDot[at.z] = p * (1 - p) * zDot[at.z] * at.share;
  if (LABELS) { yBarDot[at.z] = -zDot[at.z] * at.share; }
  lossDot[at.id] = (p - y[at.y]) * zDot[at.z] * at.share;
}
