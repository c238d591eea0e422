// conv2d_weights: the gradient of conv2d (see there) in its weights and bias.
//
//   vjpW   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,p+i−PAD,q+j−PAD,n]      b̄[r,o] = Σ ȳ
//
// With TANGENT each product a·b becomes ȧ·b + a·ḃ. Layouts are conv2d's; `src` is x.
//
// An invocation sums one of SPLITS runs of lines (p, n) for CHANNELS output channels and, of one input
// channel's kernel, ROWS rows and TAPS taps. It takes COLUMNS columns, at most 7, of a line at a time: ȳ's are
// loaded once for all rows and taps, x's (row.wgsl) once for all channels and taps, and the products
// are written out, as in conv2d. `partial` is [SPLITS, R, O·(C·K·K + 1)]; split_sums.wgsl adds the runs.

override O: u32; override P: u32; override Q: u32;  // extents of ȳ, before any max-pooling
override K: u32; override PAD: u32;
override SPLITS: u32; override WG: u32;
override CHANNELS: u32;  // at most 4
override ROWS: u32;      // at most 5
override TANGENT: bool;

@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read> srcDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

var<private> NETWORKS: u32;

// COLUMNS neighbouring columns.
struct Line {
  a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f,
}
struct Cotangents { a: Line, b: Line, c: Line, d: Line }  // of four channels
// Sums for the taps of a row, four channels each, for four images that are added at the end.
struct Sums { a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, e: mat4x4f }
struct Place { r: u32, o: u32, c: u32, i: u32, j: u32, run: u32 }

fn along(s: Line, g: Line) -> vec4f {
  var t = s.a * g.a;
  if (COLUMNS > 1) { t += s.b * g.b; }
  if (COLUMNS > 2) { t += s.c * g.c; }
  if (COLUMNS > 3) { t += s.d * g.d; }
  if (COLUMNS > 4) { t += s.e * g.e; }
  if (COLUMNS > 5) { t += s.f * g.f; }
  if (COLUMNS > 6) { t += s.g * g.g; }
  return t;
}
// What a tap gains: for each channel the products of its columns.
fn tap(s: Line, g: Cotangents) -> mat4x4f {
  var t: mat4x4f;
  t[0] = along(s, g.a);
  if (CHANNELS > 1) { t[1] = along(s, g.b); }
  if (CHANNELS > 2) { t[2] = along(s, g.c); }
  if (CHANNELS > 3) { t[3] = along(s, g.d); }
  return t;
}
fn addTaps(t: ptr<function, Sums>, s: Row, g: Cotangents) {
  (*t).a += tap(Line(s.a, s.b, s.c, s.d, s.e, s.f, s.g), g);
  if (TAPS > 1) { (*t).b += tap(Line(s.b, s.c, s.d, s.e, s.f, s.g, s.h), g); }
  if (TAPS > 2) { (*t).c += tap(Line(s.c, s.d, s.e, s.f, s.g, s.h, s.i), g); }
  if (TAPS > 3) { (*t).d += tap(Line(s.d, s.e, s.f, s.g, s.h, s.i, s.j), g); }
  if (TAPS > 4) { (*t).e += tap(Line(s.e, s.f, s.g, s.h, s.i, s.j, s.k), g); }
}
// Row i of the kernel with the line of ȳ in row p: x's row is p + i − PAD.
fn addRow(t: ptr<function, Sums>, at: Place, i: u32, p: u32, q: u32, n: u32, g: Cotangents, gDot: Cotangents) {
  let h = p + at.i + i - PAD;
  let row = at.r * stride() + (at.c * H + min(h, H - 1)) * V * N + n;
  let v = select(q + at.j - PAD, 1u << 30, h >= H);  // a row outside of x has no column inside
  let s = rowAt(row, v, false);
  if (TANGENT) {
    addTaps(t, s, gDot);
    addTaps(t, rowAt(row, v, true), g);
  } else {
    addTaps(t, s, g);
  }
}

