// split_sums: the end of sums that were split into runs, for all ops of a net, in a fixed order.
//
//   g[r,i] = Σ run  partial[first + (run·R + r)·size + i − at]   where a range holds i, else thetaBar[r,i]
//
//   sum       thetaBar = g
//   descend   out = a − eta[0]·g      a gradient step; also λ ← λ − η·Hλ
//
//   thetaBar, a, out [R,P], or of one network the THETA elements from START on; four an invocation
//
// A range starts at a multiple of four and may end anywhere; THETA and START are multiples of four.

struct Range { at: u32, size: u32, first: u32, runs: u32 }  // of θ; of partial

override THETA: u32;  // floats of a network's θ
override START: u32;
override WG: u32;

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> ranges: array<Range>;
@group(0) @binding(2) var<storage, read> a: array<vec4f>;
@group(0) @binding(3) var<storage, read> eta: array<f32>;
@group(0) @binding(4) var<storage, read_write> thetaBar: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;

struct Invocation {
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
}

fn index(at: Invocation) -> u32 { return (at.group.y * at.groups.x + at.group.x) * WG + at.lane; }

// The range that holds i; of no size where none does.
fn rangeOf(i: u32) -> Range {
  var range: Range;
  for (var k = 0u; k < arrayLength(&ranges); k++) {
    if (i - ranges[k].at < ranges[k].size) { range = ranges[k]; }  // below `at` it wraps round
  }
  return range;
}

// Elements i to i + 3 of thetaBar, `g`, with the sums of the runs where `range`, that of i, holds them.
fn completed(range: Range, g: vec4f, i: u32, r: u32, networks: u32) -> vec4f {
  var sum = vec4f();
  var at = range.first + r * range.size + i - range.at;
  for (var run = 0u; run < range.runs; run++) {
    sum += vec4f(partial[at], partial[at + 1], partial[at + 2], partial[at + 3]);
    at += networks * range.size;
  }
  return select(g, sum, i - range.at + vec4u(0, 1, 2, 3) < vec4u(range.size));
}

@compute @workgroup_size(WG)
fn sum(at: Invocation) {
  let i = 4 * index(at);
  let range = rangeOf(START + i);
  if (i >= THETA || range.size == 0) { return; }
  let whole = at.group.z * THETA / 4 + index(at);
  thetaBar[whole] = completed(range, thetaBar[whole], START + i, at.group.z, at.groups.z);
}

@compute @workgroup_size(WG)
fn descend(at: Invocation) {
  let i = 4 * index(at);
  if (i >= THETA) { return; }
  let whole = at.group.z * THETA / 4 + index(at);
  let g = completed(rangeOf(START + i), thetaBar[whole], START + i, at.group.z, at.groups.z);
  out[whole] = a[whole] - eta[0] * g;
}
