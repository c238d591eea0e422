// finite: what keeps a number that is none from being lost on the way to the loss, where a run finds it.
//
// A ReLU or a largest element that leaves out NaN makes of an overflow a network that is silent, and a
// division by an infinite number makes it 0. So NaN goes through both, and such divisors become NaN. They
// are told by their bits: WGSL lets comparisons assume that there is no NaN.

const INFINITE = 0x7f800000u;  // the bits of +∞; those of −∞ are 0xff800000, as i32 −8388608

// Where a ReLU is shut: x ≤ 0, but not NaN of either sign.
fn isShut(value: vec4f) -> vec4<bool> {
  let bits = bitcast<vec4i>(value);
  return (bits <= vec4i(-8388608)) | (bits == vec4i());
}

fn isNan(value: vec4f) -> vec4<bool> { return (bitcast<vec4u>(value) & vec4u(0x7fffffff)) > vec4u(INFINITE); }

// Where a value is larger than the largest so far, or NaN; nothing is larger than NaN.
fn isLarger(value: vec4f, most: vec4f) -> vec4<bool> { return ((value > most) & !isNan(most)) | isNan(value); }

// The value, with NaN for ±∞.
fn finiteOrNan(value: vec4f) -> vec4f {
  let bits = bitcast<vec4u>(value);
  return bitcast<vec4f>(select(bits, bits | vec4u(0x400000), (bits & vec4u(INFINITE)) == vec4u(INFINITE)));
}
