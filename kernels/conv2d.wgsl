// conv2d: batched 2-D cross-correlation of relu(x) with w, stride 1, PAD zeros on every side.
//
//   fwd    y[r,o,p,q,n] = b[r,o] + Σ c,i,j  relu(x)[r,c,p+i−PAD,q+j−PAD,n] · w[r,o,c,i,j]
//   vjpX   x̄[r,c,h,v,n] = [x > 0] · Σ o,i,j  ȳ[r,o,h−i+PAD,v−j+PAD,n] · w[r,o,c,i,j]
//
//   x, x̄ [R,C,H,V,N]   y, ȳ [R,O,P,Q,N],  P = H + 2·PAD − K + 1   w [O,C,K,K], then b [O], in θ [R,·]
//
// Kind: bilinear in (relu(x), w), and gated by the maxima where pooling follows. With TANGENT each
// product a·b becomes ȧ·b + a·ḃ. A network's input is taken as it is, without ReLU. Images are
// innermost, four to a vec4f; N counts vec4s.
//
// Both passes are one correlation from `src` (x or ȳ) to `dst` (y or x̄); FLIP turns the kernel round,
// and PAD is then K−1−PAD. An invocation computes COLUMNS columns × CHANNELS channels × 4 images. It
// takes a row of src and TAPS taps at a time (row.wgsl): a load costs a software adapter three times
// the arithmetic of its products, so each is done once for all of these, which are written out
// because a loop over them would keep neither in registers. With POOLED src is what came back to a
// max-pooling that follows (unpool.wgsl), a quarter of the size; conv2d_pool.wgsl is that forward.

override O: u32; override P: u32; override Q: u32;  // extents of dst
override K: u32; override PAD: u32;
override THETA: u32;     // floats of a network's θ
override AT: u32;        // where w starts in it
override WG: u32;
override CHANNELS: u32;  // at most 4
override FLIP: bool; override TANGENT: bool;
override POOLED: bool;  // whether src is what came back to a max-pooling
override RELU_DST: bool;

@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read> srcDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> theta: array<f32>;
@group(0) @binding(3) var<storage, read> thetaDot: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<vec4f>;  // what RELU_DST gates by
@group(0) @binding(5) var<storage, read_write> dst: array<vec4f>;

// Columns of dst, four channels each.
struct Tile {
  a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, e: mat4x4f, f: mat4x4f, g: mat4x4f,
  h: mat4x4f, i: mat4x4f, j: mat4x4f, k: mat4x4f, l: mat4x4f, m: mat4x4f, n: mat4x4f,
}
// Neighbouring taps of four output channels.
struct Taps { a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f }
struct Place { r: u32, o: u32, p: u32, q: u32, n: u32 }

// Tap j of input channel c and row i for output channels `channel`; zero beyond the kernel.
fn weights(r: u32, channel: vec4u, c: u32, i: u32, j: u32, dot: bool) -> vec4f {
  let tap = min(j, K - 1);
  let row = min(i, K - 1);
  let base = r * THETA + AT;
  var at = base + ((channel * C + c) * K + row) * K + tap;
  if (FLIP) { at = base + ((c * O + channel) * K + K - 1 - row) * K + K - 1 - tap; }
  var w: vec4f;
  if (dot) {
    w = vec4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]);
  } else {
    w = vec4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]);
  }
  return select(vec4f(), w, j < K && i < K);
}

fn tapsAt(r: u32, channel: vec4u, c: u32, i: u32, j: u32, dot: bool) -> Taps {
  var w: Taps;
  w.a = weights(r, channel, c, i, j, dot);
  if (TAPS > 1) { w.b = weights(r, channel, c, i, j + 1, dot); }
  if (TAPS > 2) { w.c = weights(r, channel, c, i, j + 2, dot); }
  if (TAPS > 3) { w.d = weights(r, channel, c, i, j + 3, dot); }
  if (TAPS > 4) { w.e = weights(r, channel, c, i, j + 4, dot); }
  return w;
}

