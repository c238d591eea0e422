// conv2d_pool_weights: the gradient of conv2d_pool (see there) in its weights and bias.
//
//   vjpW   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,2p+a+i−PAD,2q+b+j−PAD,n]     b̄[r,o] = Σ ȳ
//
// where the largest of window (p, q) stood at row a and column b of it, as `argmax` has it
// (unpool.wgsl, which is put before this, as row.wgsl and weights.wgsl are). With TANGENT each product
// a·b becomes ȧ·b + a·ḃ. O, P and Q are the extents of ȳ.
//
// Before pooling three of a window's four cotangents are zero, so there is one product a tap, not four.
// An invocation takes a window at a time. A patch of x, of ROWS + 1 rows and TAPS + 1 columns, is
// loaded once for all channels, at most 8; for each of them and each image the sums take it from
// where its maximum stood, first the row, then the column.

struct Patch { a: Row, b: Row, c: Row, d: Row, e: Row, f: Row }
// A window of one channel: what came back to it, and which row and column that goes to.
struct Window { yBar: vec4f, lower: vec4<bool>, right: vec4<bool> }
struct Taps { a: f32, b: f32, c: f32, d: f32, e: f32 }
struct Sums { a: Taps, b: Taps, c: Taps, d: Taps, e: Taps, bias: f32 }  // of a channel

fn addRow(t: Taps, upper: Row, lower: Row, w: Window) -> Taps {
  var s = t;
  let a = select(upper.a, lower.a, w.lower);
  let b = select(upper.b, lower.b, w.lower);
  let c = select(upper.c, lower.c, w.lower);
  let d = select(upper.d, lower.d, w.lower);
  let e = select(upper.e, lower.e, w.lower);
  let f = select(upper.f, lower.f, w.lower);
  s.a += dot(select(a, b, w.right), w.yBar);
  if (TAPS > 1) { s.b += dot(select(b, c, w.right), w.yBar); }
  if (TAPS > 2) { s.c += dot(select(c, d, w.right), w.yBar); }
  if (TAPS > 3) { s.d += dot(select(d, e, w.right), w.yBar); }
  if (TAPS > 4) { s.e += dot(select(e, f, w.right), w.yBar); }
  return s;
}
fn addPatch(t: ptr<function, Sums>, x: Patch, w: Window) {
  (*t).a = addRow((*t).a, x.a, x.b, w);
  if (ROWS > 1) { (*t).b = addRow((*t).b, x.b, x.c, w); }
  if (ROWS > 2) { (*t).c = addRow((*t).c, x.c, x.d, w); }
  if (ROWS > 3) { (*t).d = addRow((*t).d, x.d, x.e, w); }
  if (ROWS > 4) { (*t).e = addRow((*t).e, x.e, x.f, w); }
}

fn patchAt(at: Place, p: u32, q: u32, n: u32, dot: bool) -> Patch {
  var x: Patch;
  let h = 2 * p + at.i - PAD;
  let v = 2 * q + at.j - PAD;
  x.a = rowOf(at, h, v, n, dot);
  x.b = rowOf(at, h + 1, v, n, dot);
  if (ROWS > 1) { x.c = rowOf(at, h + 2, v, n, dot); }
  if (ROWS > 2) { x.d = rowOf(at, h + 3, v, n, dot); }
  if (ROWS > 3) { x.e = rowOf(at, h + 4, v, n, dot); }
  if (ROWS > 4) { x.f = rowOf(at, h + 5, v, n, dot); }
  return x;
}

// Window `at` for a channel: its products with the patch x, or with TANGENT also with ẋ.
fn addChannel(t: ptr<function, Sums>, at: u32, x: Patch, xDot: Patch) {
  let place = places(argmax[at]);
  var w = Window(yBar[at], place >= vec4u(2), (place & vec4u(1)) == vec4u(1));
  if (TANGENT) {
    addPatch(t, xDot, w);
    w.yBar = yBarDot[at];
  }
  addPatch(t, x, w);
  (*t).bias += dot(w.yBar, vec4f(1));
}

@compute @workgroup_size(WG)
fn pooledVjpW(by: Invocation) {
  measure(by.groups.z);
  if (tileOf(by) >= tiles()) { return; }
  let at = placeOf(by);
  var a: Sums; var b: Sums; var c: Sums; var d: Sums;
  var e: Sums; var f: Sums; var g: Sums; var h: Sums;
  let plane = P * Q * N;
  let last = (at.r + 1) * O - 1;
  for (var k = at.run; k < plane; k += SPLITS) {
    let n = k % N;
    let q = k / N % Q;
    let p = k / N / Q;
    let x = patchAt(at, p, q, n, false);
    var xDot: Patch;
    if (TANGENT) { xDot = patchAt(at, p, q, n, true); }
    let o = at.r * O + at.o;
    addChannel(&a, o * plane + k, x, xDot);
    if (CHANNELS > 1) { addChannel(&b, min(o + 1, last) * plane + k, x, xDot); }
    if (CHANNELS > 2) { addChannel(&c, min(o + 2, last) * plane + k, x, xDot); }
    if (CHANNELS > 3) { addChannel(&d, min(o + 3, last) * plane + k, x, xDot); }
    if (CHANNELS > 4) { addChannel(&e, min(o + 4, last) * plane + k, x, xDot); }
    if (CHANNELS > 5) { addChannel(&f, min(o + 5, last) * plane + k, x, xDot); }
    if (CHANNELS > 6) { addChannel(&g, min(o + 6, last) * plane + k, x, xDot); }
    if (CHANNELS > 7) { addChannel(&h, min(o + 7, last) * plane + k, x, xDot); }
  }
  putChannel(at, 0, a);
  if (CHANNELS > 1) { putChannel(at, 1, b); }
  if (CHANNELS > 2) { putChannel(at, 2, c); }
  if (CHANNELS > 3) { putChannel(at, 3, d); }
  if (CHANNELS > 4) { putChannel(at, 4, e); }
  if (CHANNELS > 5) { putChannel(at, 5, f); }
  if (CHANNELS > 6) { putChannel(at, 6, g); }
  if (CHANNELS > 7) { putChannel(at, 7, h); }
}

fn putChannel(at: Place, channel: u32, t: Sums) {
  let o = at.o + channel;
  if (o >= O) { return; }
  let w = biasAt(at) - ((O - o) * C - at.c) * K * K + at.i * K + at.j;
  putRow(at, 0, w, t.a);
  putRow(at, 1, w + K, t.b);
  putRow(at, 2, w + 2 * K, t.c);
  putRow(at, 3, w + 3 * K, t.d);
  putRow(at, 4, w + 4 * K, t.e);
  if (at.c + at.i + at.j == 0) { partial[biasAt(at) + o] = t.bias; }
}
fn putRow(at: Place, i: u32, w: u32, t: Taps) {
  if (i >= ROWS || at.i + i >= K) { return; }
  partial[w] = t.a;
  if (TAPS > 1 && at.j + 1 < K) { partial[w + 1] = t.b; }
  if (TAPS > 2 && at.j + 2 < K) { partial[w + 2] = t.c; }
  if (TAPS > 3 && at.j + 3 < K) { partial[w + 3] = t.d; }
  if (TAPS > 4 && at.j + 4 < K) { partial[w + 4] = t.e; }
}
