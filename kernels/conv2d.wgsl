// conv2d: batched 2-D cross-correlation of relu(x) with w, stride 1, PAD zeros on every side.
//
//   fwd    y[r,o,p,q,n] = b[r,o] + Σ c,i,j  relu(x)[r,c,p+i−PAD,q+j−PAD,n] · w[r,o,c,i,j]
//   vjpX   x̄[r,c,h,v,n] = [x > 0] · Σ o,i,j  ȳ[r,o,h−i+PAD,v−j+PAD,n] · w[r,o,c,i,j]
//   vjpW   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,p+i−PAD,q+j−PAD,n]      b̄[r,o] = Σ ȳ
//
//   x, x̄ [R,C,H,V,N]   y, ȳ [R,O,P,Q,N],  P = H + 2·PAD − K + 1   w [O,C,K,K], then b [O], in θ [R,·]
//
// Kind: bilinear in (relu(x), w). With TANGENT each product a·b becomes ȧ·b + a·ḃ. RELU = false takes
// x as it is (a network's input). Images are innermost, four to a vec4f; N counts vec4s.
//
// fwd and vjpX are one correlation from `src` (x or ȳ) to `dst` (y or x̄); FLIP turns the kernel round,
// and PAD is then K−1−PAD. An invocation holds 4 output channels × COLUMNS × 4 images in registers;
// a whole workgroup reads the same weights. vjpW: a workgroup sums one of SPLITS runs of rows; an
// invocation holds 4 channels × 5 taps of one (c, i); the lane after the last takes x = 1, which makes
// its first tap the bias. `reduce` adds the runs.

override C: u32; override H: u32; override V: u32;  // extents of src (in vjpW: of x)
override O: u32; override P: u32; override Q: u32;  // extents of dst (in vjpW: of ȳ)
override K: u32; override PAD: u32;
override N: u32; override NETWORKS: u32;
override X_STRIDE: u32;  // vec4s between two networks' src (in vjpW: x): 0 where they share it
override THETA: u32;     // floats of a network's θ
override AT: u32;        // where w starts in it
override SPLITS: u32; override WG: u32;
override COLUMNS: u32;  // of an invocation in fwd and vjpX: 1 or 5
override FLIP: bool; override RELU: bool; override TANGENT: bool;

@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read> srcDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> theta: array<f32>;
@group(0) @binding(3) var<storage, read> thetaDot: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dst: array<vec4f>;
@group(0) @binding(6) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(7) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> partial: array<f32>;
@group(0) @binding(9) var<storage, read_write> thetaBar: array<f32>;

struct Tile { a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, e: mat4x4f }
const WIDTH = 5u;  // taps of an invocation in vjpW

// d where v > 0, and everywhere if not `gated`.
fn gate(d: vec4f, v: vec4f, gated: bool) -> vec4f {
  return select(d, vec4f(), vec4<bool>(gated) & (v <= vec4f()));
}
fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }

fn weights(at: vec4u) -> vec4f { return vec4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]); }
fn weightsDot(at: vec4u) -> vec4f {
  return vec4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]);
}

struct Window { v: vec4f, dot: vec4f }

// Column `col` of the row of src that starts at `row`; zero outside of it.
fn column(row: u32, col: u32) -> Window {
  let at = row + min(col, V - 1) * N;
  let inside = col < V;
  let v = select(vec4f(), src[at], inside);
  let gated = RELU && !FLIP;  // src is x, not ȳ
  if (!TANGENT) { return Window(gate(v, v, gated), vec4f()); }
  return Window(gate(v, v, gated), gate(select(vec4f(), srcDot[at], inside), v, gated));
}

fn product(s: Window, w: vec4f, wDot: vec4f) -> mat4x4f {
  if (TANGENT) { return outer(s.dot, w) + outer(s.v, wDot); }
  return outer(s.v, w);
}