fn cotangent(row: u32, q: u32, dot: bool) -> vec4f {
  let at = row + min(q, Q - 1) * N;
  if (dot) { return select(vec4f(), yBarDot[at], q < Q); }
  return select(vec4f(), yBar[at], q < Q);
}
fn lineAt(row: u32, q: u32, dot: bool) -> Line {
  var g: Line;
  g.a = cotangent(row, q, dot);
  if (COLUMNS > 1) { g.b = cotangent(row, q + 1, dot); }
  if (COLUMNS > 2) { g.c = cotangent(row, q + 2, dot); }
  if (COLUMNS > 3) { g.d = cotangent(row, q + 3, dot); }
  if (COLUMNS > 4) { g.e = cotangent(row, q + 4, dot); }
  if (COLUMNS > 5) { g.f = cotangent(row, q + 5, dot); }
  if (COLUMNS > 6) { g.g = cotangent(row, q + 6, dot); }
  return g;
}
// A line of ȳ before max-pooling (unpool.wgsl); its row p is one of two of a row after it.
fn pairAt(row: u32, p: u32, m: u32, dot: bool) -> Pair {
  let at = row + min(m, Q / 2 - 1) * N;
  var g: vec4f;
  if (dot) { g = yBarDot[at]; } else { g = yBar[at]; }
  return unpool(select(vec4f(), g, m < Q / 2), at, p);
}
fn unpooledLine(row: u32, p: u32, q: u32, dot: bool) -> Line {
  let odd = q % 2 == 1;
  let c = pairAt(row, p, q / 2 + 1, dot);
  let e = pairAt(row, p, q / 2 + 2, dot);
  let g = pairAt(row, p, q / 2 + 3, dot);
  let ab = shift(pairAt(row, p, q / 2, dot), c, odd);
  let cd = shift(c, e, odd);
  let ef = shift(e, g, odd);
  return Line(ab.left, ab.right, cd.left, cd.right, ef.left, ef.right, select(g.left, g.right, odd));
}
// Row p of ȳ's `plane`, from column q on.
fn lineOf(plane: u32, p: u32, q: u32, n: u32, dot: bool) -> Line {
  if (POOLED) { return unpooledLine((plane * (P / 2) + p / 2) * (Q / 2) * N + n, p, q, dot); }
  return lineAt((plane * P + p) * Q * N + n, q, dot);
}
fn cotangentsAt(plane: vec4u, p: u32, q: u32, n: u32, dot: bool) -> Cotangents {
  var g: Cotangents;
  g.a = lineOf(plane.x, p, q, n, dot);
  if (CHANNELS > 1) { g.b = lineOf(plane.y, p, q, n, dot); }
  if (CHANNELS > 2) { g.c = lineOf(plane.z, p, q, n, dot); }
  if (CHANNELS > 3) { g.d = lineOf(plane.w, p, q, n, dot); }
  return g;
}

@compute @workgroup_size(WG)
fn vjpW(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  NETWORKS = groups.z;
  N = arrayLength(&yBar) / (NETWORKS * O * P * Q / select(1u, 4u, POOLED));
  let rows = (K + ROWS - 1) / ROWS;
  let taps = (K + TAPS - 1) / TAPS;
  let id = group.x * WG + lane;
  let tile = id / SPLITS;
  if (tile >= C * rows * taps) { return; }
  let at = Place(
    group.z, group.y * CHANNELS, tile / taps / rows, tile / taps % rows * ROWS, tile % taps * TAPS, id % SPLITS,
  );
  let plane = at.r * O + min(at.o + vec4u(0, 1, 2, 3), vec4u(O - 1));
  var a: Sums; var b: Sums; var c: Sums; var d: Sums; var e: Sums;
  var bias: mat4x4f;
  let chunks = (Q + COLUMNS - 1) / COLUMNS;
  let count = N * P * chunks;
  for (var k = at.run * count / SPLITS; k < (at.run + 1) * count / SPLITS; k++) {
    let q = k % chunks * COLUMNS;
    let p = k / chunks % P;
    let n = k / chunks / P;
    let g = cotangentsAt(plane, p, q, n, false);
    var gDot: Cotangents;
    if (TANGENT) { gDot = cotangentsAt(plane, p, q, n, true); }
    addRow(&a, at, 0, p, q, n, g, gDot);
    if (ROWS > 1) { addRow(&b, at, 1, p, q, n, g, gDot); }
    if (ROWS > 2) { addRow(&c, at, 2, p, q, n, g, gDot); }
    if (ROWS > 3) { addRow(&d, at, 3, p, q, n, g, gDot); }
    if (ROWS > 4) { addRow(&e, at, 4, p, q, n, g, gDot); }
    if (TANGENT) { bias += tap(ones(), gDot); } else { bias += tap(ones(), g); }
  }
  putRow(at, 0, a);
  if (ROWS > 1) { putRow(at, 1, b); }
  if (ROWS > 2) { putRow(at, 2, c); }
  if (ROWS > 3) { putRow(at, 3, d); }
  if (ROWS > 4) { putRow(at, 4, e); }
  if (tile == 0) { put(at, O * C * K * K + at.o, 1, bias); }
}

fn ones() -> Line {
  let v = vec4f(1);
  return Line(v, v, v, v, v, v, v);
}
fn putRow(at: Place, i: u32, t: Sums) {
  if (at.i + i >= K) { return; }
  let size = C * K * K;
  let w = at.o * size + (at.c * K + at.i + i) * K + at.j;
  put(at, w, size, t.a);
  if (TAPS > 1 && at.j + 1 < K) { put(at, w + 1, size, t.b); }
  if (TAPS > 2 && at.j + 2 < K) { put(at, w + 2, size, t.c); }
  if (TAPS > 3 && at.j + 3 < K) { put(at, w + 3, size, t.d); }
  if (TAPS > 4 && at.j + 4 < K) { put(at, w + 4, size, t.e); }
}
// The weight (or bias) `w` of each channel, `size` from one to the next.
fn put(at: Place, w: u32, size: u32, t: mat4x4f) {
  let base = (at.run * NETWORKS + at.r) * O * (C * K * K + 1) + w;
  let s = vec4f(1) * t;
  for (var k = 0u; k < CHANNELS && at.o + k < O; k++) { partial[base + k * size] = s[k]; }
}
