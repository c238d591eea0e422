// dense: a fully connected layer on relu(x).
//
//   fwd    y[r,o,n] = b[r,o] + Σ c  w[r,o,c] · relu(x)[r,c,n]
//   vjpX   x̄[r,c,n] = [x > 0] · Σ o  w[r,o,c] · ȳ[r,o,n]
//   vjpW   w̄[r,o,c] = Σ n  ȳ[r,o,n] · relu(x)[r,c,n]      b̄[r,o] = Σ n  ȳ[r,o,n]
//
//   x, x̄ [R,C,N]   y, ȳ [R,O,N]   w [O,C] with rows padded to whole vec4s by zeros, then b [O], in θ [R,·]
//
// Kind: bilinear in (relu(x), w). With TANGENT each product a·b becomes ȧ·b + a·ḃ. RELU = false takes
// x as it is. Images are innermost, four to a vec4f; N counts vec4s, THETA and AT too.
//
// An invocation computes 8 outputs × 4 images (fwd), 8 inputs × 4 images (vjpX) or 4 outputs × 4
// inputs (vjpW), where the input after the last is x = 1: its weights are the bias.

override C: u32;
override O: u32;
override N: u32;
override X_STRIDE: u32;  // vec4s between two networks' x: 0 where they share it
override THETA: u32;     // vec4s of a network's θ
override AT: u32;        // where w starts in it
override WG: u32;
override RELU: bool;
override TANGENT: bool;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> theta: array<vec4f>;
@group(0) @binding(3) var<storage, read> thetaDot: array<vec4f>;
@group(0) @binding(4) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(5) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> thetaBar: array<f32>;

fn row4() -> u32 { return (C + 3) / 4; }  // vec4s of a row of w

fn relu(v: vec4f) -> vec4f { return select(v, max(v, vec4f()), RELU); }
fn gate(dot: vec4f, v: vec4f) -> vec4f { return select(dot, vec4f(), vec4<bool>(RELU) & (v <= vec4f())); }
fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }

// Four inputs of four images; beyond the last input w is 0, so any of x's rows will do.
fn inputs(r: u32, c: u32, n: u32) -> mat4x4f {
  let at = r * X_STRIDE + min(vec4u(c, c + 1, c + 2, c + 3), vec4u(C - 1)) * N + n;
  return mat4x4f(relu(x[at.x]), relu(x[at.y]), relu(x[at.z]), relu(x[at.w]));
}

fn inputsDot(r: u32, c: u32, n: u32) -> mat4x4f {
  let at = r * X_STRIDE + min(vec4u(c, c + 1, c + 2, c + 3), vec4u(C - 1)) * N + n;
  return mat4x4f(
    gate(xDot[at.x], x[at.x]), gate(xDot[at.y], x[at.y]),
    gate(xDot[at.z], x[at.z]), gate(xDot[at.w], x[at.w]),
  );
}

// Where row o, column vec4 c of w stands; rows beyond the last repeat it.
fn rows(r: u32, o: u32, c: u32) -> vec4u {
  return r * THETA + AT + min(vec4u(o, o + 1, o + 2, o + 3), vec4u(O - 1)) * row4() + c;
}

fn weights(at: vec4u) -> mat4x4f { return mat4x4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]); }
fn weightsDot(at: vec4u) -> mat4x4f {
  return mat4x4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]);
}

// b[o…o+3], which need not start at a vec4.
fn bias(r: u32, o: u32) -> mat4x4f {
  let at = min(vec4u(o, o + 1, o + 2, o + 3), vec4u(O - 1));
  let base = r * THETA + AT + O * row4() + at / 4;
  let lane = at % 4;
  if (TANGENT) {
    return outer(vec4f(1), vec4f(
      thetaDot[base.x][lane.x], thetaDot[base.y][lane.y], thetaDot[base.z][lane.z], thetaDot[base.w][lane.w],
    ));
  }
  return outer(vec4f(1), vec4f(
    theta[base.x][lane.x], theta[base.y][lane.y], theta[base.z][lane.z], theta[base.w][lane.w],
  ));
}

fn put(r: u32, o: u32, n: u32, t: mat4x4f) {
  let at = (r * O + o) * N + n;
  if (o < O) { y[at] = t[0]; }
  if (o + 1 < O) { y[at + N] = t[1]; }
  if (o + 2 < O) { y[at + 2 * N] = t[2]; }
  if (o + 3 < O) { y[at + 3 * N] = t[3]; }
}

