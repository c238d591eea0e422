// uses: shared/each.wgsl, shared/finite.wgsl
// row_distance: how far apart two gradients of a weight are, row by row, for each of R networks, and what comes back
// from that. A row has the weights of one output. Far apart in direction (Zhao et al. 2021, equation 9):
//
//   d = |a|·|b| + 1e-6
//
//   distance[r,row] = 1 − ⟨a,b⟩ / d
//   u = ∂distance/∂a = ⟨a,b⟩·|b| / (|a|·d²) · a − b/d      without the first term where a is 0
//
// or, where SQUARED, in place:
//
//   distance[r,row] = |a − b|²
//   u = 2 (a − b)
//
//   a, b, u: a layer's slice of θ [R,P], rows of LENGTH floats from AT on, one every PITCH   distance [R,ROWS]
//
// COUNT is R·ROWS, the size of distance.

override P: u32;
override AT: u32;
override PITCH: u32;
override ROWS: u32;
override LENGTH: u32;
override SQUARED: bool;

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> distance: array<f32>;

@compute @workgroup_size(WG)
fn row_distance(by: Invocation) {
  for (var row = first(by); row < end(by); row += WG) {
    let start = row / ROWS * P + AT + row % ROWS * PITCH;
    if (SQUARED) {
      var sum = 0.0;
      for (var i = start; i < start + LENGTH; i++) {
        let apart = a[i] - b[i];
        sum += apart * apart;
        u[i] = 2 * apart;
      }
      distance[row] = sum;
      continue;
    }
    var squares = vec3f();  // ⟨a,a⟩, ⟨b,b⟩, ⟨a,b⟩
    for (var i = start; i < start + LENGTH; i++) {
      squares += vec3f(a[i], b[i], a[i]) * vec3f(a[i], b[i], b[i]);
    }
    let lengths = sqrt(finiteOrNan(squares.xyzz).xy);
    let d = lengths.x * lengths.y + 1e-6;
    let ab = squares.z;
    distance[row] = 1 - ab / d;
    var along = 0.0;
    if (lengths.x > 0) { along = ab / d * (lengths.y / d) / lengths.x; }
    for (var i = start; i < start + LENGTH; i++) { u[i] = along * a[i] - b[i] / d; }
  }
}
