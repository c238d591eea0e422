// weights: what the gradients of conv2d in its weights have in common; prepended to their kernels.
//
// An invocation sums one of SPLITS runs for CHANNELS output channels and, of one input channel's
// kernel, ROWS rows and TAPS taps. A run is every SPLITS-th piece of the sum, so neighbouring
// invocations take neighbouring images. `partial` is [SPLITS, R, O·(C·K·K + 1)], the biases last;
// split_sums.wgsl adds the runs.

override O: u32; override P: u32; override Q: u32;  // extents of ȳ
override K: u32; override PAD: u32;
override WG: u32;
override CHANNELS: u32;
override ROWS: u32;  // at most 5
override TANGENT: bool;
override ALONE: bool;  // whether there is one run: all invocations then load the same cotangents

@group(0) @binding(0) var<storage, read> src: array<vec4f>;
@group(0) @binding(1) var<storage, read> srcDot: array<vec4f>;
@group(0) @binding(2) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;

var<private> NETWORKS: u32;
var<private> SPLITS: u32;

struct Invocation {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
}
// Network, first output channel, input channel, first row and tap of its kernel, run.
struct Place { r: u32, o: u32, c: u32, i: u32, j: u32, run: u32 }

// Reads the sizes that are not overrides from the lengths of bindings: pipelines serve all of them.
fn measure(networks: u32) {
  NETWORKS = networks;
  N = arrayLength(&yBar) / (networks * O * P * Q);
  SPLITS = select(arrayLength(&partial) / (networks * O * (C * K * K + 1)), 1, ALONE);
}

fn tileOf(by: Invocation) -> u32 { return (by.group.x * WG + by.lane) / SPLITS; }
fn tiles() -> u32 { return C * ((K + ROWS - 1) / ROWS) * ((K + TAPS - 1) / TAPS); }
fn placeOf(by: Invocation) -> Place {
  let tile = tileOf(by);
  let rows = (K + ROWS - 1) / ROWS;
  let taps = (K + TAPS - 1) / TAPS;
  return Place(
    by.group.z, by.group.y * CHANNELS, tile / taps / rows, tile / taps % rows * ROWS,
    tile % taps * TAPS, (by.group.x * WG + by.lane) % SPLITS,
  );
}

// The columns of x from v on of the row that stands at h: zeros where it lies outside.
fn rowOf(at: Place, h: u32, v: u32, n: u32, dot: bool) -> Row {
  let row = at.r * stride() + (at.c * H + min(h, H - 1)) * V * N + n;
  return rowAt(row, select(v, 1u << 30, h >= H), dot);  // such a row has no column inside
}

// Where the run's sum for the first bias stands; weights start O·C·K·K before.
fn biasAt(at: Place) -> u32 {
  return (at.run * NETWORKS + at.r) * O * (C * K * K + 1) + O * C * K * K;
}
