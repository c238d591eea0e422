// vector: algebra on flat arrays, one element an invocation unless it says otherwise.
//
//   descend      out[i] = a[i] − eta[0] · b[i]                     a gradient step; also λ ← λ − η·Hλ
//   add          out[i] += a[i]
//   accumulate   out[i] −= eta[0] / NETWORKS · Σ r  a[r·SIZE + i]   the mean over networks, into dX, dY
//   mean         out[0] = SCALE · Σ i  a[i]                         one workgroup, in a fixed order
//   clip         out[0] = min(1, SCALE·mean / |a|), where out[1] = mean ← .9·mean + .1·out[0]·|a|, a
//                running mean of |a| that starts at the first; one workgroup, in a fixed order
//   adam         one step of Adam (Kingma & Ba 2015, algorithm 1) with the step's constants in `hyper`,
//                on the gradient factor[0] · a
//   momentum     v ← SCALE·v + a, out −= eta[0] · v                heavy ball (Polyak 1964), v in moment1
//   softplus     out[i] = log(1 + exp a[i])
//   softplusVjp  out[i] = b[i] / (1 + exp −a[i])

// Bindings are whole vec4s: the words past an array's last add nothing, and may be written.

override SIZE: u32;  // of accumulate
override NETWORKS: u32;
override SCALE: f32;
override WG: u32;

struct Hyper { rate: f32, beta1: f32, beta2: f32, correction1: f32, correction2: f32, epsilon: f32 }

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> eta: array<f32>;
@group(0) @binding(3) var<storage, read> hyper: Hyper;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;
@group(0) @binding(5) var<storage, read_write> moment1: array<f32>;
@group(0) @binding(6) var<storage, read_write> moment2: array<f32>;
@group(0) @binding(7) var<storage, read> factor: array<f32>;

struct Invocation {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
}

fn index(at: Invocation) -> u32 { return (at.group.y * at.groups.x + at.group.x) * WG + at.lane; }

@compute @workgroup_size(WG)
fn descend(at: Invocation) {
  let i = index(at);
  if (i < arrayLength(&out)) { out[i] = a[i] - eta[0] * b[i]; }
}

@compute @workgroup_size(WG)
fn add(at: Invocation) {
  let i = index(at);
  if (i < arrayLength(&out)) { out[i] += a[i]; }
}

@compute @workgroup_size(WG)
fn accumulate(at: Invocation) {
  let i = index(at);
  if (i >= SIZE) { return; }
  var sum = 0.0;
  for (var r = 0u; r < NETWORKS; r++) { sum += a[r * SIZE + i]; }
  out[i] -= eta[0] / f32(NETWORKS) * sum;
}

var<workgroup> sums: array<f32, WG>;

// The sum of all invocations' parts, for invocation 0.
fn total(part: f32, lane: u32) -> f32 {
  sums[lane] = part;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; lane == 0 && i < WG; i++) { sum += sums[i]; }
  return sum;
}

@compute @workgroup_size(WG)
fn mean(at: Invocation) {
  var part = 0.0;
  for (var i = at.lane; i < arrayLength(&a); i += WG) { part += a[i]; }
  let sum = total(part, at.lane);
  if (at.lane == 0) { out[0] = SCALE * sum; }
}

@compute @workgroup_size(WG)
fn clip(at: Invocation) {
  var part = 0.0;
  for (var i = at.lane; i < arrayLength(&a); i += WG) { part += a[i] * a[i]; }
  let length = sqrt(total(part, at.lane));
  if (at.lane > 0) { return; }
  let mean = select(out[1], length, out[1] == 0);
  out[0] = min(1, SCALE * mean / max(length, 1e-30));
  out[1] = 0.9 * mean + 0.1 * out[0] * length;
}

@compute @workgroup_size(WG)
fn adam(at: Invocation) {
  let i = index(at);
  if (i >= arrayLength(&out)) { return; }
  let g = factor[0] * a[i];
  let m = hyper.beta1 * moment1[i] + (1 - hyper.beta1) * g;
  let v = hyper.beta2 * moment2[i] + (1 - hyper.beta2) * g * g;
  moment1[i] = m;
  moment2[i] = v;
  out[i] -= hyper.rate * (m / hyper.correction1) / (sqrt(v / hyper.correction2) + hyper.epsilon);
}

@compute @workgroup_size(WG)
fn momentum(at: Invocation) {
  let i = index(at);
  if (i >= arrayLength(&out)) { return; }
  let v = SCALE * moment1[i] + a[i];
  moment1[i] = v;
  out[i] -= eta[0] * v;
}

@compute @workgroup_size(WG)
fn softplus(at: Invocation) {
  let i = index(at);
  if (i < arrayLength(&out)) { out[i] = max(a[i], 0) + log1p(exp(-abs(a[i]))); }
}

// log(1 + v) without losing a small v to the rounding of 1 + v (Goldberg 1991, theorem 4).
fn log1p(v: f32) -> f32 {
  let u = 1 + v;
  if (u == 1) { return v; }
  return log(u) * v / (u - 1);
}

@compute @workgroup_size(WG)
fn softplusVjp(at: Invocation) {
  let i = index(at);
  if (i < arrayLength(&out)) { out[i] = b[i] / (1 + exp(-a[i])); }
}
