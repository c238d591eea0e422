// uses: shared/loss.wgsl
// mse: half the squared distance of outputs z from labels y, the mean over COUNT images.
//
//   loss   loss[r,n] = ½ Σ k  (z − y)² / COUNT      hit: argmax z = argmax y; of one output, |z − y| < ½
//   z̄      z̄[r,k,n] = (z − y) / COUNT
//   z̄˙     z̄˙[r,k,n] = ż / COUNT
//   ȳ˙     ȳ˙[r,k,n] = −ż / COUNT, which is the tangent of ȳ = (y − z) / COUNT
//   lossDot[r,n] = Σ k  z̄ · ż
//
// Layouts are those of loss.wgsl. Quadratic.

override LABELS: bool;  // whether ȳ˙ is wanted

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  var sum: vec4f;
  for (var k = 0u; k < K; k++) {
    let d = z[at.z + k * size.N] - y[at.y + k * size.N];
    sum += d * d;
  }
  loss[at.id] = sum / 2 * at.share;
  if (K > 1) {
    hit[at.id] = sameLargest(at);
  } else {
    hit[at.id] = select(vec4f(), vec4f(1), abs(z[at.z] - y[at.y]) < vec4f(0.5));
  }
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  for (var k = 0u; k < K; k++) {
    let i = at.z + k * size.N;
    zBar[i] = (z[i] - y[at.y + k * size.N]) * at.share;
  }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  var dot: vec4f;
  for (var k = 0u; k < K; k++) {
    let i = at.z + k * size.N;
    dot += (z[i] - y[at.y + k * size.N]) * zDot[i];
    zBarDot[i] = zDot[i] * at.share;
    if (LABELS) { yBarDot[i] = -zDot[i] * at.share; }
  }
  lossDot[at.id] = dot * at.share;
}
