// unpool: what came back to a 2 × 2 max-pooling, taken to where the maxima stood.
//
// A cotangent goes back through max-pooling to the first largest of its window. So the cotangents before
// pooling need not be stored: a row of them is made of the row after pooling that it belongs to.

// For each vec4f after pooling, which of its window's four was the first largest, counted along rows:
// two bits an image.
@group(0) @binding(8) var<storage, read> argmax: array<u32>;

struct Pair { left: vec4f, right: vec4f }  // neighbouring columns of a window

fn placesOf(bits: u32) -> vec4u { return (vec4u(bits) >> vec4u(0, 2, 4, 6)) & vec4u(3); }

// Row h, one of two, of the window whose value after pooling is `v`, at `at`.
fn unpool(v: vec4f, at: u32, h: u32) -> Pair {
  let place = placesOf(argmax[at]);
  let first = vec4u(h % 2 * 2);
  return Pair(select(vec4f(), v, place == first), select(vec4f(), v, place == first + 1));
}
