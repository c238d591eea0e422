// max_pool: the largest of each SIZE × SIZE window, stride SIZE.
//
//   fwd    y[r,c,p,q,n] = max i,j  x[r,c,SIZE·p+i,SIZE·q+j,n]
//   vjp    x̄[r,c,h,v,n] = ȳ[r,c,h/SIZE,v/SIZE,n] where x is its window's first largest, 0 elsewhere
//   jvp    ẏ[r,c,p,q,n] = ẋ at its window's first largest x
//
//   x, x̄ [R,C,H,V,N]   y, ȳ [R,C,P,Q,N],  P = H / SIZE
//
// Kind: gated (linear, given which x is largest). Images are innermost, four to a vec4f. An invocation
// handles one window of four images.

override PLANES: u32;  // R·C
override P: u32;
override Q: u32;
override SIZE: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> yDot: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> xBar: array<vec4f>;

var<private> N: u32;  // vec4s of images

// Where the window of output `id` starts in x.
fn corner(id: u32) -> u32 {
  let n = id % N;
  let q = id / N % Q;
  let row = id / N / Q;  // (plane, p): P rows of SIZE lines a plane
  return (row * SIZE * Q * SIZE + q * SIZE) * N + n;
}

fn element(at: u32, k: u32) -> u32 { return at + (k / SIZE * Q * SIZE + k % SIZE) * N; }

fn largest(at: u32) -> vec4f {
  var most = x[at];
  for (var k = 1u; k < SIZE * SIZE; k++) { most = max(most, x[element(at, k)]); }
  return most;
}

fn index(group: vec3u, groups: vec3u, lane: u32) -> u32 { return (group.y * groups.x + group.x) * WG + lane; }

@compute @workgroup_size(WG)
fn fwd(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = index(group, groups, lane);
  if (id >= arrayLength(&y)) { return; }
  N = arrayLength(&y) / (PLANES * P * Q);
  y[id] = largest(corner(id));
}

@compute @workgroup_size(WG)
fn jvp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = index(group, groups, lane);
  if (id >= arrayLength(&yDot)) { return; }
  N = arrayLength(&yDot) / (PLANES * P * Q);
  let at = corner(id);
  let most = largest(at);
  var dot: vec4f;
  for (var k = SIZE * SIZE; k > 0; k--) {  // downwards, so that the first largest is the last to write
    let e = element(at, k - 1);
    dot = select(dot, xDot[e], x[e] == most);
  }
  yDot[id] = dot;
}

@compute @workgroup_size(WG)
fn vjp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = index(group, groups, lane);
  if (id >= arrayLength(&yBar)) { return; }
  N = arrayLength(&yBar) / (PLANES * P * Q);
  let at = corner(id);
  let most = largest(at);
  var left = yBar[id];  // zero once it has found its place
  for (var k = 0u; k < SIZE * SIZE; k++) {
    let e = element(at, k);
    let hit = x[e] == most;
    xBar[e] = select(vec4f(), left, hit);
    left = select(left, vec4f(), hit);
  }
}
