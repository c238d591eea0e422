// uses: shared/each.wgsl
// ntk_mean: means over pixels, by which a layer of weights turns covariances into those of its outputs.
//
//   window  out[r,p,n] = BIAS + SCALE · mean of a[r,q,n] over the 3 × 3 pixels q around p + add[r,p,n]
//   all     out[r,n]   = BIAS + SCALE · mean of a[r,p,n] over all pixels p              + add[r,n]
//   spread  out[r,p,n] = SCALE / P · a[r,n] + add[r,p,n]      the transpose of `all`; `window` is its own
//   rows    out[k,i]   = Σ of a[r,i] over ROWS rows r from k·ROWS on; R rows in all, LENGTH vec4s each
//
// Pixels outside of the image count as 0. Where ADDS is false nothing is added. N counts vec4s.

override H: u32;
override V: u32;
override N: u32;
override SCALE: f32;
override BIAS: f32;
override ADDS: bool;
override ROWS: u32;
override LENGTH: u32;

@group(0) @binding(1) var<storage, read> a: array<vec4f>;
@group(0) @binding(2) var<storage, read> add: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;

fn added(i: u32) -> vec4f {
  if (ADDS) { return add[i]; }
  return vec4f();
}

@compute @workgroup_size(WG)
fn window(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let h = i / (N * V) % H;
    let v = i / N % V;
    let row = N * V;
    var sum = vec4f();
    if (h > 0) { sum += threeOf(i - row, v); }
    sum += threeOf(i, v);
    if (h + 1 < H) { sum += threeOf(i + row, v); }
    out[i] = BIAS + SCALE / 9 * sum + added(i);
  }
}

// Column v of a row and the columns beside it.
fn threeOf(i: u32, v: u32) -> vec4f {
  var sum = a[i];
  if (v > 0) { sum += a[i - N]; }
  if (v + 1 < V) { sum += a[i + N]; }
  return sum;
}

@compute @workgroup_size(WG)
fn all(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    var sum = vec4f();
    for (var p = 0u; p < H * V; p++) { sum += a[(i / N * H * V + p) * N + i % N]; }
    out[i] = BIAS + SCALE / f32(H * V) * sum + added(i);
  }
}

@compute @workgroup_size(WG)
fn spread(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    out[i] = SCALE / f32(H * V) * a[i / (N * H * V) * N + i % N] + added(i);
  }
}

@compute @workgroup_size(WG)
fn rows(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let start = i / LENGTH * ROWS;
    var sum = vec4f();
    for (var r = start; r < min(start + ROWS, size.R); r++) { sum += a[r * LENGTH + i % LENGTH]; }
    out[i] = sum;
  }
}
