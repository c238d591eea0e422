// random: counter-based random numbers, the same for a (seed, network, parameter) on every run.
//
//   normal    out[r·STRIDE + AT + i] = SCALE · g        g ~ N(0, 1) by Box–Muller
//   uniform   out[r·STRIDE + AT + i] = SCALE · u        u ~ U[−1, 1)
//
// i runs over ROWS rows of COLUMNS elements, the rows PITCH words apart (θ pads the rows of a dense
// layer). The bits are Threefry-2x32-20 (Salmon et al. 2011) with key = (seed, network) and counter =
// (row · COLUMNS + column, STREAM). `draw` holds the seed and the number of the first of the NETWORKS
// networks, so a network's numbers do not depend on which others are drawn beside it.

override FIRST: u32;  // number of the first element, where rows before these are drawn apart
override ROWS: u32;
override COLUMNS: u32;
override PITCH: u32;
override STRIDE: u32;
override AT: u32;
override STREAM: u32;
override SCALE: f32;
override WG: u32;

@group(0) @binding(0) var<storage, read> draw: vec2u;  // seed, first network
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

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

// Two numbers in [0, 1) with 24 bits each.
fn unit(bits: vec2u) -> vec2f { return vec2f(bits >> vec2u(8)) * exp2(-24.0); }

// Networks lie along z; x and y share the elements.
struct Place { inside: bool, counter: u32, out: u32, key: vec2u }

fn place(group: vec3u, groups: vec3u, lane: u32) -> Place {
  let i = (group.y * groups.x + group.x) * WG + lane;
  let at = group.z * STRIDE + AT + i / COLUMNS * PITCH + i % COLUMNS;
  return Place(i < ROWS * COLUMNS, FIRST + i, at, vec2u(draw.x, draw.y + group.z));
}

@compute @workgroup_size(WG)
fn normal(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = place(group, groups, lane);
  if (!at.inside) { return; }
  let u = unit(threefry(at.key, vec2u(at.counter, STREAM)));
  out[at.out] = SCALE * sqrt(max(0, -2 * log(1 - u.x))) * cos(6.2831853 * u.y);
}

@compute @workgroup_size(WG)
fn uniform(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = place(group, groups, lane);
  if (!at.inside) { return; }
  out[at.out] = SCALE * (2 * unit(threefry(at.key, vec2u(at.counter, STREAM))).x - 1);
}
