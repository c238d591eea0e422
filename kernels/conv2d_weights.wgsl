// conv2d_weights: the gradient of conv2d (see there) in its weights and bias.
//
//   vjpW   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,p+i−PAD,q+j−PAD,n]      b̄[r,o] = Σ ȳ
//
// With TANGENT each product a·b becomes ȧ·b + a·ḃ. Layouts are conv2d's; `src` is x. row.wgsl and
// weights.wgsl are put before this.
//
// An invocation takes COLUMNS columns, at most 7, of a line (p, n) at a time: ȳ's are loaded once for
// all rows and taps, x's (row.wgsl) once for all channels, at most 4, and taps, and the products are
// written out, as in conv2d.

// COLUMNS neighbouring columns.
struct Line {
  a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f,
}
struct Cotangents { a: Line, b: Line, c: Line, d: Line }  // of four channels
// Sums for the taps of a row, four channels each, for four images that are added at the end.
struct Sums { a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, e: mat4x4f }

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
  let v = q + at.j - PAD;
  let s = rowOf(at, h, v, n, false);
  if (TANGENT) {
    addTaps(t, s, gDot);
    addTaps(t, rowOf(at, h, v, n, true), g);
  } else {
    addTaps(t, s, g);
  }
}

fn cotangent(row: u32, q: u32, dot: bool) -> vec4f {
  let at = row + min(q, Q - 1) * N;
  if (dot) { return select(vec4f(), yBarDot[at], q < Q); }
  return select(vec4f(), yBar[at], q < Q);
}
// Row p of ȳ's `plane`, from column q on.
fn lineAt(plane: u32, p: u32, q: u32, n: u32, dot: bool) -> Line {
  var g: Line;
  let row = (plane * P + p) * Q * N + n;
  g.a = cotangent(row, q, dot);
  if (COLUMNS > 1) { g.b = cotangent(row, q + 1, dot); }
  if (COLUMNS > 2) { g.c = cotangent(row, q + 2, dot); }
  if (COLUMNS > 3) { g.d = cotangent(row, q + 3, dot); }
  if (COLUMNS > 4) { g.e = cotangent(row, q + 4, dot); }
  if (COLUMNS > 5) { g.f = cotangent(row, q + 5, dot); }
  if (COLUMNS > 6) { g.g = cotangent(row, q + 6, dot); }
  return g;
}
fn cotangentsAt(plane: vec4u, p: u32, q: u32, n: u32, dot: bool) -> Cotangents {
  var g: Cotangents;
  g.a = lineAt(plane.x, p, q, n, dot);
  if (CHANNELS > 1) { g.b = lineAt(plane.y, p, q, n, dot); }
  if (CHANNELS > 2) { g.c = lineAt(plane.z, p, q, n, dot); }
  if (CHANNELS > 3) { g.d = lineAt(plane.w, p, q, n, dot); }
  return g;
}

@compute @workgroup_size(WG)
fn vjpW(by: Invocation) {
  measure(by.groups.z);
  if (tileOf(by) >= tiles()) { return; }
  let at = placeOf(by);
  let plane = at.r * O + min(at.o + vec4u(0, 1, 2, 3), vec4u(O - 1));
  var a: Sums; var b: Sums; var c: Sums; var d: Sums; var e: Sums;
  var bias: mat4x4f;
  let chunks = (Q + COLUMNS - 1) / COLUMNS;
  let count = N * P * chunks;
  for (var k = at.run; k < count; k += SPLITS) {
    let n = k % N;
    let q = k / N % chunks * COLUMNS;
    let p = k / N / chunks;
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
  if (at.c + at.i + at.j == 0) { put(at, biasAt(at) + at.o, 1, bias); }
}

fn ones() -> Line {
  let v = vec4f(1);
  return Line(v, v, v, v, v, v, v);
}
fn putRow(at: Place, i: u32, t: Sums) {
  if (at.i + i >= K) { return; }
  let size = C * K * K;
  let w = biasAt(at) - (O - at.o) * size + (at.c * K + at.i + i) * K + at.j;
  put(at, w, size, t.a);
  if (TAPS > 1 && at.j + 1 < K) { put(at, w + 1, size, t.b); }
  if (TAPS > 2 && at.j + 2 < K) { put(at, w + 2, size, t.c); }
  if (TAPS > 3 && at.j + 3 < K) { put(at, w + 3, size, t.d); }
  if (TAPS > 4 && at.j + 4 < K) { put(at, w + 4, size, t.e); }
}
// The weight (or bias) at `w` for each channel, `size` from one to the next.
fn put(at: Place, w: u32, size: u32, t: mat4x4f) {
  let s = vec4f(1) * t;
  for (var k = 0u; k < CHANNELS && at.o + k < O; k++) { partial[w + k * size] = s[k]; }
}
