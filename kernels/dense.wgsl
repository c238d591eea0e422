// uses: shared/sizes.wgsl, shared/finite.wgsl
// dense: a fully connected layer on relu(x), with or without bias.
//
//   y   y[r,o,n] = b[r,o] + Σ c  w[r,o,c] · relu(x)[r,c,n]
//   x̄   x̄[r,c,n] = [x > 0] · Σ o  w[r,o,c] · ȳ[r,o,n]
//   w̄   w̄[r,o,c] = Σ n  ȳ[r,o,n] · relu(x)[r,c,n]      b̄[r,o] = Σ n  ȳ[r,o,n]
//
//   x, x̄ [R,C,N]   y, ȳ [R,O,N]   θ [R,THETA]: w [O,C] with rows padded to whole vec4s by zeros, then b [O] if BIAS
//
// Bilinear in (relu(x), w): with TANGENT each product a·b becomes ȧ·b + a·ḃ. RELU = false takes x as it is.
// Images are innermost, four to a vec4f; N, THETA count vec4s.
//
// An invocation computes 8 outputs (y) or inputs (x̄) of IMAGES vec4s of images, or 4·TILE outputs × 4·TILE
// inputs of w̄. `backward` computes x̄ and w̄ side by side, each in some of its workgroups.

override C: u32;      // inputs
override O: u32;      // outputs
override THETA: u32;  // vec4s of a network's θ
override IMAGES: u32; // at most 4
override TILE: u32;   // 1 or 2
override RELU: bool; override TANGENT: bool; override BIAS: bool;
override INPUTS: bool; override WEIGHTS: bool;  // what `backward` computes

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> theta: array<vec4f>;
@group(0) @binding(4) var<storage, read> thetaDot: array<vec4f>;
@group(0) @binding(5) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(6) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> thetaBar: array<vec4f>;

alias Pair = array<mat4x4f, 2>;  // eight rows of four images

fn row4() -> u32 { return (C + 3) / 4; }  // vec4s of a row of w

fn outer(v: vec4f, w: vec4f) -> mat4x4f { return mat4x4f(v * w.x, v * w.y, v * w.z, v * w.w); }
fn gate(v: vec4f, by: vec4f) -> vec4f { return select(v, vec4f(), vec4<bool>(RELU) & isShut(by)); }

// relu(x), or its tangent, of inputs c … c+3 and four images. Beyond the last input w is 0, so any will do.
fn inputs(r: u32, c: u32, n: u32, dot: bool) -> mat4x4f {
  let at = (sliceOfX(r) * C + min(vec4u(c, c + 1, c + 2, c + 3), vec4u(C - 1))) * size.N + n;
  let v = mat4x4f(x[at.x], x[at.y], x[at.z], x[at.w]);
  if (dot) {
    return mat4x4f(
      gate(xDot[at.x], v[0]), gate(xDot[at.y], v[1]), gate(xDot[at.z], v[2]), gate(xDot[at.w], v[3]),
    );
  }
  return mat4x4f(gate(v[0], v[0]), gate(v[1], v[1]), gate(v[2], v[2]), gate(v[3], v[3]));
}

// vec4 c of rows o … o+7 of w, or of ẇ; rows beyond the last repeat it.
fn rowsAt(r: u32, o: u32, c: u32, dot: bool) -> Pair {
  let four = o + vec4u(0, 1, 2, 3);
  let at = r * THETA + min(four, vec4u(O - 1)) * row4() + c;
  let next = r * THETA + min(four + 4, vec4u(O - 1)) * row4() + c;
  if (dot) {
    return Pair(
      mat4x4f(thetaDot[at.x], thetaDot[at.y], thetaDot[at.z], thetaDot[at.w]),
      mat4x4f(thetaDot[next.x], thetaDot[next.y], thetaDot[next.z], thetaDot[next.w]),
    );
  }
  return Pair(
    mat4x4f(theta[at.x], theta[at.y], theta[at.z], theta[at.w]),
    mat4x4f(theta[next.x], theta[next.y], theta[next.z], theta[next.w]),
  );
}
// b[o], or ḃ[o], for four images.
fn biasOf(r: u32, o: u32) -> vec4f {
  if (!BIAS) { return vec4f(); }
  let at = r * THETA + O * row4() + min(o, O - 1) / 4;
  let lane = min(o, O - 1) % 4;
  if (TANGENT) { return vec4f(thetaDot[at][lane]); }
  return vec4f(theta[at][lane]);
}
fn biases(r: u32, o: u32) -> Pair {
  return Pair(
    mat4x4f(biasOf(r, o), biasOf(r, o + 1), biasOf(r, o + 2), biasOf(r, o + 3)),
    mat4x4f(biasOf(r, o + 4), biasOf(r, o + 5), biasOf(r, o + 6), biasOf(r, o + 7)),
  );
}

