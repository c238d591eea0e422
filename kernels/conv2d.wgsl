// uses: shared/row.wgsl, shared/unpool.wgsl
// conv2d: batched 2-D cross-correlation of relu(x) with w, PAD zeros on every side; with s = STRIDE:
//
//   y   y[r,o,p,q,n] = b[r,o] + Σ c,i,j  relu(x)[r,c,s·p+i−PAD,s·q+j−PAD,n] · w[r,o,c,i,j]
//   x̄   x̄[r,c,h,v,n] = [x > 0] · Σ o,i,j  ȳ[r,o,p,q,n] · w[r,o,c,i,j],  s·p = h+PAD−i, s·q = v+PAD−j
//
//   x, x̄ [R,C,H,V,N]   y, ȳ [R,O,P,Q,N],  P = ⌊(H + 2·PAD − K) / s⌋ + 1
//   θ [R,THETA]: w [O,C,K,K], then b [O]
//
// Bilinear in (relu(x), w): with TANGENT each product a·b becomes ȧ·b + a·ḃ. A network's input is taken as
// it is, without ReLU. Images are innermost, four to a vec4f; N counts vec4s.
//
// Both are one correlation from `src` (x or ȳ) to `dst` (y or x̄). FLIP turns the kernel round: C, O and
// their planes change places, PAD is K − 1 − PAD, which may be negative, and s is the DILATION of ȳ.
//
// An invocation computes COLUMNS columns of CHANNELS channels of four images. It takes a row of src and TAPS
// taps at a time, and multiplies them into two tiles at most: the second is the next four channels
// (CHANNELS = 8) or the next row (ROWS = 2, as max-pooling wants it, see conv2d_pool.wgsl). With POOLED
// src is what came back to a max-pooling that follows, a quarter of the size.

override O: u32; override P: u32; override Q: u32;  // extents of dst; pooled, after pooling
override K: u32; override PAD: i32;
override THETA: u32;     // floats of a network's θ
override CHANNELS: u32;  // at most 4, or 8
override ROWS: u32;
override FLIP: bool; override TANGENT: bool;
override POOLED: bool;    // whether src is what came back to a max-pooling
override RELU_DST: bool;  // whether x gates dst

@group(0) @binding(1) var<storage, read> src: array<vec4f>;
@group(0) @binding(2) var<storage, read> srcDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> theta: array<f32>;
@group(0) @binding(4) var<storage, read> thetaDot: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> dst: array<vec4f>;

alias Tile = array<mat4x4f, 16>;  // columns of dst, four channels each
alias Taps = array<vec4f, 5>;     // neighbouring taps of a row of the kernel, of four channels of dst

// Network, first channel, row (or pair of rows), first column and images of an invocation.
struct Place { r: u32, o: u32, p: u32, q: u32, n: u32 }

fn placeOf(by: Invocation, columns: u32) -> Place {
  let id = by.group.x * WG + by.lane;
  let tiles = (columns + COLUMNS - 1) / COLUMNS;
  let line = id / size.N;
  return Place(by.group.z, by.group.y * CHANNELS, line / tiles, line % tiles * COLUMNS, id % size.N);
}

// Four channels of dst from `first` on; beyond the last they repeat it.
fn channelsFrom(first: u32) -> vec4u { return min(first + vec4u(0, 1, 2, 3), vec4u(O - 1)); }

// Tap j of input channel c and row i for output channels o; zero beyond the kernel.
fn tap(r: u32, o: vec4u, c: u32, i: u32, j: u32, dot: bool) -> vec4f {
  let row = min(i, K - 1);
  let column = min(j, K - 1);
  var at = r * THETA + ((o * C + c) * K + row) * K + column;
  if (FLIP) { at = r * THETA + ((c * O + o) * K + K - 1 - row) * K + K - 1 - column; }
  var w: vec4f;
  if (dot) {
    w = vec4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]);
  } else {
    w = vec4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]);
  }
  return select(vec4f(), w, i < K && j < K);
}
fn tapsAt(r: u32, o: vec4u, c: u32, i: u32, j: u32, dot: bool) -> Taps {
  var w: Taps;
  w[0] = tap(r, o, c, i, j, dot);
  if (TAPS > 1) { w[1] = tap(r, o, c, i, j + 1, dot); }
  if (TAPS > 2) { w[2] = tap(r, o, c, i, j + 2, dot); }
  if (TAPS > 3) { w[3] = tap(r, o, c, i, j + 3, dot); }
  if (TAPS > 4) { w[4] = tap(r, o, c, i, j + 4, dot); }
  return w;
}

