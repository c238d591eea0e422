// uses: shared/unpool.wgsl, shared/weights.wgsl
// conv2d_pool_weights: the gradient of conv2d_pool (see there) in its parameters.
//
//   w̄   w̄[r,o,c,i,j] = Σ n,p,q  ȳ[r,o,p,q,n] · relu(x)[r,c,2p+a+i−PAD,2q+b+j−PAD,n]      b̄[r,o] = Σ n,p,q  ȳ
//
// where the largest of window (p, q) stood at row a and column b of it, as `argmax` has it. With TANGENT
// each product a·b becomes ȧ·b + a·ḃ. O, P and Q are the extents of ȳ.
//
// Before pooling three of a window's four cotangents are zero, so there is one product a tap, not four. A
// turn takes a window. A patch of x, of ROWS + 1 rows and TAPS + 1 columns, serves all channels; for each of
// them and each image the sums take it from where its maximum stood, first the row, then the column.

alias Patch = array<Row, 6>;
// A window of one channel: what came back to it, and which row and column that goes to.
struct Window { yBar: vec4f, lower: vec4<bool>, right: vec4<bool> }

fn addRow(sums: Taps, upper: Row, lower: Row, w: Window) -> Taps {
  var t = sums;
  let a = select(upper[0], lower[0], w.lower);
  let b = select(upper[1], lower[1], w.lower);
  let c = select(upper[2], lower[2], w.lower);
  let d = select(upper[3], lower[3], w.lower);
  let e = select(upper[4], lower[4], w.lower);
  let f = select(upper[5], lower[5], w.lower);
  t[0] += dot(select(a, b, w.right), w.yBar);
  if (TAPS > 1) { t[1] += dot(select(b, c, w.right), w.yBar); }
  if (TAPS > 2) { t[2] += dot(select(c, d, w.right), w.yBar); }
  if (TAPS > 3) { t[3] += dot(select(d, e, w.right), w.yBar); }
  if (TAPS > 4) { t[4] += dot(select(e, f, w.right), w.yBar); }
  return t;
}
fn addRows(sums: Sums, x: Patch, w: Window) -> Sums {
  var t = sums;
  t[0] = addRow(t[0], x[0], x[1], w);
  if (ROWS > 1) { t[1] = addRow(t[1], x[1], x[2], w); }
  if (ROWS > 2) { t[2] = addRow(t[2], x[2], x[3], w); }
  if (ROWS > 3) { t[3] = addRow(t[3], x[3], x[4], w); }
  if (ROWS > 4) { t[4] = addRow(t[4], x[4], x[5], w); }
  return t;
}

// What a channel gains from the window that stands at `start` in its ȳ.
fn addWindow(channel: Channel, start: u32, x: Patch, xDot: Patch) -> Channel {
  var t = channel;
  let place = placesOf(argmax[start]);
  var w = Window(yBar[start], place >= vec4u(2), (place & vec4u(1)) == vec4u(1));
  if (TANGENT) {
    t.sums = addRows(t.sums, xDot, w);
    w.yBar = yBarDot[start];
  }
  t.sums = addRows(t.sums, x, w);
  t.bias += dot(w.yBar, vec4f(1));
  return t;
}

// The patch of the window below; its last two rows are to be loaded.
fn shifted(x: Patch) -> Patch {
  var next = x;
  next[0] = x[2];
  if (ROWS > 2) { next[1] = x[3]; }
  if (ROWS > 3) { next[2] = x[4]; }
  if (ROWS > 4) { next[3] = x[5]; }
  return next;
}

@compute @workgroup_size(WG)
fn conv2d_pool_weights(by: Invocation) {
  if (!isInside(by)) { return; }
  let at = placeOf(by);
  var t: array<Channel, 8>;
  var x: Patch; var xDot: Patch;
  let before = ROWS / 2;  // turns that fill the first patch of a strip
  let lines = STRIP + before;
  let turns = stripsOf(at.run, 1) * lines;
  for (var k = 0u; k < turns; k++) {  // one loop: nested ones are slower
    let s = stripAt(at.run + k / lines * size.RUNS, 1);
    let line = k % lines;
    let p = s.p + line - before;
    let h = 2 * p + at.i + ROWS - 1 - PAD;
    let v = 2 * s.q + at.j - PAD;
    x = shifted(x);
    x[ROWS - 1] = columnsOf(at, h, v, s.n, false);
    x[ROWS] = columnsOf(at, h + 1, v, s.n, false);
    if (TANGENT) {
      xDot = shifted(xDot);
      xDot[ROWS - 1] = columnsOf(at, h, v, s.n, true);
      xDot[ROWS] = columnsOf(at, h + 1, v, s.n, true);
    }
    if (line < before || p >= P) { continue; }
    let start = (p * Q + s.q) * size.N + s.n;
    let plane = P * Q * size.N;
    t[0] = addWindow(t[0], planeOf(at, 0) * plane + start, x, xDot);
    if (CHANNELS > 1) { t[1] = addWindow(t[1], planeOf(at, 1) * plane + start, x, xDot); }
    if (CHANNELS > 2) { t[2] = addWindow(t[2], planeOf(at, 2) * plane + start, x, xDot); }
    if (CHANNELS > 3) { t[3] = addWindow(t[3], planeOf(at, 3) * plane + start, x, xDot); }
    if (CHANNELS > 4) { t[4] = addWindow(t[4], planeOf(at, 4) * plane + start, x, xDot); }
    if (CHANNELS > 5) { t[5] = addWindow(t[5], planeOf(at, 5) * plane + start, x, xDot); }
    if (CHANNELS > 6) { t[6] = addWindow(t[6], planeOf(at, 6) * plane + start, x, xDot); }
    if (CHANNELS > 7) { t[7] = addWindow(t[7], planeOf(at, 7) * plane + start, x, xDot); }
  }
  putChannels(at, &t);
}