// First of 8 rows, and first of IMAGES vec4s of images, of tile `id`.
struct Place { row: u32, n: u32 }
fn placeOf(id: u32) -> Place {
  let tiles = (size.N + IMAGES - 1) / IMAGES;
  return Place(id / tiles * 8, id % tiles * IMAGES);
}
fn images(n: u32, k: u32) -> u32 { return min(n + k, size.N - 1); }

fn add(t: Pair, v: mat4x4f, w: Pair) -> Pair { return Pair(t[0] + v * w[0], t[1] + v * w[1]); }

// What the tile gains from inputs c … c+3 of the images n.
fn gain(sum: Pair, r: u32, c: u32, n: u32, w: Pair, wDot: Pair) -> Pair {
  let v = inputs(r, c, n, false);
  if (!TANGENT) { return add(sum, v, w); }
  return add(add(sum, v, wDot), inputs(r, c, n, true), w);
}

fn putFour(r: u32, o: u32, n: u32, t: mat4x4f) {
  let at = (r * O + o) * size.N + n;
  if (n >= size.N) { return; }
  if (o < O) { y[at] = t[0]; }
  if (o + 1 < O) { y[at + size.N] = t[1]; }
  if (o + 2 < O) { y[at + 2 * size.N] = t[2]; }
  if (o + 3 < O) { y[at + 3 * size.N] = t[3]; }
}
fn put(r: u32, at: Place, k: u32, t: Pair) {
  putFour(r, at.row, at.n + k, t[0]);
  putFour(r, at.row + 4, at.n + k, t[1]);
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  let r = by.group.y;
  let at = placeOf(by.group.x * WG + by.lane);
  if (at.row >= O) { return; }
  let b = biases(r, at.row);
  var t = array<Pair, 4>(b, b, b, b);
  for (var k = 0u; k < row4(); k++) {
    let w = rowsAt(r, at.row, k, false);
    var wDot: Pair;
    if (TANGENT) { wDot = rowsAt(r, at.row, k, true); }
    t[0] = gain(t[0], r, 4 * k, at.n, w, wDot);
    if (IMAGES > 1) { t[1] = gain(t[1], r, 4 * k, images(at.n, 1), w, wDot); }
    if (IMAGES > 2) { t[2] = gain(t[2], r, 4 * k, images(at.n, 2), w, wDot); }
    if (IMAGES > 3) { t[3] = gain(t[3], r, 4 * k, images(at.n, 3), w, wDot); }
  }
  put(r, at, 0, t[0]);
  if (IMAGES > 1) { put(r, at, 1, t[1]); }
  if (IMAGES > 2) { put(r, at, 2, t[2]); }
  if (IMAGES > 3) { put(r, at, 3, t[3]); }
}

// ȳ, or ȳ˙, of an output and four images.
fn cotangent(r: u32, o: u32, n: u32, dot: bool) -> vec4f {
  let at = (r * O + min(o, O - 1)) * size.N + n;
  if (dot) { return yBarDot[at]; }
  return yBar[at];
}

// What eight inputs gain from output o: w holds its weights for them.
fn gainBack(sum: Pair, r: u32, o: u32, n: u32, w: array<vec4f, 2>, wDot: array<vec4f, 2>) -> Pair {
  let g = cotangent(r, o, n, false);
  if (!TANGENT) { return Pair(sum[0] + outer(g, w[0]), sum[1] + outer(g, w[1])); }
  let gDot = cotangent(r, o, n, true);
  return Pair(
    sum[0] + outer(gDot, w[0]) + outer(g, wDot[0]),
    sum[1] + outer(gDot, w[1]) + outer(g, wDot[1]),
  );
}

fn putGated(at: u32, t: vec4f) {
  if (RELU) { xBar[at] = gate(t, x[at]); } else { xBar[at] = t; }
}
fn putFourBack(r: u32, c: u32, n: u32, t: mat4x4f) {
  let at = (r * C + c) * size.N + n;
  if (n >= size.N) { return; }
  if (c < C) { putGated(at, t[0]); }
  if (c + 1 < C) { putGated(at + size.N, t[1]); }
  if (c + 2 < C) { putGated(at + 2 * size.N, t[2]); }
  if (c + 3 < C) { putGated(at + 3 * size.N, t[3]); }
}
fn putBack(r: u32, at: Place, k: u32, t: Pair) {
  putFourBack(r, at.row, at.n + k, t[0]);
  putFourBack(r, at.row + 4, at.n + k, t[1]);
}