// Σ of neighbouring columns, each times its tap's weight for one channel.
fn sum(a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, w0: f32, w1: f32, w2: f32, w3: f32, w4: f32) -> vec4f {
  var s = a * w0;
  if (TAPS > 1) { s += b * w1; }
  if (TAPS > 2) { s += c * w2; }
  if (TAPS > 3) { s += d * w3; }
  if (TAPS > 4) { s += e * w4; }
  return s;
}
fn sums(a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, w: Taps) -> mat4x4f {
  return mat4x4f(
    sum(a, b, c, d, e, w[0].x, w[1].x, w[2].x, w[3].x, w[4].x),
    sum(a, b, c, d, e, w[0].y, w[1].y, w[2].y, w[3].y, w[4].y),
    sum(a, b, c, d, e, w[0].z, w[1].z, w[2].z, w[3].z, w[4].z),
    sum(a, b, c, d, e, w[0].w, w[1].w, w[2].w, w[3].w, w[4].w),
  );
}
fn accumulate(t: ptr<function, Tile>, s: Row, w: Taps) {
  (*t)[0] += sums(s[0], s[1], s[2], s[3], s[4], w);
  if (COLUMNS > 1) { (*t)[1] += sums(s[1], s[2], s[3], s[4], s[5], w); }
  if (COLUMNS > 2) { (*t)[2] += sums(s[2], s[3], s[4], s[5], s[6], w); }
  if (COLUMNS > 3) { (*t)[3] += sums(s[3], s[4], s[5], s[6], s[7], w); }
  if (COLUMNS > 4) { (*t)[4] += sums(s[4], s[5], s[6], s[7], s[8], w); }
  if (COLUMNS > 5) { (*t)[5] += sums(s[5], s[6], s[7], s[8], s[9], w); }
  if (COLUMNS > 6) { (*t)[6] += sums(s[6], s[7], s[8], s[9], s[10], w); }
  if (COLUMNS > 7) { (*t)[7] += sums(s[7], s[8], s[9], s[10], s[11], w); }
  if (COLUMNS > 8) { (*t)[8] += sums(s[8], s[9], s[10], s[11], s[12], w); }
  if (COLUMNS > 9) { (*t)[9] += sums(s[9], s[10], s[11], s[12], s[13], w); }
  if (COLUMNS > 10) { (*t)[10] += sums(s[10], s[11], s[12], s[13], s[14], w); }
  if (COLUMNS > 11) { (*t)[11] += sums(s[11], s[12], s[13], s[14], s[15], w); }
  if (COLUMNS > 12) { (*t)[12] += sums(s[12], s[13], s[14], s[15], s[16], w); }
  if (COLUMNS > 13) { (*t)[13] += sums(s[13], s[14], s[15], s[16], s[17], w); }
  if (COLUMNS > 14) { (*t)[14] += sums(s[14], s[15], s[16], s[17], s[18], w); }
  if (COLUMNS > 15) { (*t)[15] += sums(s[15], s[16], s[17], s[18], s[19], w); }
}

// The columns from v on of channel c's row h of src, or of srcDot.
fn columnsOf(at: Place, c: u32, h: u32, v: u32, dot: bool) -> Row {
  if (POOLED) {
    return unpooledRow(((at.r * C + c) * (H / 2) + h / 2) * (V / 2) * size.N + at.n, h, v, dot);
  }
  return rowAt(((sliceOfX(at.r) * C + c) * H + h) * V * size.N + at.n, v, dot);
}

