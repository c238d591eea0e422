// uses: shared/weights.wgsl
// conv2d_weights: the gradient of conv2d (see there) in its parameters.
//
//   w̄   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,s·p+i−PAD,s·q+j−PAD,n]      b̄[r,o] = Σ n,p,q  ȳ
//
// With TANGENT each product a·b becomes ȧ·b + a·ḃ. Layouts are conv2d's. A turn takes COLUMNS columns, at
// most 4, of a line of ȳ: ȳ's are loaded once for all rows and taps, x's once for all channels and taps.

alias Line = array<vec4f, 4>;
alias Rows = array<Row, 5>;

// Σ of the products of neighbouring columns.
fn along(a: vec4f, b: vec4f, c: vec4f, d: vec4f, g: Line) -> f32 {
  var s = a * g[0];
  if (COLUMNS > 1) { s += b * g[1]; }
  if (COLUMNS > 2) { s += c * g[2]; }
  if (COLUMNS > 3) { s += d * g[3]; }
  return dot(s, vec4f(1));
}
fn addRow(sums: Taps, x: Row, g: Line) -> Taps {
  var t = sums;
  t[0] += along(x[0], x[1], x[2], x[3], g);
  if (TAPS > 1) { t[1] += along(x[1], x[2], x[3], x[4], g); }
  if (TAPS > 2) { t[2] += along(x[2], x[3], x[4], x[5], g); }
  if (TAPS > 3) { t[3] += along(x[3], x[4], x[5], x[6], g); }
  if (TAPS > 4) { t[4] += along(x[4], x[5], x[6], x[7], g); }
  return t;
}
fn addRows(sums: Sums, x: Rows, g: Line) -> Sums {
  var t = sums;
  t[0] = addRow(t[0], x[0], g);
  if (ROWS > 1) { t[1] = addRow(t[1], x[1], g); }
  if (ROWS > 2) { t[2] = addRow(t[2], x[2], g); }
  if (ROWS > 3) { t[3] = addRow(t[3], x[3], g); }
  if (ROWS > 4) { t[4] = addRow(t[4], x[4], g); }
  return t;
}

fn cotangent(row: u32, q: u32, dot: bool) -> vec4f {
  let at = row + min(q, Q - 1) * size.N;
  if (dot) { return select(vec4f(), yBarDot[at], q < Q); }
  return select(vec4f(), yBar[at], q < Q);
}
// The columns from q on of row p of a plane of ȳ, or of ȳ˙.
fn lineAt(plane: u32, p: u32, s: Strip, dot: bool) -> Line {
  var g: Line;
  let row = (plane * P + p) * Q * size.N + s.n;
  g[0] = cotangent(row, s.q, dot);
  if (COLUMNS > 1) { g[1] = cotangent(row, s.q + 1, dot); }
  if (COLUMNS > 2) { g[2] = cotangent(row, s.q + 2, dot); }
  if (COLUMNS > 3) { g[3] = cotangent(row, s.q + 3, dot); }
  return g;
}

// What a channel gains from line p of its plane.
fn addLine(channel: Channel, plane: u32, p: u32, s: Strip, x: Rows, xDot: Rows) -> Channel {
  var t = channel;
  let g = lineAt(plane, p, s, false);
  var moving = g;  // whichever of ȳ and ȳ˙ meets x
  if (TANGENT) {
    t.sums = addRows(t.sums, xDot, g);
    moving = lineAt(plane, p, s, true);
  }
  t.sums = addRows(t.sums, x, moving);
  let one = vec4f(1);
  t.bias += along(one, one, one, one, moving);
  return t;
}

fn shifted(x: Rows) -> Rows {
  var next = x;
  next[0] = x[1];
  if (ROWS > 2) { next[1] = x[2]; }
  if (ROWS > 3) { next[2] = x[3]; }
  if (ROWS > 4) { next[3] = x[4]; }
  return next;
}

@compute @workgroup_size(WG)
fn conv2d_weights(by: Invocation) {
  if (!isInside(by)) { return; }
  let at = placeOf(by);
  var t: array<Channel, 8>;
  var x: Rows; var xDot: Rows;
  let lines = STRIP + ROWS - 1;
  let turns = stripsOf(at.run, COLUMNS) * lines;
  for (var k = 0u; k < turns; k++) {  // one loop: nested ones are slower
    let s = stripAt(at.run + k / lines * size.RUNS, COLUMNS);
    let line = k % lines;
    let h = STRIDE * (s.p + line) + at.i - PAD;
    let v = STRIDE * s.q + at.j - PAD;
    x = shifted(x);
    x[ROWS - 1] = columnsOf(at, h, v, s.n, false);
    if (TANGENT) {
      xDot = shifted(xDot);
      xDot[ROWS - 1] = columnsOf(at, h, v, s.n, true);
    }
    let p = s.p + line + 1 - ROWS;
    if (line + 1 < ROWS || p >= P) { continue; }
    t[0] = addLine(t[0], planeOf(at, 0), p, s, x, xDot);
    if (CHANNELS > 1) { t[1] = addLine(t[1], planeOf(at, 1), p, s, x, xDot); }
    if (CHANNELS > 2) { t[2] = addLine(t[2], planeOf(at, 2), p, s, x, xDot); }
    if (CHANNELS > 3) { t[3] = addLine(t[3], planeOf(at, 3), p, s, x, xDot); }
    if (CHANNELS > 4) { t[4] = addLine(t[4], planeOf(at, 4), p, s, x, xDot); }
    if (CHANNELS > 5) { t[5] = addLine(t[5], planeOf(at, 5), p, s, x, xDot); }
    if (CHANNELS > 6) { t[6] = addLine(t[6], planeOf(at, 6), p, s, x, xDot); }
    if (CHANNELS > 7) { t[7] = addLine(t[7], planeOf(at, 7), p, s, x, xDot); }
  }
  putChannels(at, &t);
}
