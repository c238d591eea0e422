// unpool: what stood before 2 × 2 max-pooling, from what comes after it; prepended to conv2d's kernels
// but conv2d_weights.
//
// A cotangent goes back through max-pooling to its window's first largest. So the cotangents before
// pooling need not be stored: a row of them is taken from the row after pooling that it belongs to.

// For each vec4f after pooling, which of its window's four was the first largest, counted along rows:
// two bits an image.
@group(0) @binding(8) var<storage, read> argmax: array<u32>;

struct Pair { left: vec4f, right: vec4f }  // columns 2m and 2m + 1

fn places(bits: u32) -> vec4u { return (vec4u(bits) >> vec4u(0, 2, 4, 6)) & vec4u(3); }

// Row h, one of two, of the window whose value after pooling is `v`, at `at`.
fn unpool(v: vec4f, at: u32, h: u32) -> Pair {
  let place = places(argmax[at]);
  let first = vec4u(h % 2 * 2);
  return Pair(select(vec4f(), v, place == first), select(vec4f(), v, place == first + 1));
}

// Two neighbouring columns, of the first pair or one further.
fn shift(a: Pair, b: Pair, odd: bool) -> Pair {
  return Pair(select(a.left, a.right, odd), select(a.right, b.left, odd));
}