// Columns 2m and 2m + 1 of row h before pooling; `row` is where the pooled row starts.
fn pairAt(row: u32, h: u32, m: u32, dot: bool) -> Pair {
  let at = row + min(m, V / 2 - 1) * size.N;
  var v: vec4f;
  if (dot) { v = srcDot[at]; } else { v = src[at]; }
  return unpool(select(vec4f(), v, m < V / 2), at, h);
}
fn unpooledRow(row: u32, h: u32, v: u32, dot: bool) -> Row {
  let m = u32(i32(v) >> 1);  // v may lie before the first column
  let odd = v % 2 == 1;
  let last = COLUMNS + TAPS;
  var u: array<vec4f, 22>;  // from column 2m on
  var p: Pair;
  p = pairAt(row, h, m, dot); u[0] = p.left; u[1] = p.right;
  p = pairAt(row, h, m + 1, dot); u[2] = p.left; u[3] = p.right;
  if (last > 2) { p = pairAt(row, h, m + 2, dot); u[4] = p.left; u[5] = p.right; }
  if (last > 4) { p = pairAt(row, h, m + 3, dot); u[6] = p.left; u[7] = p.right; }
  if (last > 6) { p = pairAt(row, h, m + 4, dot); u[8] = p.left; u[9] = p.right; }
  if (last > 8) { p = pairAt(row, h, m + 5, dot); u[10] = p.left; u[11] = p.right; }
  if (last > 10) { p = pairAt(row, h, m + 6, dot); u[12] = p.left; u[13] = p.right; }
  if (last > 12) { p = pairAt(row, h, m + 7, dot); u[14] = p.left; u[15] = p.right; }
  if (last > 14) { p = pairAt(row, h, m + 8, dot); u[16] = p.left; u[17] = p.right; }
  if (last > 16) { p = pairAt(row, h, m + 9, dot); u[18] = p.left; u[19] = p.right; }
  if (last > 18) { p = pairAt(row, h, m + 10, dot); u[20] = p.left; u[21] = p.right; }
  var s: Row;
  s[0] = select(u[0], u[1], odd);
  s[1] = select(u[1], u[2], odd);
  s[2] = select(u[2], u[3], odd);
  s[3] = select(u[3], u[4], odd);
  s[4] = select(u[4], u[5], odd);
  s[5] = select(u[5], u[6], odd);
  s[6] = select(u[6], u[7], odd);
  s[7] = select(u[7], u[8], odd);
  s[8] = select(u[8], u[9], odd);
  s[9] = select(u[9], u[10], odd);
  s[10] = select(u[10], u[11], odd);
  s[11] = select(u[11], u[12], odd);
  s[12] = select(u[12], u[13], odd);
  s[13] = select(u[13], u[14], odd);
  s[14] = select(u[14], u[15], odd);
  s[15] = select(u[15], u[16], odd);
  s[16] = select(u[16], u[17], odd);
  s[17] = select(u[17], u[18], odd);
  s[18] = select(u[18], u[19], odd);
  s[19] = select(u[19], u[20], odd);
  return s;
}

