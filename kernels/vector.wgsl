// uses: shared/each.wgsl, shared/finite.wgsl
// vector: algebra on flat arrays of COUNT vec4s; hyper and factor are numbers.
//
//   add          out[i] += a[i]
//   mean         out.x = SCALE · Σ a                                one workgroup, in a fixed order
//   clip         out.x = min(1, SCALE·mean / |a|), where out.y = mean ← .9·mean + .1·out.x·|a|, a
//                running mean of |a| that starts at the first; one workgroup, in a fixed order
//   adam         one step of Adam (Kingma & Ba 2015, algorithm 1) with the step's constants in `hyper`,
//                on the gradient factor · a
//   sgd          v ← hyper.beta1·v + factor·a with the velocity v in moment1, out[i] −= hyper.rate·v
//   softplus     out[i] = log(1 + exp a[i])
//   softplusVjp  out[i] = b[i] / (1 + exp −a[i])
//   sigmoid      out[i] = 1 / (1 + exp −a[i])
//   sigmoidVjp   out[i] = b[i] · a[i] · (1 − a[i]), where a is the sigmoid
//
// Arrays are filled up with zeros to whole vec4s, which add nothing and may be written.

override SCALE: f32;

struct Hyper { rate: f32, beta1: f32, beta2: f32, correction1: f32, correction2: f32, epsilon: f32 }

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> b: array<vec4f>;
@group(0) @binding(3) var<storage, read> hyper: Hyper;
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> moment1: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> moment2: array<vec4f>;
@group(0) @binding(7) var<storage, read> factor: f32;

@compute @workgroup_size(WG)
fn add(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] += a[i]; }
}

var<workgroup> sums: array<f32, WG>;

// The sum of all invocations' parts, for invocation 0.
fn total(part: vec4f, lane: u32) -> f32 {
  sums[lane] = dot(part, vec4f(1));
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; lane == 0 && i < WG; i++) { sum += sums[i]; }
  return sum;
}

@compute @workgroup_size(WG)
fn mean(by: Invocation) {
  var part = vec4f();
  for (var i = by.lane; i < size.COUNT; i += WG) { part += a[i]; }
  let sum = total(part, by.lane);
  if (by.lane == 0) { out[0].x = SCALE * sum; }
}

@compute @workgroup_size(WG)
fn clip(by: Invocation) {
  var part = vec4f();
  for (var i = by.lane; i < size.COUNT; i += WG) { part += a[i] * a[i]; }
  let length = finiteOrNan(vec4f(sqrt(total(part, by.lane))));
  if (by.lane > 0) { return; }
  let mean = select(out[0].y, length.x, out[0].y == 0);
  let factor = select(min(vec4f(1), SCALE * mean / max(length, vec4f(1e-30))), length, isNan(length)).x;
  out[0].x = factor;
  out[0].y = 0.9 * mean + 0.1 * factor * length.x;
}

@compute @workgroup_size(WG)
fn adam(by: Invocation) {
  let h = hyper;
  for (var i = first(by); i < end(by); i += WG) {
    let g = factor * a[i];
    let m = h.beta1 * moment1[i] + (1 - h.beta1) * g;
    let v = h.beta2 * moment2[i] + (1 - h.beta2) * g * g;
    moment1[i] = m;
    moment2[i] = v;
    out[i] -= h.rate * (m / h.correction1) / (sqrt(v / h.correction2) + h.epsilon);
  }
}

@compute @workgroup_size(WG)
fn sgd(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let v = hyper.beta1 * moment1[i] + factor * a[i];
    moment1[i] = v;
    out[i] -= hyper.rate * v;
  }
}

@compute @workgroup_size(WG)
fn softplus(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    out[i] = max(a[i], vec4f()) + log1p(exp(-abs(a[i])));
  }
}

// log(1 + v) without losing a small v to the rounding of 1 + v (Goldberg 1991, theorem 4).
fn log1p(v: vec4f) -> vec4f {
  let u = 1 + v;
  let same = u == vec4f(1);
  return select(log(u) * v / select(u - 1, vec4f(1), same), v, same);
}

@compute @workgroup_size(WG)
fn softplusVjp(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] = b[i] / (1 + exp(-a[i])); }
}

@compute @workgroup_size(WG)
fn sigmoid(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] = 1 / (1 + exp(-a[i])); }
}

@compute @workgroup_size(WG)
fn sigmoidVjp(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { out[i] = b[i] * a[i] * (1 - a[i]); }
}
