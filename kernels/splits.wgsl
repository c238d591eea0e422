// splits: the end of a sum that was split into runs, in a fixed order.
//
//   sum   thetaBar[r, AT + i] = Σ run  partial[run, r, i],  i < SIZE
//
//   partial [runs, R, SIZE]   thetaBar [R, P]

override SIZE: u32;   // sums of a network
override THETA: u32;  // floats of a network's θ
override AT: u32;     // where the sums start in it
override WG: u32;

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> thetaBar: array<f32>;

@compute @workgroup_size(WG)
fn sum(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = group.x * WG + lane;
  if (i >= SIZE) { return; }
  var sum = 0.0;
  for (var at = group.y * SIZE + i; at < arrayLength(&partial); at += groups.y * SIZE) { sum += partial[at]; }
  thetaBar[group.y * THETA + AT + i] = sum;
}
