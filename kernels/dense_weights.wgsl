// dense_weights: the gradient of a fully connected layer (see dense) in its weights and bias.
//
//   vjpW   w̄[r,o,c] = Σ n  ȳ[r,o,n] · relu(x)[r,c,n]      b̄[r,o] = Σ n  ȳ[r,o,n]
//
// With TANGENT each product a·b becomes ȧ·b + a·ḃ. Layouts are dense's. An invocation computes a tile of
// 4·TILE outputs × 4·TILE inputs; those of the first inputs compute the bias too.
//
//   vjp    vjpW in the first workgroups, dense.wgsl's vjpX in the others

override TILE: u32;  // 1 or 2

// ȳ (or ȳ˙) of four outputs and images.
fn cotangents(r: u32, o: u32, n: u32, dot: bool) -> mat4x4f {
  let at = (r * O + min(vec4u(o, o + 1, o + 2, o + 3), vec4u(O - 1))) * N + n;
  if (dot) { return mat4x4f(yBarDot[at.x], yBarDot[at.y], yBarDot[at.z], yBarDot[at.w]); }
  return mat4x4f(yBar[at.x], yBar[at.y], yBar[at.z], yBar[at.w]);
}

// Σ n  relu(x) ȳ over four images: column o, row c.
fn product(r: u32, o: u32, c: u32, n: u32) -> mat4x4f {
  let g = cotangents(r, o, n, false);
  let v = transpose(inputs(r, c, n));
  if (!TANGENT) { return v * g; }
  return v * cotangents(r, o, n, true) + transpose(inputsDot(r, c, n)) * g;
}

// Rows o…o+3 of w̄ at inputs c…c+3; zero beyond the last input, so that θ's padding stays zero.
fn putWeights(r: u32, o: u32, c: u32, t: mat4x4f) {
  if (c >= C) { return; }
  let inside = vec4u(0, 1, 2, 3) + c < vec4u(C);
  for (var k = 0u; k < 4 && o + k < O; k++) {
    let at = (r * THETA + AT + (o + k) * row4()) * 4 + c;
    let row = select(vec4f(), t[k], inside);
    putThetaBar(at, row.x);
    putThetaBar(at + 1, row.y);
    putThetaBar(at + 2, row.z);
    putThetaBar(at + 3, row.w);
  }
}
fn putBias(r: u32, o: u32, b: vec4f) {
  let at = (r * THETA + AT + O * row4()) * 4 + o;
  for (var k = 0u; k < 4 && o + k < O; k++) { putThetaBar(at + k, b[k]); }
}

@compute @workgroup_size(WG)
fn vjpW(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&yBar) / (groups.y * O);
  weightTile(group.x * WG + lane, group.y);
}

@compute @workgroup_size(WG)
fn vjp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&yBar) / (groups.y * O);
  let side = 4 * TILE;
  let first = ((row4() + TILE - 1) / TILE * ((O + side - 1) / side) + WG - 1) / WG;
  if (group.x < first) {
    weightTile(group.x * WG + lane, group.y);
  } else {
    inputTile((group.x - first) * WG + lane, group.y);
  }
}

// Tile `id` of w̄ of network r.
fn weightTile(id: u32, r: u32) {
  let tiles = (row4() + TILE - 1) / TILE;
  let c = id % tiles * TILE * 4;
  let o = id / tiles * TILE * 4;
  if (o >= O) { return; }
  var low: mat4x4f; var lowNext: mat4x4f; var high: mat4x4f; var highNext: mat4x4f;
  var bias: vec4f; var biasHigh: vec4f;
  for (var n = 0u; n < N; n++) {
    low += product(r, o, c, n);
    bias += vec4f(1) * cotangents(r, o, n, TANGENT);
    if (TILE > 1) {
      lowNext += product(r, o, c + 4, n);
      high += product(r, o + 4, c, n);
      highNext += product(r, o + 4, c + 4, n);
      biasHigh += vec4f(1) * cotangents(r, o + 4, n, TANGENT);
    }
  }
  putWeights(r, o, c, low);
  if (c == 0) { putBias(r, o, bias); }
  if (TILE == 1) { return; }
  putWeights(r, o, c + 4, lowNext);
  putWeights(r, o + 4, c, high);
  putWeights(r, o + 4, c + 4, highNext);
  if (c == 0) { putBias(r, o + 4, biasHigh); }
}