@compute @workgroup_size(WG)
fn fwd(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x * WG + lane;
  let r = group.y;
  let n = id % N;
  let o = id / N * 8;
  if (o >= O) { return; }
  var low = bias(r, o);
  var high = bias(r, o + 4);
  for (var c = 0u; c < row4(); c++) {
    let v = inputs(r, c * 4, n);
    let at = rows(r, o, c);
    let more = rows(r, o + 4, c);
    if (TANGENT) {
      let dot = inputsDot(r, c * 4, n);
      low += dot * weights(at) + v * weightsDot(at);
      high += dot * weights(more) + v * weightsDot(more);
    } else {
      low += v * weights(at);
      high += v * weights(more);
    }
  }
  put(r, o, n, low);
  put(r, o + 4, n, high);
}

fn putGated(r: u32, c: u32, n: u32, t: mat4x4f) {
  let at = (r * C + c) * N + n;
  let v = r * X_STRIDE + c * N + n;
  if (c < C) { xBar[at] = gate(t[0], x[v]); }
  if (c + 1 < C) { xBar[at + N] = gate(t[1], x[v + N]); }
  if (c + 2 < C) { xBar[at + 2 * N] = gate(t[2], x[v + 2 * N]); }
  if (c + 3 < C) { xBar[at + 3 * N] = gate(t[3], x[v + 3 * N]); }
}

@compute @workgroup_size(WG)
fn vjpX(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x * WG + lane;
  let r = group.y;
  let n = id % N;
  let c = id / N * 2;
  if (c >= row4()) { return; }
  let next = min(c + 1, row4() - 1);
  var low: mat4x4f;
  var high: mat4x4f;
  for (var o = 0u; o < O; o++) {
    let out = (r * O + o) * N + n;
    let row = r * THETA + AT + o * row4();
    let g = yBar[out];
    if (TANGENT) {
      let gDot = yBarDot[out];
      low += outer(gDot, theta[row + c]) + outer(g, thetaDot[row + c]);
      high += outer(gDot, theta[row + next]) + outer(g, thetaDot[row + next]);
    } else {
      low += outer(g, theta[row + c]);
      high += outer(g, theta[row + next]);
    }
  }
  putGated(r, c * 4, n, low);
  putGated(r, c * 4 + 4, n, high);
}

fn cotangents(r: u32, o: u32, n: u32) -> vec4u {
  return (r * O + min(vec4u(o, o + 1, o + 2, o + 3), vec4u(O - 1))) * N + n;
}

// Row o of w̄ for inputs 4c…4c+3; zero beyond the last input, so that θ's padding stays zero.
fn putRow(r: u32, o: u32, c: u32, sum: vec4f) {
  if (o >= O) { return; }
  let base = (r * THETA + AT) * 4;
  if (c == row4()) { thetaBar[base + O * row4() * 4 + o] = sum.x; return; }
  let at = base + (o * row4() + c) * 4;
  let inside = vec4u(0, 1, 2, 3) + c * 4 < vec4u(C);
  let row = select(vec4f(), sum, inside);
  thetaBar[at] = row.x;
  thetaBar[at + 1] = row.y;
  thetaBar[at + 2] = row.z;
  thetaBar[at + 3] = row.w;
}

@compute @workgroup_size(WG)
fn vjpW(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = group.x * WG + lane;
  let r = group.y;
  let c = id % (row4() + 1);
  let o = id / (row4() + 1) * 4;
  if (o >= O) { return; }
  let isBias = c == row4();
  var sum: mat4x4f;  // column o, row c
  for (var n = 0u; n < N; n++) {
    let at = cotangents(r, o, n);
    let g = mat4x4f(yBar[at.x], yBar[at.y], yBar[at.z], yBar[at.w]);
    let v = inputs(r, c * 4, n);
    let ones = mat4x4f(vec4f(1), vec4f(1), vec4f(1), vec4f(1));
    if (TANGENT) {
      let gDot = mat4x4f(yBarDot[at.x], yBarDot[at.y], yBarDot[at.z], yBarDot[at.w]);
      if (isBias) { sum += transpose(ones) * gDot; continue; }
      sum += transpose(v) * gDot + transpose(inputsDot(r, c * 4, n)) * g;
    } else {
      if (isBias) { sum += transpose(ones) * g; continue; }
      sum += transpose(v) * g;
    }
  }
  putRow(r, o, c, sum[0]);
  putRow(r, o + 1, c, sum[1]);
  putRow(r, o + 2, c, sum[2]);
  putRow(r, o + 3, c, sum[3]);
}