// Output channels o…o+3, row p, columns q…q+4, images n of network r.
fn correlate(at: Place) -> Tile {
  let channel = min(at.o + vec4u(0, 1, 2, 3), vec4u(O - 1));
  var t = bias(at.r * THETA + AT + O * C * K * K + channel);
  let kernels = at.r * THETA + AT + channel * select(C, 1u, FLIP) * K * K;
  for (var c = 0u; c < C; c++) {
    for (var i = 0u; i < K; i++) {
      let h = at.p + i - PAD;
      if (h >= H) { continue; }  // above the first row too: it has wrapped round
      let row = at.r * X_STRIDE + (c * H + h) * V * N + at.n;
      let taps = kernels + select((c * K + i) * K, ((c * O + 1) * K - i) * K - 1, FLIP);
      let v = at.q - PAD;
      var s0 = column(row, v);
      var s1 = column(row, v + 1);
      var s2 = column(row, v + 2);
      var s3 = column(row, v + 3);
      for (var j = 0u; j < K; j++) {
        let s4 = column(row, v + 4 + j);
        let tap = taps + select(j, 0 - j, FLIP);
        let w = weights(tap);
        var wDot: vec4f;
        if (TANGENT) { wDot = weightsDot(tap); }
        if (COLUMNS == 1) { t.a += product(column(row, v + j), w, wDot); continue; }
        t.a += product(s0, w, wDot);
        t.b += product(s1, w, wDot);
        t.c += product(s2, w, wDot);
        t.d += product(s3, w, wDot);
        t.e += product(s4, w, wDot);
        s0 = s1; s1 = s2; s2 = s3; s3 = s4;
      }
    }
  }
  return t;
}

fn bias(at: vec4u) -> Tile {
  if (FLIP) { return Tile(); }
  let b = outer(vec4f(1), select(weights(at), weightsDot(at), TANGENT));
  return Tile(b, b, b, b, b);
}

struct Place { r: u32, o: u32, p: u32, q: u32, n: u32 }

fn place(group: vec3u, lane: u32) -> Place {
  let id = group.x * WG + lane;
  let tiles = (Q + COLUMNS - 1) / COLUMNS;
  return Place(group.z, group.y * 4, id / N / tiles, id / N % tiles * COLUMNS, id % N);
}

fn put(at: Place, k: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f) {
  if (at.o + k >= O) { return; }
  let row = (((at.r * O + at.o + k) * P + at.p) * Q + at.q) * N + at.n;
  dst[row] = a;
  if (COLUMNS == 1) { return; }
  if (at.q + 1 < Q) { dst[row + N] = b; }
  if (at.q + 2 < Q) { dst[row + 2 * N] = c; }
  if (at.q + 3 < Q) { dst[row + 3 * N] = d; }
  if (at.q + 4 < Q) { dst[row + 4 * N] = e; }
}

@compute @workgroup_size(WG)
fn fwd(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.p >= P) { return; }
  let t = correlate(at);
  put(at, 0, t.a[0], t.b[0], t.c[0], t.d[0], t.e[0]);
  put(at, 1, t.a[1], t.b[1], t.c[1], t.d[1], t.e[1]);
  put(at, 2, t.a[2], t.b[2], t.c[2], t.d[2], t.e[2]);
  put(at, 3, t.a[3], t.b[3], t.c[3], t.d[3], t.e[3]);
}

// Gated by x, which is not shared where RELU is true.
fn putGated(at: Place, k: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f) {
  if (!RELU) { put(at, k, a, b, c, d, e); return; }
  if (at.o + k >= O) { return; }
  let row = (((at.r * O + at.o + k) * P + at.p) * Q + at.q) * N + at.n;
  let g = row + min(vec4u(1, 2, 3, 4), vec4u(Q - 1 - at.q)) * N;
  put(
    at, k, gate(a, x[row], true), gate(b, x[g.x], true), gate(c, x[g.y], true),
    gate(d, x[g.z], true), gate(e, x[g.w], true),
  );
}

@compute @workgroup_size(WG)
fn vjpX(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = place(group, lane);
  if (at.p >= P) { return; }
  let t = correlate(at);
  putGated(at, 0, t.a[0], t.b[0], t.c[0], t.d[0], t.e[0]);
  putGated(at, 1, t.a[1], t.b[1], t.c[1], t.d[1], t.e[1]);
  putGated(at, 2, t.a[2], t.b[2], t.c[2], t.d[2], t.e[2]);
  putGated(at, 3, t.a[3], t.b[3], t.c[3], t.d[3], t.e[3]);
}

