// conv2d_strided: conv2d (see there) whose windows stand STRIDE apart; with s = STRIDE:
//
//   fwd    y[r,o,p,q,n] = b[r,o] + Σ c,i,j  relu(x)[r,c,s·p+i−PAD,s·q+j−PAD,n] · w[r,o,c,i,j]
//   vjpX   x̄[r,c,h,v,n] = [x > 0] · Σ o,i,j  ȳ[r,o,p,q,n] · w[r,o,c,i,j],  s·p = h+PAD−i, s·q = v+PAD−j
//   vjpW   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,s·p+i−PAD,s·q+j−PAD,n]      b̄[r,o] = Σ ȳ
//
//   x, x̄ [R,C,H,V,N]   y, ȳ [R,O,P,Q,N],  P = ⌊(H + 2·PAD − K) / s⌋ + 1
//   w [O,C,K,K], then b [O], in θ [R,·]   partial [SPLITS,R,O·(C·K·K + 1)]
//
// Kind: bilinear in (relu(x), w). With TANGENT each product a·b becomes ȧ·b + a·ḃ. Images are innermost,
// four to a vec4f; N counts vec4s. An invocation computes four channels of one pixel of four images (fwd,
// vjpX), or one tap for four output channels over one of SPLITS runs of pixels (vjpW; split_sums.wgsl adds
// the runs). Plain, for the first layers of networks for large images; stride 1 is conv2d's.

override C: u32; override H: u32; override V: u32;  // extents of x
override O: u32; override P: u32; override Q: u32;  // extents of y
override K: u32; override PAD: u32; override STRIDE: u32;
override THETA: u32;   // floats of a network's θ
override AT: u32;      // where w starts in it
override SPLITS: u32;
override WG: u32;
override TANGENT: bool;
override RELU: bool;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> theta: array<f32>;
@group(0) @binding(3) var<storage, read> thetaDot: array<f32>;
@group(0) @binding(4) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(5) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> partial: array<f32>;

var<private> N: u32;

fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }
fn gate(v: vec4f, by: vec4f) -> vec4f { return select(v, vec4f(), vec4<bool>(RELU) & (by <= vec4f())); }

// Four weights of a network's θ (or θ̇).
fn weights(at: vec4u) -> vec4f { return vec4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]); }
fn weightsDot(at: vec4u) -> vec4f {
  return vec4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]);
}
// Four channels from `first`; beyond the last they repeat it.
fn four(first: u32, most: u32) -> vec4u { return min(first + vec4u(0, 1, 2, 3), vec4u(most - 1)); }

// Where pixel (h, v) of channel c stands in x, which all networks may share.
fn pixel(r: u32, c: u32, h: u32, v: u32, n: u32) -> u32 {
  let size = C * H * V * N;
  return select(0, r * size, arrayLength(&x) > size) + ((c * H + h) * V + v) * N + n;
}

fn index(group: vec3u, groups: vec3u, lane: u32) -> u32 { return (group.y * groups.x + group.x) * WG + lane; }

@compute @workgroup_size(WG)
fn fwd(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&y) / (groups.z * O * P * Q);
  let r = group.z;
  let id = index(group, groups, lane);
  let n = id % N;
  let q = id / N % Q;
  let p = id / N / Q % P;
  let o = id / N / Q / P * 4;
  if (o >= O) { return; }
  let filters = r * THETA + AT + four(o, O) * C * K * K;
  let b = r * THETA + AT + O * C * K * K + four(o, O);
  var t: mat4x4f;
  if (TANGENT) { t = outer(vec4f(1), weightsDot(b)); } else { t = outer(vec4f(1), weights(b)); }
  for (var k = 0u; k < C * K * K; k++) {
    let h = STRIDE * p + k / K % K - PAD;  // above the first row it wraps round
    let v = STRIDE * q + k % K - PAD;
    if (h >= H || v >= V) { continue; }
    let at = pixel(r, k / K / K, h, v, n);
    let a = gate(x[at], x[at]);
    if (TANGENT) {
      t += outer(gate(xDot[at], x[at]), weights(filters + k)) + outer(a, weightsDot(filters + k));
    } else {
      t += outer(a, weights(filters + k));
    }
  }
  for (var k = 0u; k < 4 && o + k < O; k++) { y[(((r * O + o + k) * P + p) * Q + q) * N + n] = t[k]; }
}

