// uses: shared/loss.wgsl
// softmax_xent: soft-label cross-entropy of logits z, the mean over COUNT images.
//
//   p = softmax(z)    Y[n] = Σ k  y[k,n]    (labels need not sum to 1)
//
//   loss   loss[r,n] = −Σ k  y[k,n] · log p[r,k,n] / COUNT      hit: argmax z = argmax y, the first of equals
//   z̄      z̄[r,k,n] = (Y·p − y) / COUNT
//   z̄˙     z̄˙[r,k,n] = Y · p ⊙ (ż − ⟨p,ż⟩) / COUNT
//   ȳ˙     ȳ˙[r,k,n] = −(ż − ⟨p,ż⟩) / COUNT, which is the tangent of ȳ = −log p / COUNT
//   lossDot[r,n] = Σ k  z̄ · ż
//
// Layouts are those of loss.wgsl. Smooth.

override LABELS: bool;  // whether ȳ˙ is wanted

struct Normal { most: vec4f, logSum: vec4f }  // log Σ exp z = most + logSum

fn normalOf(at: Place) -> Normal {
  var most = z[at.z];
  for (var k = 1u; k < K; k++) { most = max(most, z[at.z + k * size.N]); }
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += exp(z[at.z + k * size.N] - most); }
  return Normal(most, log(sum));
}
fn logP(i: u32, normal: Normal) -> vec4f { return z[i] - normal.most - normal.logSum; }

fn labelSum(at: Place) -> vec4f {
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += y[at.y + k * size.N]; }
  return sum;
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  let normal = normalOf(at);
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum -= y[at.y + k * size.N] * logP(at.z + k * size.N, normal); }
  loss[at.id] = sum * at.share;
  hit[at.id] = sameLargest(at);
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  let normal = normalOf(at);
  let Y = labelSum(at);
  for (var k = 0u; k < K; k++) {
    let i = at.z + k * size.N;
    zBar[i] = (Y * exp(logP(i, normal)) - y[at.y + k * size.N]) * at.share;
  }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  let at = placeOf(by);
  if (!at.inside) { return; }
  let normal = normalOf(at);
  let Y = labelSum(at);
  var mean: vec4f;  // ⟨p,ż⟩
  for (var k = 0u; k < K; k++) {
    let i = at.z + k * size.N;
    mean += exp(logP(i, normal)) * zDot[i];
  }
  var dot = Y * mean;
  for (var k = 0u; k < K; k++) {
    let i = at.z + k * size.N;
    dot -= y[at.y + k * size.N] * zDot[i];
    zBarDot[i] = Y * exp(logP(i, normal)) * (zDot[i] - mean) * at.share;
    if (LABELS) { yBarDot[i] = (mean - zDot[i]) * at.share; }
  }
  lossDot[at.id] = dot * at.share;
}