// Tile `id` of x̄ of network r.
fn inputTile(id: u32, r: u32) {
  let at = placeOf(id);
  let c = at.row / 4;
  if (c >= row4()) { return; }
  let next = min(c + 1, row4() - 1);
  var t: array<Pair, 4>;
  for (var o = 0u; o < O; o++) {
    let row = r * THETA + o * row4();
    let w = array<vec4f, 2>(theta[row + c], theta[row + next]);
    var wDot: array<vec4f, 2>;
    if (TANGENT) { wDot = array<vec4f, 2>(thetaDot[row + c], thetaDot[row + next]); }
    t[0] = gainBack(t[0], r, o, at.n, w, wDot);
    if (IMAGES > 1) { t[1] = gainBack(t[1], r, o, images(at.n, 1), w, wDot); }
    if (IMAGES > 2) { t[2] = gainBack(t[2], r, o, images(at.n, 2), w, wDot); }
    if (IMAGES > 3) { t[3] = gainBack(t[3], r, o, images(at.n, 3), w, wDot); }
  }
  putBack(r, at, 0, t[0]);
  if (IMAGES > 1) { putBack(r, at, 1, t[1]); }
  if (IMAGES > 2) { putBack(r, at, 2, t[2]); }
  if (IMAGES > 3) { putBack(r, at, 3, t[3]); }
}

fn cotangents(r: u32, o: u32, n: u32, dot: bool) -> mat4x4f {
  return mat4x4f(
    cotangent(r, o, n, dot), cotangent(r, o + 1, n, dot),
    cotangent(r, o + 2, n, dot), cotangent(r, o + 3, n, dot),
  );
}
fn ones() -> vec4f { return vec4f(1); }

// Rows o … o+3 of w̄ at inputs c … c+3, column o of t; zero beyond the last input, so that padding stays zero.
fn putWeights(r: u32, o: u32, c: u32, t: mat4x4f) {
  if (c >= C) { return; }
  let inside = vec4u(0, 1, 2, 3) + c < vec4u(C);
  let at = r * THETA + o * row4() + c / 4;
  if (o < O) { thetaBar[at] = select(vec4f(), t[0], inside); }
  if (o + 1 < O) { thetaBar[at + row4()] = select(vec4f(), t[1], inside); }
  if (o + 2 < O) { thetaBar[at + 2 * row4()] = select(vec4f(), t[2], inside); }
  if (o + 3 < O) { thetaBar[at + 3 * row4()] = select(vec4f(), t[3], inside); }
}
// b̄[o … o+3]; zero beyond the last output.
fn putBias(r: u32, o: u32, b: vec4f) {
  if (!BIAS || o >= O) { return; }
  thetaBar[r * THETA + O * row4() + o / 4] = select(vec4f(), b, vec4u(0, 1, 2, 3) + o < vec4u(O));
}

// Tile `id` of w̄ of network r.
fn weightTile(id: u32, r: u32) {
  let tiles = (row4() + TILE - 1) / TILE;
  let c = id % tiles * TILE * 4;
  let o = id / tiles * TILE * 4;
  if (o >= O) { return; }
  var t: array<mat4x4f, 4>;  // outputs o … and o + 4 …, each at inputs c … and c + 4 …
  var b: array<vec4f, 2>;
  for (var n = 0u; n < size.N; n++) {
    let v = transpose(inputs(r, c, n, false));
    let g = cotangents(r, o, n, false);
    var vDot: mat4x4f; var gDot: mat4x4f;
    if (TANGENT) { vDot = transpose(inputs(r, c, n, true)); gDot = cotangents(r, o, n, true); }
    t[0] += product(v, vDot, g, gDot);
    b[0] += ones() * moving(g, gDot);
    if (TILE == 1) { continue; }
    let u = transpose(inputs(r, c + 4, n, false));
    let h = cotangents(r, o + 4, n, false);
    var uDot: mat4x4f; var hDot: mat4x4f;
    if (TANGENT) { uDot = transpose(inputs(r, c + 4, n, true)); hDot = cotangents(r, o + 4, n, true); }
    t[1] += product(u, uDot, g, gDot);
    t[2] += product(v, vDot, h, hDot);
    t[3] += product(u, uDot, h, hDot);
    b[1] += ones() * moving(h, hDot);
  }
  putWeights(r, o, c, t[0]);
  if (c == 0) { putBias(r, o, b[0]); }
  if (TILE == 1) { return; }
  putWeights(r, o, c + 4, t[1]);
  putWeights(r, o + 4, c, t[2]);
  putWeights(r, o + 4, c + 4, t[3]);
  if (c == 0) { putBias(r, o + 4, b[1]); }
}
// Σ n  relu(x) ȳ over four images: column o, row c.
fn product(v: mat4x4f, vDot: mat4x4f, g: mat4x4f, gDot: mat4x4f) -> mat4x4f {
  if (TANGENT) { return v * gDot + vDot * g; }
  return v * g;
}
fn moving(g: mat4x4f, gDot: mat4x4f) -> mat4x4f {
  if (TANGENT) { return gDot; }
  return g;
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  let side = 4 * TILE;
  let tiles = (row4() + TILE - 1) / TILE * ((O + side - 1) / side);
  let groups = select(0, (tiles + WG - 1) / WG, WEIGHTS);
  if (WEIGHTS && by.group.x < groups) {
    weightTile(by.group.x * WG + by.lane, by.group.y);
  } else if (INPUTS) {
    inputTile((by.group.x - groups) * WG + by.lane, by.group.y);
  }
}