// The sums at two tiles of dst, without bias and gate.
fn correlate(at: Place, t: ptr<function, Tile>, u: ptr<function, Tile>) {
  let lines = K + ROWS - 1;
  let chunks = (K + TAPS - 1) / TAPS;
  var w: Taps; var wDot: Taps;  // for t
  var v: Taps; var vDot: Taps;  // for u
  for (var k = 0u; k < C * chunks * lines; k++) {  // one loop: nested ones are slower
    let i = k % lines;
    let j = k / lines % chunks * TAPS;
    let c = k / lines / chunks;
    let line = ROWS * STRIDE * at.p + i - u32(PAD);  // above the first it wraps round
    let h = line / DILATION;
    let outside = h >= H || line % DILATION > 0;
    if (ROWS == 1 && outside) { continue; }
    if (ROWS > 1) { v = w; vDot = wDot; }  // the lower row meets row i − 1 of the kernel
    w = tapsAt(at.r, channelsFrom(at.o), c, i, j, false);
    if (TANGENT) { wDot = tapsAt(at.r, channelsFrom(at.o), c, i, j, true); }
    if (outside) { continue; }
    if (CHANNELS > 4) {
      v = tapsAt(at.r, channelsFrom(at.o + 4), c, i, j, false);
      if (TANGENT) { vDot = tapsAt(at.r, channelsFrom(at.o + 4), c, i, j, true); }
    }
    let q = STRIDE * at.q + j - u32(PAD);
    let s = columnsOf(at, c, h, q, false);
    if (TANGENT) {
      accumulate(t, s, wDot);
      if (ROWS > 1 || CHANNELS > 4) { accumulate(u, s, vDot); }
      let sDot = columnsOf(at, c, h, q, true);
      accumulate(t, sDot, w);
      if (ROWS > 1 || CHANNELS > 4) { accumulate(u, sDot, v); }
    } else {
      accumulate(t, s, w);
      if (ROWS > 1 || CHANNELS > 4) { accumulate(u, s, v); }
    }
  }
}

fn biasOf(r: u32, o: u32) -> vec4f {
  if (FLIP) { return vec4f(); }
  let at = r * THETA + O * C * K * K + channelsFrom(o);
  if (TANGENT) { return vec4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]); }
  return vec4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]);
}

fn store(at: u32, v: vec4f) {
  if (RELU_DST) { dst[at] = select(v, vec4f(), isShut(x[at])); } else { dst[at] = v; }
}
fn put(at: Place, q: u32, t: mat4x4f, b: vec4f) {
  if (q >= Q) { return; }
  let plane = P * Q * size.N;
  let to = (((at.r * O + at.o) * P + at.p) * Q + q) * size.N + at.n;
  if (at.o < O) { store(to, t[0] + b.x); }
  if (CHANNELS > 1 && at.o + 1 < O) { store(to + plane, t[1] + b.y); }
  if (CHANNELS > 2 && at.o + 2 < O) { store(to + 2 * plane, t[2] + b.z); }
  if (CHANNELS > 3 && at.o + 3 < O) { store(to + 3 * plane, t[3] + b.w); }
}
fn putTile(at: Place, t: ptr<function, Tile>) {
  let b = biasOf(at.r, at.o);
  put(at, at.q, (*t)[0], b);
  if (COLUMNS > 1) { put(at, at.q + 1, (*t)[1], b); }
  if (COLUMNS > 2) { put(at, at.q + 2, (*t)[2], b); }
  if (COLUMNS > 3) { put(at, at.q + 3, (*t)[3], b); }
  if (COLUMNS > 4) { put(at, at.q + 4, (*t)[4], b); }
  if (COLUMNS > 5) { put(at, at.q + 5, (*t)[5], b); }
  if (COLUMNS > 6) { put(at, at.q + 6, (*t)[6], b); }
  if (COLUMNS > 7) { put(at, at.q + 7, (*t)[7], b); }
  if (COLUMNS > 8) { put(at, at.q + 8, (*t)[8], b); }
  if (COLUMNS > 9) { put(at, at.q + 9, (*t)[9], b); }
  if (COLUMNS > 10) { put(at, at.q + 10, (*t)[10], b); }
  if (COLUMNS > 11) { put(at, at.q + 11, (*t)[11], b); }
  if (COLUMNS > 12) { put(at, at.q + 12, (*t)[12], b); }
  if (COLUMNS > 13) { put(at, at.q + 13, (*t)[13], b); }
  if (COLUMNS > 14) { put(at, at.q + 14, (*t)[14], b); }
  if (COLUMNS > 15) { put(at, at.q + 15, (*t)[15], b); }
}

@compute @workgroup_size(WG)
fn conv2d(by: Invocation) {
  let at = placeOf(by, Q);
  if (at.p >= P) { return; }
  var t: Tile; var u: Tile;
  correlate(at, &t, &u);
  putTile(at, &t);
  if (CHANNELS > 4) { putTile(Place(at.r, at.o + 4, at.p, at.q, at.n), &u); }
}
