// lrn: local response normalization across channels (Krizhevsky et al. 2012), of relu(x).
//
// Write a = relu(x), s = ALPHA / SIZE, and, for one image and one pixel, a[c] for channel c. Its window
// W(c) = { c − ⌊SIZE/2⌋, …, c + ⌊(SIZE−1)/2⌋ } is PyTorch's, one longer below than above where SIZE is
// even; channels that do not exist count as 0. With the divisor and its tangent
//
//   D[c] = K + s Σ j∈W(c)  a[j]²                     Ḋ[c] = 2s Σ j∈W(c)  a[j]·ȧ[j]
//
//   fwd    y[c] = a[c] · D[c]^−β
//   jvp    ẏ[c] = ȧ[c] · D[c]^−β − β · a[c] · D[c]^(−β−1) · Ḋ[c]
//
// vjp: a[c] acts on y[c] directly, and through D[j] on every y[j] whose window has c in it. These j are
// M(c) = { c − ⌊(SIZE−1)/2⌋, …, c + ⌊SIZE/2⌋ }, W turned round, and ∂D[j]/∂a[c] = 2s·a[c]. So
//
//   u[j] = ȳ[j] · a[j] · D[j]^(−β−1)                 U[c] = Σ j∈M(c)  u[j]
//   vjp    ā[c] = ȳ[c] · D[c]^−β − 2sβ · a[c] · U[c]
//
// hvp: the derivative of that along (ȧ, ȳ˙), by the product and the chain rule:
//
//   u˙[j] = (ȳ˙[j]·a[j] + ȳ[j]·ȧ[j]) · D[j]^(−β−1) − (β+1) · ȳ[j] · a[j] · D[j]^(−β−2) · Ḋ[j]
//   hvp    ā˙[c] = ȳ˙[c] · D[c]^−β − β · ȳ[c] · D[c]^(−β−1) · Ḋ[c] − 2sβ · (ȧ[c]·U[c] + a[c]·U˙[c])
//
// and x̄ = [x > 0]·ā, ȧ = [x > 0]·ẋ, x̄˙ = [x > 0]·ā˙, since ReLU has no second derivative.
//
//   x, y and all their tangents and cotangents [R,C,AREA,N]
//
// Kind: smooth. RELU = false takes x as it is. Images are innermost, four to a vec4f. An invocation
// computes one channel of one pixel of four images, and the D of every channel that it needs.

override C: u32;
override AREA: u32;  // pixels of a channel
override SIZE: u32;
override ALPHA: f32;
override BETA: f32;
override K: f32;
override RELU: bool;
override WG: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> yDot: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> xBarDot: array<vec4f>;

var<private> STEP: u32;   // vec4s from one channel to the next
var<private> FIRST: u32;  // where channel 0 of the invocation's pixel and images stands

fn scale() -> f32 { return ALPHA / f32(SIZE); }
fn gate(v: vec4f, by: vec4f) -> vec4f { return select(v, vec4f(), vec4<bool>(RELU) & (by <= vec4f())); }
fn a(c: u32) -> vec4f { let v = x[FIRST + c * STEP]; return gate(v, v); }
fn aDot(c: u32) -> vec4f { return gate(xDot[FIRST + c * STEP], x[FIRST + c * STEP]); }
fn g(c: u32) -> vec4f { return yBar[FIRST + c * STEP]; }
fn gDot(c: u32) -> vec4f { return yBarDot[FIRST + c * STEP]; }

// D of a channel.
fn divisor(c: u32) -> vec4f {
  var squares: vec4f;
  for (var k = 0u; k < SIZE; k++) {
    let j = c + k - SIZE / 2;  // below channel 0 it wraps round
    if (j < C) { squares += a(j) * a(j); }
  }
  return K + scale() * squares;
}
// D and Ḋ of a channel; apart from `divisor` because fwd and vjp have no ẋ bound.
struct Moving { d: vec4f, dot: vec4f }
fn movingDivisor(c: u32) -> Moving {
  var squares: vec4f;
  var products: vec4f;
  for (var k = 0u; k < SIZE; k++) {
    let j = c + k - SIZE / 2;
    if (j >= C) { continue; }
    let v = a(j);
    squares += v * v;
    products += v * aDot(j);
  }
  return Moving(K + scale() * squares, 2 * scale() * products);
}
// D^(−β−1); its neighbours D^−β and D^(−β−2) are D times that, and that by D.
fn power(d: vec4f) -> vec4f { return pow(d, vec4f(-BETA - 1)); }

// Channel of the invocation, or C where there is none left for it.
fn place(group: vec3u, groups: vec3u, lane: u32, length: u32) -> u32 {
  let id = (group.y * groups.x + group.x) * WG + lane;
  STEP = length / (groups.z * C);
  FIRST = group.z * C * STEP + id % STEP;
  return min(id / STEP, C);
}

@compute @workgroup_size(WG)
fn fwd(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = place(group, groups, lane, arrayLength(&y));
  if (c == C) { return; }
  let d = divisor(c);
  y[FIRST + c * STEP] = a(c) * d * power(d);
}

@compute @workgroup_size(WG)
fn jvp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = place(group, groups, lane, arrayLength(&yDot));
  if (c == C) { return; }
  let D = movingDivisor(c);
  yDot[FIRST + c * STEP] = (aDot(c) * D.d - BETA * a(c) * D.dot) * power(D.d);
}

@compute @workgroup_size(WG)
fn vjp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = place(group, groups, lane, arrayLength(&xBar));
  if (c == C) { return; }
  var U: vec4f;
  for (var k = 0u; k < SIZE; k++) {
    let j = c + k - (SIZE - 1) / 2;
    if (j < C) { U += g(j) * a(j) * power(divisor(j)); }
  }
  let d = divisor(c);
  let aBar = g(c) * d * power(d) - 2 * scale() * BETA * a(c) * U;
  xBar[FIRST + c * STEP] = gate(aBar, x[FIRST + c * STEP]);
}

@compute @workgroup_size(WG)
fn hvp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = place(group, groups, lane, arrayLength(&xBarDot));
  if (c == C) { return; }
  var U: vec4f;
  var UDot: vec4f;
  for (var k = 0u; k < SIZE; k++) {
    let j = c + k - (SIZE - 1) / 2;
    if (j >= C) { continue; }
    let D = movingDivisor(j);
    let e = power(D.d);
    let v = g(j) * a(j);
    U += v * e;
    UDot += (gDot(j) * a(j) + g(j) * aDot(j) - (BETA + 1) * v * D.dot / D.d) * e;
  }
  let D = movingDivisor(c);
  let direct = (gDot(c) * D.d - BETA * g(c) * D.dot) * power(D.d);
  let aBarDot = direct - 2 * scale() * BETA * (aDot(c) * U + a(c) * UDot);
  xBarDot[FIRST + c * STEP] = gate(aBarDot, x[FIRST + c * STEP]);
}