// Σ of neighbouring columns, each times its tap's weight for one channel.
fn sum(a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, wa: f32, wb: f32, wc: f32, wd: f32, we: f32) -> vec4f {
  var s = a * wa;
  if (TAPS > 1) { s += b * wb; }
  if (TAPS > 2) { s += c * wc; }
  if (TAPS > 3) { s += d * wd; }
  if (TAPS > 4) { s += e * we; }
  return s;
}
fn sums(a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, w: Taps) -> mat4x4f {
  return mat4x4f(
    sum(a, b, c, d, e, w.a.x, w.b.x, w.c.x, w.d.x, w.e.x),
    sum(a, b, c, d, e, w.a.y, w.b.y, w.c.y, w.d.y, w.e.y),
    sum(a, b, c, d, e, w.a.z, w.b.z, w.c.z, w.d.z, w.e.z),
    sum(a, b, c, d, e, w.a.w, w.b.w, w.c.w, w.d.w, w.e.w),
  );
}
fn accumulate(t: ptr<function, Tile>, s: Row, w: Taps) {
  (*t).a += sums(s.a, s.b, s.c, s.d, s.e, w);
  if (COLUMNS > 1) { (*t).b += sums(s.b, s.c, s.d, s.e, s.f, w); }
  if (COLUMNS > 2) { (*t).c += sums(s.c, s.d, s.e, s.f, s.g, w); }
  if (COLUMNS > 3) { (*t).d += sums(s.d, s.e, s.f, s.g, s.h, w); }
  if (COLUMNS > 4) { (*t).e += sums(s.e, s.f, s.g, s.h, s.i, w); }
  if (COLUMNS > 5) { (*t).f += sums(s.f, s.g, s.h, s.i, s.j, w); }
  if (COLUMNS > 6) { (*t).g += sums(s.g, s.h, s.i, s.j, s.k, w); }
  if (COLUMNS > 7) { (*t).h += sums(s.h, s.i, s.j, s.k, s.l, w); }
  if (COLUMNS > 8) { (*t).i += sums(s.i, s.j, s.k, s.l, s.m, w); }
  if (COLUMNS > 9) { (*t).j += sums(s.j, s.k, s.l, s.m, s.n, w); }
  if (COLUMNS > 10) { (*t).k += sums(s.k, s.l, s.m, s.n, s.o, w); }
  if (COLUMNS > 11) { (*t).l += sums(s.l, s.m, s.n, s.o, s.p, w); }
  if (COLUMNS > 12) { (*t).m += sums(s.m, s.n, s.o, s.p, s.q, w); }
  if (COLUMNS > 13) { (*t).n += sums(s.n, s.o, s.p, s.q, s.r, w); }
}

// The row of src, or of srcDot, that stands at h, from column v on.
fn rowOf(at: Place, c: u32, h: u32, v: u32, dot: bool) -> Row {
  if (POOLED) {
    return unpooledRow(((at.r * C + c) * (H / 2) + h / 2) * (V / 2) * N + at.n, h, v, dot);
  }
  return rowAt(at.r * stride() + (c * H + h) * V * N + at.n, v, dot);
}

fn pairAt(row: u32, h: u32, m: u32, dot: bool) -> Pair {
  let at = row + min(m, V / 2 - 1) * N;
  var v: vec4f;
  if (dot) { v = srcDot[at]; } else { v = src[at]; }
  return unpool(select(vec4f(), v, m < V / 2), at, h);
}
fn unpooledRow(row: u32, h: u32, v: u32, dot: bool) -> Row {
  let m = u32(i32(v) >> 1);  // v may lie before the first column
  let odd = v % 2 == 1;
  let c = pairAt(row, h, m + 1, dot);
  let e = pairAt(row, h, m + 2, dot);
  let g = pairAt(row, h, m + 3, dot);
  let i = pairAt(row, h, m + 4, dot);
  let k = pairAt(row, h, m + 5, dot);
  let l = pairAt(row, h, m + 6, dot);
  let n = pairAt(row, h, m + 7, dot);
  let p = pairAt(row, h, m + 8, dot);
  let ab = shift(pairAt(row, h, m, dot), c, odd);
  let cd = shift(c, e, odd);
  let ef = shift(e, g, odd);
  let gh = shift(g, i, odd);
  let ij = shift(i, k, odd);
  let kl = shift(k, l, odd);
  let mn = shift(l, n, odd);
  let op = shift(n, p, odd);
  let qr = shift(p, pairAt(row, h, m + 9, dot), odd);
  return Row(
    ab.left, ab.right, cd.left, cd.right, ef.left, ef.right, gh.left, gh.right, ij.left, ij.right,
    kl.left, kl.right, mn.left, mn.right, op.left, op.right, qr.left, qr.right,
  );
}