@compute @workgroup_size(WG)
fn vjpX(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&xBar) / (groups.z * C * H * V);
  let r = group.z;
  let id = index(group, groups, lane);
  let n = id % N;
  let v = id / N % V;
  let h = id / N / V % H;
  let c = id / N / V / H * 4;
  if (c >= C) { return; }
  let reach = (K + STRIDE - 1) / STRIDE;  // taps of a side that meet a pixel, at most
  var t: mat4x4f;
  for (var k = 0u; k < O * reach * reach; k++) {
    let o = k / reach / reach;
    let i = (h + PAD) % STRIDE + k / reach % reach * STRIDE;
    let j = (v + PAD) % STRIDE + k % reach * STRIDE;
    let p = (h + PAD - i) / STRIDE;  // wraps round where the window would be above the first
    let q = (v + PAD - j) / STRIDE;
    if (i >= K || j >= K || i > h + PAD || j > v + PAD || p >= P || q >= Q) { continue; }
    let w = r * THETA + AT + ((o * C + four(c, C)) * K + i) * K + j;
    let at = (((r * O + o) * P + p) * Q + q) * N + n;
    if (TANGENT) {
      t += outer(yBarDot[at], weights(w)) + outer(yBar[at], weightsDot(w));
    } else {
      t += outer(yBar[at], weights(w));
    }
  }
  for (var k = 0u; k < 4 && c + k < C; k++) {
    xBar[(((r * C + c + k) * H + h) * V + v) * N + n] = gate(t[k], x[pixel(r, c + k, h, v, n)]);
  }
}

@compute @workgroup_size(WG)
fn vjpW(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&yBar) / (groups.z * O * P * Q);
  let r = group.z;
  let id = index(group, groups, lane);
  let tap = id % (C * K * K);
  let run = id / (C * K * K) % SPLITS;
  let o = id / (C * K * K) / SPLITS * 4;
  if (o >= O) { return; }
  let planes = (r * O + four(o, O)) * P * Q;
  let count = P * Q * N;
  var t: mat4x4f;
  var bias: mat4x4f;
  for (var k = run * count / SPLITS; k < (run + 1) * count / SPLITS; k++) {
    let place = k / N;
    let at = planes * N + k;
    let g = mat4x4f(yBar[at.x], yBar[at.y], yBar[at.z], yBar[at.w]);
    var gDot: mat4x4f;
    if (TANGENT) { gDot = mat4x4f(yBarDot[at.x], yBarDot[at.y], yBarDot[at.z], yBarDot[at.w]); }
    if (TANGENT) { bias += gDot; } else { bias += g; }
    let h = STRIDE * (place / Q) + tap / K % K - PAD;
    let v = STRIDE * (place % Q) + tap % K - PAD;
    if (h >= H || v >= V) { continue; }
    let e = pixel(r, tap / K / K, h, v, k % N);
    let a = gate(x[e], x[e]);
    if (TANGENT) {
      t += times(gDot, a) + times(g, gate(xDot[e], x[e]));
    } else {
      t += times(g, a);
    }
  }
  let base = (run * groups.z + r) * O * (C * K * K + 1);
  let w = vec4f(1) * t;  // the sums over the four images of a vec4
  let b = vec4f(1) * bias;
  for (var k = 0u; k < 4 && o + k < O; k++) {
    partial[base + (o + k) * C * K * K + tap] = w[k];
    if (tap == 0) { partial[base + O * C * K * K + o + k] = b[k]; }
  }
}

fn times(g: mat4x4f, v: vec4f) -> mat4x4f { return mat4x4f(g[0] * v, g[1] * v, g[2] * v, g[3] * v); }
