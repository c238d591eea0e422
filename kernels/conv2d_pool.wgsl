// uses: conv2d.wgsl
// conv2d_pool: conv2d and the 2 × 2 max-pooling after it in one pass; z = conv2d(x) is never stored.
//
//   y   y[r,o,p,q,n] = max i,j  z[r,o,2p+i,2q+j,n],  argmax = where the first largest stands (unpool.wgsl)
//   ẏ   ẏ = ż there: with PICK, where z is ż, the place is read, not found
//
// Layouts are conv2d's; O, P and Q are the extents of y. An invocation computes two rows of COLUMNS columns
// of z, an even number, of CHANNELS channels, at most 4. Each row of src serves both.

override PICK: bool;

@group(0) @binding(9) var<storage, read_write> argmaxOut: array<u32>;

fn pick(at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  let place = placesOf(argmaxOut[at]);
  let right = (place & vec4u(1)) == vec4u(1);
  dst[at] = select(select(a, b, right), select(c, d, right), place >= vec4u(2));
}
fn pool(at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  if (PICK) { pick(at, a, b, c, d); return; }
  var larger = isLarger(b, a);
  var place = select(vec4u(), vec4u(1), larger);
  var most = select(a, b, larger);
  larger = isLarger(c, most);
  place = select(place, vec4u(2), larger);
  most = select(most, c, larger);
  larger = isLarger(d, most);
  place = select(place, vec4u(3), larger);
  dst[at] = select(most, d, larger);
  argmaxOut[at] = place.x | (place.y << 2) | (place.z << 4) | (place.w << 6);
}

// The window at column q of y: columns a, b of the upper row of z, c, d of the lower.
fn putWindow(at: Place, q: u32, a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, add: vec4f) {
  if (q >= Q) { return; }
  let plane = P * Q * size.N;
  let to = (((at.r * O + at.o) * P + at.p) * Q + q) * size.N + at.n;
  pool(to, a[0] + add.x, b[0] + add.x, c[0] + add.x, d[0] + add.x);
  if (CHANNELS > 1 && at.o + 1 < O) {
    pool(to + plane, a[1] + add.y, b[1] + add.y, c[1] + add.y, d[1] + add.y);
  }
  if (CHANNELS > 2 && at.o + 2 < O) {
    pool(to + 2 * plane, a[2] + add.z, b[2] + add.z, c[2] + add.z, d[2] + add.z);
  }
  if (CHANNELS > 3 && at.o + 3 < O) {
    pool(to + 3 * plane, a[3] + add.w, b[3] + add.w, c[3] + add.w, d[3] + add.w);
  }
}

@compute @workgroup_size(WG)
fn conv2d_pool(by: Invocation) {
  let at = placeOf(by, 2 * Q);
  if (at.p >= P) { return; }
  var t: Tile;  // the upper row
  var u: Tile;  // the lower
  correlate(at, &t, &u);
  let b = biasOf(at.r, at.o);
  let q = at.q / 2;
  putWindow(at, q, t[0], t[1], u[0], u[1], b);
  if (COLUMNS > 2) { putWindow(at, q + 1, t[2], t[3], u[2], u[3], b); }
  if (COLUMNS > 4) { putWindow(at, q + 2, t[4], t[5], u[4], u[5], b); }
  if (COLUMNS > 6) { putWindow(at, q + 3, t[6], t[7], u[6], u[7], b); }
  if (COLUMNS > 8) { putWindow(at, q + 4, t[8], t[9], u[8], u[9], b); }
  if (COLUMNS > 10) { putWindow(at, q + 5, t[10], t[11], u[10], u[11], b); }
  if (COLUMNS > 12) { putWindow(at, q + 6, t[12], t[13], u[12], u[13], b); }
  if (COLUMNS > 14) { putWindow(at, q + 7, t[14], t[15], u[14], u[15], b); }
}
