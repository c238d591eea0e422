// uses: shared/each.wgsl
// classes: a batch whose images stand class by class, to one batch for each class, and back.
//
//   split   out[k,i,n] = a[i, k·LIVE + n]          0 for padding, n ≥ LIVE
//   join    out[i, k·LIVE + n] = a[k,i,n]
//
//   whole [ROWS,ALL]   of classes [R,ROWS,N]
//
// Images are innermost; LIVE are those of a class without padding, N with it, ALL those of the whole with it. COUNT
// is the size of the array of classes.

override ROWS: u32;
override N: u32;
override ALL: u32;

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// Where element i of the array of classes stands in the whole; its image is not padding.
fn placeOf(i: u32) -> u32 {
  let k = i / N / ROWS;
  return i / N % ROWS * ALL + k * size.LIVE + i % N;
}

@compute @workgroup_size(WG)
fn split(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    if (i % N < size.LIVE) { out[i] = a[placeOf(i)]; } else { out[i] = 0; }
  }
}

@compute @workgroup_size(WG)
fn join(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    if (i % N < size.LIVE) { out[placeOf(i)] = a[i]; }
  }
}
