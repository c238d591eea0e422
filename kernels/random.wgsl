// uses: shared/each.wgsl
// random: counter-based random numbers, the same for a (seed, network, parameter) on every run.
//
//   drawNormal    out[r·THETA + AT + i] = SCALE · g        g ~ N(0, 1) by Box–Muller
//   drawUniform   out[r·THETA + AT + i] = SCALE · u        u ~ U[−1, 1)
//   fill          out[r·THETA + AT + i] = SCALE
//
// i runs over ROWS rows of COLUMNS elements, the rows PITCH words apart (θ pads the rows of a dense
// layer). The bits are Threefry-2x32-20 (Salmon et al. 2011) with key = (seed, network) and counter =
// (row · COLUMNS + column, STREAM). `draw` holds the seed and the number of the first of the R
// networks, so a network's numbers do not depend on which others are drawn beside it.

override ROWS: u32;
override COLUMNS: u32;
override PITCH: u32;
override THETA: u32;  // words of a network's slice of `out`
override AT: u32;
override STREAM: u32;
override SCALE: f32;

@group(0) @binding(1) var<storage, read> draw: vec2u;  // seed, first network
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

fn rotate(v: u32, by: u32) -> u32 { return (v << by) | (v >> (32 - by)); }

fn mix(v: vec2u, by: u32) -> vec2u {
  let sum = v.x + v.y;
  return vec2u(sum, rotate(v.y, by) ^ sum);
}

fn mixA(v: vec2u) -> vec2u { return mix(mix(mix(mix(v, 13), 15), 26), 6); }
fn mixB(v: vec2u) -> vec2u { return mix(mix(mix(mix(v, 17), 29), 16), 24); }

fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  let k2 = key.x ^ key.y ^ 0x1BD11BDA;
  var v = mixA(counter + key) + vec2u(key.y, k2 + 1);
  v = mixB(v) + vec2u(k2, key.x + 2);
  v = mixA(v) + vec2u(key.x, key.y + 3);
  v = mixB(v) + vec2u(key.y, k2 + 4);
  return mixA(v) + vec2u(k2, key.x + 5);
}

// Two numbers in [0, 1) with 24 bits each, for element i of all networks' rows and columns.
fn unit(i: u32) -> vec2f {
  let key = vec2u(draw.x, draw.y + i / (ROWS * COLUMNS));
  let bits = threefry(key, vec2u(i % (ROWS * COLUMNS), STREAM));
  return vec2f(bits >> vec2u(8)) * exp2(-24.0);
}

fn put(i: u32, v: f32) {
  let k = i % (ROWS * COLUMNS);
  out[i / (ROWS * COLUMNS) * THETA + AT + k / COLUMNS * PITCH + k % COLUMNS] = v;
}

@compute @workgroup_size(WG)
fn drawNormal(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let u = unit(i);
    // cos 2πu is −cos (2πu − π), whose angle lies within the range in which cosines are exact.
    let cosine = -cos(3.14159265 * (2 * u.y - 1));
    put(i, SCALE * sqrt(max(0, -2 * log(1 - u.x))) * cosine);
  }
}

@compute @workgroup_size(WG)
fn drawUniform(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { put(i, SCALE * (2 * unit(i).x - 1)); }
}

@compute @workgroup_size(WG)
fn fill(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) { put(i, SCALE); }
}