// Taps j…j+4 of row i of input channel c for output channels o…o+3, over this workgroup's rows.
@compute @workgroup_size(WG)
fn vjpW(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tiles = (K + WIDTH - 1) / WIDTH;
  let id = group.x * WG + lane;
  let isBias = id == C * K * tiles;
  if (id > C * K * tiles) { return; }
  let c = select(id / tiles / K, 0u, isBias);
  let i = id / tiles % K;
  let j = id % tiles * WIDTH;
  let o = group.y * 4;
  let r = group.z % NETWORKS;
  let run = group.z / NETWORKS;
  let channel = (r * O + min(o + vec4u(0, 1, 2, 3), vec4u(O - 1))) * P * Q * N;
  var a: vec4f; var b: vec4f; var d: vec4f; var e: vec4f; var f: vec4f;
  for (var line = run * N * P / SPLITS; line < (run + 1) * N * P / SPLITS; line++) {
    let n = line / P;
    let p = line % P;
    let h = p + i - PAD;
    let row = r * X_STRIDE + (c * H + min(h, H - 1)) * V * N + n;
    let v = j - PAD + select(0u, 1u << 30, h >= H);  // a row outside of x has no column inside
    var s0 = one(column(row, v), isBias);
    var s1 = column(row, v + 1);
    var s2 = column(row, v + 2);
    var s3 = column(row, v + 3);
    for (var q = 0u; q < Q; q++) {
      let s4 = column(row, v + 4 + q);
      let out = channel + (p * Q + q) * N + n;
      let g = cotangent(out);
      var gDot: mat4x4f;
      if (TANGENT) { gDot = cotangentDot(out); }
      a += dots(s0, g, gDot);
      b += dots(s1, g, gDot);
      d += dots(s2, g, gDot);
      e += dots(s3, g, gDot);
      f += dots(s4, g, gDot);
      s0 = one(s1, isBias); s1 = s2; s2 = s3; s3 = s4;
    }
  }
  let base = (run * NETWORKS + r) * O * (C * K * K + 1);
  if (isBias) { putBias(base + O * C * K * K, o, a); } else { putTaps(base, id / tiles, o, j, a, b, d, e, f); }
}

fn putBias(base: u32, o: u32, a: vec4f) {
  for (var k = 0u; k < 4 && o + k < O; k++) { partial[base + o + k] = a[k]; }
}

fn putTaps(base: u32, ci: u32, o: u32, j: u32, a: vec4f, b: vec4f, d: vec4f, e: vec4f, f: vec4f) {
  for (var k = 0u; k < 4 && o + k < O; k++) {
    let at = base + ((o + k) * C * K + ci) * K + j;
    partial[at] = a[k];
    if (j + 1 < K) { partial[at + 1] = b[k]; }
    if (j + 2 < K) { partial[at + 2] = d[k]; }
    if (j + 3 < K) { partial[at + 3] = e[k]; }
    if (j + 4 < K) { partial[at + 4] = f[k]; }
  }
}

fn one(s: Window, yes: bool) -> Window {
  return Window(select(s.v, vec4f(1), yes), select(s.dot, vec4f(), yes));
}

fn cotangent(at: vec4u) -> mat4x4f { return mat4x4f(yBar[at.x], yBar[at.y], yBar[at.z], yBar[at.w]); }
fn cotangentDot(at: vec4u) -> mat4x4f {
  return mat4x4f(yBarDot[at.x], yBarDot[at.y], yBarDot[at.z], yBarDot[at.w]);
}

fn dots(s: Window, g: mat4x4f, gDot: mat4x4f) -> vec4f {
  if (TANGENT) { return s.v * gDot + s.dot * g; }
  return s.v * g;
}

@compute @workgroup_size(WG)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = O * (C * K * K + 1);
  let id = group.x * WG + lane;
  if (id >= size) { return; }
  var sum = 0.0;
  for (var run = 0u; run < SPLITS; run++) { sum += partial[(run * NETWORKS + group.y) * size + id]; }
  thetaBar[group.y * THETA + AT + id] = sum;
}