// The sum at a tile of dst, without bias and gate.
fn correlation(at: Place) -> Tile {
  var t: Tile;
  let channel = min(at.o + vec4u(0, 1, 2, 3), vec4u(O - 1));
  let chunks = (K + TAPS - 1) / TAPS;
  for (var k = 0u; k < C * K * chunks; k++) {  // one loop: nested ones are slower
    let i = k % K;
    let j = k / K % chunks * TAPS;
    let c = k / K / chunks;
    let h = at.p + i - PAD;
    if (h >= H) { continue; }  // above the first row too: it has wrapped round
    let s = rowOf(at, c, h, at.q + j - PAD, false);
    let w = tapsAt(at.r, channel, c, i, j, false);
    if (TANGENT) {
      accumulate(&t, rowOf(at, c, h, at.q + j - PAD, true), w);
      accumulate(&t, s, tapsAt(at.r, channel, c, i, j, true));
    } else {
      accumulate(&t, s, w);
    }
  }
  return t;
}

fn bias(at: Place) -> vec4f {
  if (FLIP) { return vec4f(); }
  let b = at.r * THETA + AT + O * C * K * K + min(at.o + vec4u(0, 1, 2, 3), vec4u(O - 1));
  if (TANGENT) { return vec4f(thetaDot[b.x], thetaDot[b.y], thetaDot[b.z], thetaDot[b.w]); }
  return vec4f(theta[b.x], theta[b.y], theta[b.z], theta[b.w]);
}

fn put(at: Place, q: u32, t: mat4x4f, b: vec4f) {
  if (q >= Q) { return; }
  let plane = P * Q * N;
  let row = (((at.r * O + at.o) * P + at.p) * Q + q) * N + at.n;
  store(row, t[0] + b.x);
  if (CHANNELS > 1 && at.o + 1 < O) { store(row + plane, t[1] + b.y); }
  if (CHANNELS > 2 && at.o + 2 < O) { store(row + 2 * plane, t[2] + b.z); }
  if (CHANNELS > 3 && at.o + 3 < O) { store(row + 3 * plane, t[3] + b.w); }
}
fn store(at: u32, v: vec4f) {
  if (RELU_DST) { dst[at] = select(vec4f(), v, x[at] > vec4f()); } else { dst[at] = v; }
}

@compute @workgroup_size(WG)
fn correlate(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&dst) / (groups.z * O * P * Q);
  let id = group.x * WG + lane;
  let tiles = (Q + COLUMNS - 1) / COLUMNS;
  let at = Place(group.z, group.y * CHANNELS, id / N / tiles, id / N % tiles * COLUMNS, id % N);
  if (at.p >= P) { return; }
  let t = correlation(at);
  let b = bias(at);
  put(at, at.q, t.a, b);
  if (COLUMNS > 1) { put(at, at.q + 1, t.b, b); }
  if (COLUMNS > 2) { put(at, at.q + 2, t.c, b); }
  if (COLUMNS > 3) { put(at, at.q + 3, t.d, b); }
  if (COLUMNS > 4) { put(at, at.q + 4, t.e, b); }
  if (COLUMNS > 5) { put(at, at.q + 5, t.f, b); }
  if (COLUMNS > 6) { put(at, at.q + 6, t.g, b); }
  if (COLUMNS > 7) { put(at, at.q + 7, t.h, b); }
  if (COLUMNS > 8) { put(at, at.q + 8, t.i, b); }
  if (COLUMNS > 9) { put(at, at.q + 9, t.j, b); }
  if (COLUMNS > 10) { put(at, at.q + 10, t.k, b); }
  if (COLUMNS > 11) { put(at, at.q + 11, t.l, b); }
  if (COLUMNS > 12) { put(at, at.q + 12, t.m, b); }
  if (COLUMNS > 13) { put(at, at.q + 13, t.n, b); }
}
