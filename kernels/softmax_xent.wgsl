// softmax_xent: soft-label cross-entropy of logits z, the mean over COUNT images.
//
//   p = softmax(z)    s = Σ k  y[k,n]    (labels need not sum to 1; padding images have y = 0)
//
//   fwd    loss[r,n] = −Σ k  y[k,n] · log p[r,k,n] / COUNT      hit[r,n] = argmax z = argmax y
//   vjpZ   z̄[r,k,n] = (s·p − y) / COUNT                         vjpY   ȳ[r,k,n] = −log p / COUNT
//   jvp    lossDot[r,n] = Σ k  z̄ · ż, and
//          z̄˙[r,k,n] = s · p ⊙ (ż − ⟨p,ż⟩) / COUNT              hvpY   ȳ˙[r,k,n] = −(ż − ⟨p,ż⟩) / COUNT
//
//   z, z̄ [R,K,N]   y [K,N], shared by all networks   loss, hit, lossDot [R,N]
//
// Kind: smooth. Images are innermost, four to a vec4f. An invocation handles four
// images of one network.

override K: u32;
override NETWORKS: u32;
override COUNT: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> z: array<vec4f>;
@group(0) @binding(1) var<storage, read> zDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> y: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> hit: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> lossDot: array<vec4f>;

var<private> N: u32;  // vec4s of images

struct Place { first: u32, n: u32, id: u32 }  // first: class 0 of the images' logits

fn place(group: vec3u, lane: u32) -> Place {
  N = arrayLength(&z) / (NETWORKS * K);
  let id = group.x * WG + lane;
  return Place(id / N * K * N + id % N, id % N, id);
}

struct Normal { most: vec4f, logSum: vec4f }  // log Σ exp z = most + logSum

fn normal(first: u32) -> Normal {
  var most = z[first];
  for (var k = 1u; k < K; k++) { most = max(most, z[first + k * N]); }
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += exp(z[first + k * N] - most); }
  return Normal(most, log(sum));
}

fn logP(at: u32, normal: Normal) -> vec4f { return z[at] - normal.most - normal.logSum; }

fn labelSum(n: u32) -> vec4f {
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += y[k * N + n]; }
  return sum;
}

// ⟨p, ż⟩
fn meanDot(first: u32, normal: Normal) -> vec4f {
  var sum: vec4f;
  for (var k = 0u; k < K; k++) { sum += exp(logP(first + k * N, normal)) * zDot[first + k * N]; }
  return sum;
}

@compute @workgroup_size(WG)
fn fwd(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.id >= NETWORKS * N) { return; }
  let norm = normal(at.first);
  var loss: vec4f;
  var guess: vec4f;
  var truth: vec4f;
  var most = vec4f(-1e38);
  var mostY = vec4f(-1e38);
  for (var k = 0u; k < K; k++) {
    let logit = z[at.first + k * N];
    let label = y[k * N + at.n];
    loss -= label * logP(at.first + k * N, norm);
    guess = select(guess, vec4f(f32(k)), logit > most);
    truth = select(truth, vec4f(f32(k)), label > mostY);
    most = max(most, logit);
    mostY = max(mostY, label);
  }
  out[at.id] = loss / f32(COUNT);
  hit[at.id] = select(vec4f(), vec4f(1), guess == truth);
}

@compute @workgroup_size(WG)
fn vjpZ(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.id >= NETWORKS * N) { return; }
  let norm = normal(at.first);
  let sum = labelSum(at.n);
  for (var k = 0u; k < K; k++) {
    let i = at.first + k * N;
    out[i] = (sum * exp(logP(i, norm)) - y[k * N + at.n]) / f32(COUNT);
  }
}

@compute @workgroup_size(WG)
fn vjpY(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.id >= NETWORKS * N) { return; }
  let norm = normal(at.first);
  for (var k = 0u; k < K; k++) { out[at.first + k * N] = -logP(at.first + k * N, norm) / f32(COUNT); }
}

@compute @workgroup_size(WG)
fn jvp(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.id >= NETWORKS * N) { return; }
  let norm = normal(at.first);
  let mean = meanDot(at.first, norm);
  let sum = labelSum(at.n);
  var dot = sum * mean;
  for (var k = 0u; k < K; k++) {
    let i = at.first + k * N;
    dot -= y[k * N + at.n] * zDot[i];
    out[i] = sum * exp(logP(i, norm)) * (zDot[i] - mean) / f32(COUNT);
  }
  lossDot[at.id] = dot / f32(COUNT);
}

@compute @workgroup_size(WG)
fn hvpY(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.id >= NETWORKS * N) { return; }
  let norm = normal(at.first);
  let mean = meanDot(at.first, norm);
  for (var k = 0u; k < K; k++) {
    let i = at.first + k * N;
    out[i] = (mean - zDot[i]) / f32(COUNT);
  }
}
