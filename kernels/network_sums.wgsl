// uses: shared/each.wgsl
// network_sums: sums of one number or array for each network, and their mean over networks in order of r.
//
//   sum        out[r] += Σ m  a[r,m]                        a [R,COUNT]
//   quotient   out[r] += Σ m  a[r,m] / eta                  0 where eta is too small for a float
//   reduce     out[b,i] = Σ r  a[b,r,i] / R                 a [blocks][R,LENGTH], a block every FROM floats;
//                                                           out [blocks][LENGTH], every TO; COUNT is blocks·LENGTH
//
// What is computed for network r depends on it alone until `reduce`. So any division of the networks among
// machines gives the same bits.

override LENGTH: u32;
override FROM: u32;
override TO: u32;

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<uniform> eta: f32;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

fn sumOf(r: u32) -> f32 {
  var sum = 0.0;
  for (var m = 0u; m < size.COUNT; m++) { sum += a[r * size.COUNT + m]; }
  return sum;
}

@compute @workgroup_size(WG)
fn sum(by: Invocation) {
  let r = by.group.x * WG + by.lane;
  if (r < size.R) { out[r] += sumOf(r); }
}

@compute @workgroup_size(WG)
fn quotient(by: Invocation) {
  let r = by.group.x * WG + by.lane;
  if (r < size.R) { out[r] += sumOf(r) / max(eta, 1e-30); }
}

@compute @workgroup_size(WG)
fn reduce(by: Invocation) {
  for (var k = first(by); k < end(by); k += WG) {
    let start = k / LENGTH * FROM + k % LENGTH;
    var sum = 0.0;
    for (var r = 0u; r < size.R; r++) { sum += a[start + r * LENGTH]; }
    out[k / LENGTH * TO + k % LENGTH] = sum / f32(size.R);
  }
}
