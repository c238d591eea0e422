// overlap_pool: the largest of each SIZE × SIZE window of x; windows stand STRIDE apart, the first PAD
// outside of x, where nothing is ever the largest.
//
//   fwd    y[r,c,p,q,n] = max i,j  x[r,c,STRIDE·p+i−PAD,STRIDE·q+j−PAD,n]
//   first  k[r,c,p,q,n] = i·SIZE + j of its window's first largest x, in row-major order
//   jvp    ẏ[r,c,p,q,n] = ẋ at its window's first largest x
//   vjp    x̄[r,c,h,v,n] = Σ p,q  ȳ[r,c,p,q,n] over the windows that x is the first largest of
//
//   x, x̄ [R,C,H,V,N]   y, ȳ, k [R,C,P,Q,N],  P = ⌊(H + 2·PAD − SIZE) / STRIDE⌋ + 1
//
// Kind: gated (linear, given which x is largest). Images are innermost, four to a vec4f. An invocation
// handles one window of four images; in vjp one x of four images, which gathers from the windows that it
// lies in, because these overlap and WGSL has no atomic addition of f32. It asks `first`, run before, for
// each: to look through every window again would read an x of 3 × 3 windows 20 times instead of 2.

override H: u32; override V: u32;  // extents of x
override P: u32; override Q: u32;  // extents of y
override PLANES: u32;              // R·C
override SIZE: u32;
override STRIDE: u32;
override PAD: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> yDot: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> firsts: array<vec4u>;  // k

const LOWEST = -3.40282347e+38;

var<private> N: u32;  // vec4s of images

struct Window { plane: u32, p: u32, q: u32, n: u32 }

fn window(id: u32) -> Window { return Window(id / N / Q / P, id / N / Q % P, id / N % Q, id % N); }

// Element k of a window, in row-major order: where it stands in x, or OUTSIDE.
const OUTSIDE = 0xffffffffu;
fn element(w: Window, k: u32) -> u32 {
  let h = STRIDE * w.p + k / SIZE - PAD;  // above the first row it wraps round
  let v = STRIDE * w.q + k % SIZE - PAD;
  return select(OUTSIDE, ((w.plane * H + h) * V + v) * N + w.n, h < H && v < V);
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
  let w = window(id);
  var most = vec4f(LOWEST);
  for (var k = 0u; k < SIZE * SIZE; k++) {
    let e = element(w, k);
    if (e != OUTSIDE) { most = max(most, x[e]); }
  }
  y[id] = most;
}

@compute @workgroup_size(WG)
fn first(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = index(group, groups, lane);
  if (id >= arrayLength(&firsts)) { return; }
  N = arrayLength(&firsts) / (PLANES * P * Q);
  let w = window(id);
  var most = vec4f(LOWEST);
  var at: vec4u;
  for (var k = 0u; k < SIZE * SIZE; k++) {
    let e = element(w, k);
    if (e == OUTSIDE) { continue; }
    let larger = x[e] > most;  // so the first of equals stays
    most = select(most, x[e], larger);
    at = select(at, vec4u(k), larger);
  }
  firsts[id] = at;
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
  let w = window(id);
  var most = vec4f(LOWEST);
  var dot: vec4f;
  for (var k = 0u; k < SIZE * SIZE; k++) {
    let e = element(w, k);
    if (e == OUTSIDE) { continue; }
    let larger = x[e] > most;  // so the first of equals stays
    most = select(most, x[e], larger);
    dot = select(dot, xDot[e], larger);
  }
  yDot[id] = dot;
}

// The windows of a side that reach `at`: the first, and the first beyond; `most` windows in all.
fn reach(at: u32, most: u32) -> vec2u {
  let first = select(0, (at + PAD - SIZE) / STRIDE + 1, at + PAD >= SIZE);
  return vec2u(first, min((at + PAD) / STRIDE + 1, most));
}

@compute @workgroup_size(WG)
fn vjp(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let id = index(group, groups, lane);
  if (id >= arrayLength(&xBar)) { return; }
  N = arrayLength(&xBar) / (PLANES * H * V);
  let n = id % N;
  let v = id / N % V;
  let h = id / N / V % H;
  let plane = id / N / V / H;
  let rows = reach(h, P);
  let columns = reach(v, Q);
  let windows = (SIZE + STRIDE - 1) / STRIDE;  // along a side, at most
  var sum: vec4f;
  for (var k = 0u; k < windows * windows; k++) {
    let p = rows.x + k / windows;
    let q = columns.x + k % windows;
    if (p >= rows.y || q >= columns.y) { continue; }
    let own = (h + PAD - STRIDE * p) * SIZE + v + PAD - STRIDE * q;  // where in the window x is
    let at = ((plane * P + p) * Q + q) * N + n;
    sum += select(vec4f(), yBar[at], firsts[at] == vec4u(own));
  }
  xBar[id] = sum;
}
