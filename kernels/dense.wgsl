// dense: a fully connected layer on relu(x).
//
//   fwd    y[r,o,n] = b[r,o] + Σ c  w[r,o,c] · relu(x)[r,c,n]
//   vjpX   x̄[r,c,n] = [x > 0] · Σ o  w[r,o,c] · ȳ[r,o,n]
//
//   x, x̄ [R,C,N]   y, ȳ [R,O,N]   w [O,C] with rows padded to whole vec4s by zeros, then b [O], in θ [R,·]
//
// Kind: bilinear in (relu(x), w). With TANGENT each product a·b becomes ȧ·b + a·ḃ. RELU = false takes
// x as it is. Images are innermost, four to a vec4f; THETA and AT count vec4s.
//
// An invocation computes 8 outputs (fwd) or 8 inputs (vjpX) of IMAGES vec4s of images; relu(x) is read
// by dense_inputs.wgsl, θ by dense_theta.wgsl, and the gradient in w is in dense_weights.wgsl.

override IMAGES: u32;  // vec4s of images of an invocation, 1 or 2

fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }

// Where row o, column vec4 c of w stands; rows beyond the last repeat it.
fn rows(r: u32, o: u32, c: u32) -> vec4u {
  return r * THETA + AT + min(vec4u(o, o + 1, o + 2, o + 3), vec4u(O - 1)) * row4() + c;
}

fn weights(at: vec4u) -> mat4x4f {
  return mat4x4f(thetaAt(at.x), thetaAt(at.y), thetaAt(at.z), thetaAt(at.w));
}
fn weightsDot(at: vec4u) -> mat4x4f {
  return mat4x4f(thetaDotAt(at.x), thetaDotAt(at.y), thetaDotAt(at.z), thetaDotAt(at.w));
}

// b[o…o+3], which need not start at a vec4.
fn bias(r: u32, o: u32) -> mat4x4f {
  let at = min(vec4u(o, o + 1, o + 2, o + 3), vec4u(O - 1));
  let base = r * THETA + AT + O * row4() + at / 4;
  let lane = at % 4;
  if (TANGENT) {
    return outer(vec4f(1), vec4f(
      thetaDotAt(base.x)[lane.x], thetaDotAt(base.y)[lane.y],
      thetaDotAt(base.z)[lane.z], thetaDotAt(base.w)[lane.w],
    ));
  }
  return outer(vec4f(1), vec4f(
    thetaAt(base.x)[lane.x], thetaAt(base.y)[lane.y], thetaAt(base.z)[lane.z], thetaAt(base.w)[lane.w],
  ));
}

fn put(r: u32, o: u32, n: u32, t: mat4x4f) {
  let at = (r * O + o) * N + n;
  if (o < O) { y[at] = t[0]; }
  if (o + 1 < O) { y[at + N] = t[1]; }
  if (o + 2 < O) { y[at + 2 * N] = t[2]; }
  if (o + 3 < O) { y[at + 3 * N] = t[3]; }
}

// Sums of a tile of 8 rows × IMAGES vec4s of images.
struct Tile { low: mat4x4f, high: mat4x4f, lowNext: mat4x4f, highNext: mat4x4f }

// An invocation's tile: rows from `row`, images n and, if IMAGES is 2, `next`.
struct Place { row: u32, n: u32, next: u32 }
fn place(id: u32) -> Place {
  let tiles = (N + IMAGES - 1) / IMAGES;
  let n = id % tiles * IMAGES;
  return Place(id / tiles * 8, n, min(n + 1, N - 1));
}

@compute @workgroup_size(WG)
fn fwd(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&y) / (groups.y * O);
  let r = group.y;
  let at = place(group.x * WG + lane);
  if (at.row >= O) { return; }
  let low = bias(r, at.row);
  let high = bias(r, at.row + 4);
  var t = Tile(low, high, low, high);
  for (var c = 0u; c < row4(); c++) {
    let few = rows(r, at.row, c);
    let more = rows(r, at.row + 4, c);
    let w = weights(few);
    let wMore = weights(more);
    let v = inputs(r, c * 4, at.n);
    var vNext: mat4x4f;
    if (IMAGES > 1) { vNext = inputs(r, c * 4, at.next); }
    if (TANGENT) {
      let dot = inputsDot(r, c * 4, at.n);
      let wDot = weightsDot(few);
      let wMoreDot = weightsDot(more);
      t.low += dot * w + v * wDot;
      t.high += dot * wMore + v * wMoreDot;
      if (IMAGES > 1) {
        let dotNext = inputsDot(r, c * 4, at.next);
        t.lowNext += dotNext * w + vNext * wDot;
        t.highNext += dotNext * wMore + vNext * wMoreDot;
      }
    } else {
      t.low += v * w;
      t.high += v * wMore;
      if (IMAGES > 1) {
        t.lowNext += vNext * w;
        t.highNext += vNext * wMore;
      }
    }
  }
  put(r, at.row, at.n, t.low);
  put(r, at.row + 4, at.n, t.high);
  if (IMAGES == 1 || at.n + 1 >= N) { return; }
  put(r, at.row, at.next, t.lowNext);
  put(r, at.row + 4, at.next, t.highNext);
}

fn putGated(r: u32, c: u32, n: u32, t: mat4x4f) {
  let at = (r * C + c) * N + n;
  let v = r * stride() + c * N + n;
  if (c < C) { xBar[at] = gate(t[0], x[v]); }
  if (c + 1 < C) { xBar[at + N] = gate(t[1], x[v + N]); }
  if (c + 2 < C) { xBar[at + 2 * N] = gate(t[2], x[v + 2 * N]); }
  if (c + 3 < C) { xBar[at + 3 * N] = gate(t[3], x[v + 3 * N]); }
}

@compute @workgroup_size(WG)
fn vjpX(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&xBar) / (groups.y * C);
  inputTile(group.x * WG + lane, group.y);
}

// Tile `id` of x̄ of network r.
fn inputTile(id: u32, r: u32) {
  let at = place(id);
  let c = at.row / 4;
  if (c >= row4()) { return; }
  let more = min(c + 1, row4() - 1);
  var t: Tile;
  for (var o = 0u; o < O; o++) {
    let out = (r * O + o) * N;
    let row = r * THETA + AT + o * row4();
    let w = thetaAt(row + c);
    let wMore = thetaAt(row + more);
    let g = yBar[out + at.n];
    var gNext: vec4f;
    if (IMAGES > 1) { gNext = yBar[out + at.next]; }
    if (TANGENT) {
      let gDot = yBarDot[out + at.n];
      let wDot = thetaDotAt(row + c);
      let wMoreDot = thetaDotAt(row + more);
      t.low += outer(gDot, w) + outer(g, wDot);
      t.high += outer(gDot, wMore) + outer(g, wMoreDot);
      if (IMAGES > 1) {
        let gNextDot = yBarDot[out + at.next];
        t.lowNext += outer(gNextDot, w) + outer(gNext, wDot);
        t.highNext += outer(gNextDot, wMore) + outer(gNext, wMoreDot);
      }
    } else {
      t.low += outer(g, w);
      t.high += outer(g, wMore);
      if (IMAGES > 1) {
        t.lowNext += outer(gNext, w);
        t.highNext += outer(gNext, wMore);
      }
    }
  }
  putGated(r, at.row, at.n, t.low);
  putGated(r, at.row + 4, at.n, t.high);
  if (IMAGES == 1 || at.n + 1 >= N) { return; }
  putGated(r, at.row, at.next, t.lowNext);
  putGated(r, at.row + 4, at.next, t.highNext);
}
