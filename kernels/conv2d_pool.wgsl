// conv2d_pool: conv2d (see there, put before this) and 2 × 2 max-pooling in one pass.
//
//   pooled   y[r,o,p,q,n] = max i,j  z[r,o,2p+i,2q+j,n],  argmax = where the first largest stands,
//            z = conv2d(x)
//
// With PICK it is z at `argmax` instead of the largest: the tangent of a maximum, z then being ż.
// Layouts are conv2d's; O, P and Q are the extents of y. `argmax` is unpool.wgsl's.
//
// An invocation computes COLUMNS columns of z, an even number, in two rows. Each row of src serves both:
// its products with row i of the kernel go to the upper one, with row i − 1, kept from the turn before,
// to the lower.

override PICK: bool;

@group(0) @binding(9) var<storage, read_write> argmaxOut: array<u32>;

fn pick(at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  let place = places(argmaxOut[at]);
  let right = (place & vec4u(1)) == vec4u(1);
  dst[at] = select(select(a, b, right), select(c, d, right), place >= vec4u(2));
}
fn pool(at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  if (PICK) { pick(at, a, b, c, d); return; }
  var place = select(vec4u(), vec4u(1), b > a);
  var most = max(a, b);
  place = select(place, vec4u(2), c > most);
  most = max(most, c);
  place = select(place, vec4u(3), d > most);
  dst[at] = max(most, d);
  argmaxOut[at] = place.x | place.y << 2 | place.z << 4 | place.w << 6;
}

// The window at column q of y: columns a, b of the upper row of z, c, d of the lower.
fn putWindow(at: Place, q: u32, a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, add: vec4f) {
  if (q >= Q) { return; }
  let plane = P * Q * N;
  let to = (((at.r * O + at.o) * P + at.p) * Q + q) * N + at.n;
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
fn pooled(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&dst) / (groups.z * O * P * Q);
  let id = group.x * WG + lane;
  let tiles = (2 * Q + COLUMNS - 1) / COLUMNS;
  let at = Place(group.z, group.y * CHANNELS, id / N / tiles, id / N % tiles * COLUMNS, id % N);
  if (at.p >= P) { return; }
  let channel = min(at.o + vec4u(0, 1, 2, 3), vec4u(O - 1));
  let chunks = (K + TAPS - 1) / TAPS;
  var s: Tile;  // the upper row
  var t: Tile;  // the lower
  var w: Taps; var wDot: Taps;
  for (var k = 0u; k < C * chunks * (K + 1); k++) {  // one loop: nested ones are slower
    let i = k % (K + 1);
    let j = k / (K + 1) % chunks * TAPS;
    let c = k / (K + 1) / chunks;
    let wLower = w;
    let wLowerDot = wDot;
    w = tapsAt(at.r, channel, c, i, j, false);  // zero beyond the kernel, so before the next as well
    if (TANGENT) { wDot = tapsAt(at.r, channel, c, i, j, true); }
    let h = 2 * at.p + i - PAD;
    if (h >= H) { continue; }  // above the first row too: it has wrapped round
    let row = at.r * stride() + (c * H + h) * V * N + at.n;
    let v = rowAt(row, at.q + j - PAD, false);
    if (TANGENT) {
      let dot = rowAt(row, at.q + j - PAD, true);
      accumulate(&s, dot, w);
      accumulate(&s, v, wDot);
      accumulate(&t, dot, wLower);
      accumulate(&t, v, wLowerDot);
    } else {
      accumulate(&s, v, w);
      accumulate(&t, v, wLower);
    }
  }
  let b = bias(at);
  let q = at.q / 2;
  putWindow(at, q, s.a, s.b, t.a, t.b, b);
  if (COLUMNS > 2) { putWindow(at, q + 1, s.c, s.d, t.c, t.d, b); }
  if (COLUMNS > 4) { putWindow(at, q + 2, s.e, s.f, t.e, t.f, b); }
  if (COLUMNS > 6) { putWindow(at, q + 3, s.g, s.h, t.g, t.h, b); }
  if (COLUMNS > 8) { putWindow(at, q + 4, s.i, s.j, t.i, t.j, b); }
  if (COLUMNS > 10) { putWindow(at, q + 5, s.k, s.l, t.k, t.l, b); }
  if (COLUMNS > 12) { putWindow(at, q + 6, s.m, s.n, t.m, t.n, b); }
}
