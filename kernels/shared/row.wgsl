// row: columns of a row of images in registers; prepended to the kernels that declare src and srcDot.

override C: u32; override H: u32; override V: u32;  // extents of src; before pooling, of a pooled one
override COLUMNS: u32;  // taken at a time by an invocation, at most 14
override TAPS: u32;     // columns that each of these reaches, at most 5
override RELU_SRC: bool;

var<private> N: u32;  // vec4s of images; the entry point sets it from the length of a binding

struct Row {
  a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f, g: vec4f, h: vec4f, i: vec4f,
  j: vec4f, k: vec4f, l: vec4f, m: vec4f, n: vec4f, o: vec4f, p: vec4f, q: vec4f, r: vec4f,
}

// vec4s between two networks' src: 0 where they share it.
fn stride() -> u32 { return select(0, C * H * V * N, arrayLength(&src) > C * H * V * N); }

// Column `col` of the row of src (or srcDot) at `row`; zero outside of it, and where a ReLU shuts it.
fn column(row: u32, col: u32, dot: bool) -> vec4f {
  let at = row + min(col, V - 1) * N;
  var v: vec4f;
  if (dot) { v = srcDot[at]; } else { v = src[at]; }
  var open = vec4<bool>(col < V);
  if (RELU_SRC) { open &= src[at] > vec4f(); }
  return select(vec4f(), v, open);
}

// The COLUMNS + TAPS − 1 columns from v on.
fn rowAt(row: u32, v: u32, dot: bool) -> Row {
  var s: Row;
  let last = COLUMNS + TAPS - 2;
  s.a = column(row, v, dot);
  if (last > 0) { s.b = column(row, v + 1, dot); }
  if (last > 1) { s.c = column(row, v + 2, dot); }
  if (last > 2) { s.d = column(row, v + 3, dot); }
  if (last > 3) { s.e = column(row, v + 4, dot); }
  if (last > 4) { s.f = column(row, v + 5, dot); }
  if (last > 5) { s.g = column(row, v + 6, dot); }
  if (last > 6) { s.h = column(row, v + 7, dot); }
  if (last > 7) { s.i = column(row, v + 8, dot); }
  if (last > 8) { s.j = column(row, v + 9, dot); }
  if (last > 9) { s.k = column(row, v + 10, dot); }
  if (last > 10) { s.l = column(row, v + 11, dot); }
  if (last > 11) { s.m = column(row, v + 12, dot); }
  if (last > 12) { s.n = column(row, v + 13, dot); }
  if (last > 13) { s.o = column(row, v + 14, dot); }
  if (last > 14) { s.p = column(row, v + 15, dot); }
  if (last > 15) { s.q = column(row, v + 16, dot); }
  if (last > 16) { s.r = column(row, v + 17, dot); }
  return s;
}
