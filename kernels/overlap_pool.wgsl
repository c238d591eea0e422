// overlap_pool: the largest of each SIZE × SIZE window of x; windows stand STRIDE apart, the first PAD
// outside of x, where nothing is ever the largest.
//
//   fwd    y[r,c,p,q,n] = max i,j  x[r,c,STRIDE·p+i−PAD,STRIDE·q+j−PAD,n]
//   jvp    ẏ[r,c,p,q,n] = ẋ at its window's first largest x, in row-major order
//   vjp    x̄[r,c,h,v,n] = Σ p,q  ȳ[r,c,p,q,n] over the windows whose first largest is x[r,c,h,v,n]
//
//   x, x̄ [R,C,H,V,N]   y, ȳ [R,C,P,Q,N],  P = ⌊(H + 2·PAD − SIZE) / STRIDE⌋ + 1
//
// Kind: gated (linear, given which x is largest). Images are innermost, four to a vec4f. An invocation
// handles one window of four images; in vjp one x of four images, which gathers from every window that
// it lies in, because windows overlap and WGSL has no atomic addition of f32.

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

// The first window that reaches `at`, and how many do: along one side of x, `most` windows in all.
fn reach(at: u32, most: u32) -> vec2u {
  let first = select(0, (at + PAD - SIZE) / STRIDE + 1, at + PAD >= SIZE);
  let end = min((at + PAD) / STRIDE + 1, most);
  return vec2u(first, max(first, end) - first);
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
  let plane = id / N / V / H;
  let rows = reach(id / N / V % H, P);
  let columns = reach(id / N % V, Q);
  let own = x[id];
  var first: vec4<bool>;  // whether x is its window's first largest, as far as has been seen
  var sum: vec4f;
  for (var k = 0u; k < rows.y * columns.y * SIZE * SIZE; k++) {  // one loop: nested ones are slower
    let tap = k % (SIZE * SIZE);
    let t = k / (SIZE * SIZE);
    let w = Window(plane, rows.x + t / columns.y, columns.x + t % columns.y, id % N);
    let e = element(w, tap);
    if (tap == 0) { first = vec4<bool>(true); }
    if (e != OUTSIDE) { first &= select(x[e] <= own, x[e] < own, vec4<bool>(e < id)); }
    if (tap == SIZE * SIZE - 1) {
      sum += select(vec4f(), yBar[((plane * P + w.p) * Q + w.q) * N + w.n], first);
    }
  }
  xBar[id] = sum;
}
