// uses: shared/row.wgsl
// weights: what the gradients of conv2d in its parameters have in common.
//
// An invocation sums one of RUNS runs for CHANNELS output channels, at most 8, and, of one input channel's
// kernel, ROWS rows and TAPS taps. It goes down strips of images, STRIP lines of ȳ high: the rows of x that
// a line meets stay in registers for the next. A run is every RUNS-th strip, so neighbouring invocations
// take neighbouring images. `partial` is [RUNS,R,THETA], as θ: w [O,C,K,K], then b [O]; split_sums.wgsl adds
// the runs.

override O: u32; override P: u32; override Q: u32;  // extents of ȳ
override K: u32; override PAD: u32;
override THETA: u32;
override CHANNELS: u32;
override ROWS: u32;   // at most 5; 1 with a stride
override STRIP: u32;
override TANGENT: bool;

@group(0) @binding(1) var<storage, read> src: array<vec4f>;  // x
@group(0) @binding(2) var<storage, read> srcDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(4) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partial: array<f32>;

alias Taps = array<f32, 5>;   // sums for the taps of a row of a channel's kernel
alias Sums = array<Taps, 5>;  // for its rows
struct Channel { sums: Sums, bias: f32 }

// Network, first output channel, input channel, first row and tap of its kernel, run.
struct Place { r: u32, o: u32, c: u32, i: u32, j: u32, run: u32 }

fn isInside(by: Invocation) -> bool { return (by.group.x * WG + by.lane) / size.RUNS < C * rowTiles() * tapTiles(); }
fn rowTiles() -> u32 { return (K + ROWS - 1) / ROWS; }
fn tapTiles() -> u32 { return (K + TAPS - 1) / TAPS; }
fn placeOf(by: Invocation) -> Place {
  let id = by.group.x * WG + by.lane;
  let tile = id / size.RUNS;
  let line = tile / tapTiles();
  return Place(
    by.group.z, by.group.y * CHANNELS, line / rowTiles(), line % rowTiles() * ROWS,
    tile % tapTiles() * TAPS, id % size.RUNS,
  );
}

// Images, first column of ȳ and first line of a strip.
struct Strip { n: u32, q: u32, p: u32 }

fn stripAt(k: u32, columns: u32) -> Strip {
  let tiles = (Q + columns - 1) / columns;
  let line = k / size.N;
  return Strip(k % size.N, line % tiles * columns, line / tiles * STRIP);
}
// Strips of a run, of all that there are.
fn stripsOf(run: u32, columns: u32) -> u32 {
  let all = size.N * ((Q + columns - 1) / columns) * ((P + STRIP - 1) / STRIP);
  return (all + size.RUNS - 1 - run) / size.RUNS;
}

// The columns of x from v on of row h; zeros where that lies outside.
fn columnsOf(at: Place, h: u32, v: u32, n: u32, dot: bool) -> Row {
  let row = ((sliceOfX(at.r) * C + at.c) * H + min(h, H - 1)) * V * size.N + n;
  return rowAt(row, select(v, 1u << 30, h >= H), dot);  // such a row has no column inside
}

// Plane of ȳ of the invocation's channel m; beyond the last it repeats it.
fn planeOf(at: Place, m: u32) -> u32 { return at.r * O + min(at.o + m, O - 1); }

// Writes what an invocation has summed.
fn putChannels(at: Place, t: ptr<function, array<Channel, 8>>) {
  putChannel(at, 0, (*t)[0].sums, (*t)[0].bias);
  if (CHANNELS > 1) { putChannel(at, 1, (*t)[1].sums, (*t)[1].bias); }
  if (CHANNELS > 2) { putChannel(at, 2, (*t)[2].sums, (*t)[2].bias); }
  if (CHANNELS > 3) { putChannel(at, 3, (*t)[3].sums, (*t)[3].bias); }
  if (CHANNELS > 4) { putChannel(at, 4, (*t)[4].sums, (*t)[4].bias); }
  if (CHANNELS > 5) { putChannel(at, 5, (*t)[5].sums, (*t)[5].bias); }
  if (CHANNELS > 6) { putChannel(at, 6, (*t)[6].sums, (*t)[6].bias); }
  if (CHANNELS > 7) { putChannel(at, 7, (*t)[7].sums, (*t)[7].bias); }
}
fn putChannel(at: Place, m: u32, t: Sums, bias: f32) {
  let o = at.o + m;
  if (o >= O) { return; }
  let base = (at.run * size.R + at.r) * THETA;
  let w = base + ((o * C + at.c) * K + at.i) * K + at.j;
  putRow(at, 0, w, t[0]);
  if (ROWS > 1) { putRow(at, 1, w + K, t[1]); }
  if (ROWS > 2) { putRow(at, 2, w + 2 * K, t[2]); }
  if (ROWS > 3) { putRow(at, 3, w + 3 * K, t[3]); }
  if (ROWS > 4) { putRow(at, 4, w + 4 * K, t[4]); }
  if (at.c + at.i + at.j == 0) { partial[base + O * C * K * K + o] = bias; }
}
fn putRow(at: Place, i: u32, w: u32, t: Taps) {
  if (at.i + i >= K) { return; }
  partial[w] = t[0];
  if (TAPS > 1 && at.j + 1 < K) { partial[w + 1] = t[1]; }
  if (TAPS > 2 && at.j + 2 < K) { partial[w + 2] = t[2]; }
  if (TAPS > 3 && at.j + 3 < K) { partial[w + 3] = t[3]; }
  if (TAPS > 4 && at.j + 4 < K) { partial[w + 4] = t[4]; }
}
