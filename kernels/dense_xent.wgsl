// dense_xent: a fully connected layer (dense.wgsl, put before this) that ends in logits, and the gradient
// of softmax cross-entropy (softmax_xent.wgsl) in them, in one pass.
//
//   fwdXent   z[r,k,n] = dense(x)      z̄[r,k,n] = (s·softmax(z) − labels[k,n]) / COUNT,  s = Σ k  labels
//
//   z [R,K,N] is dense's y, K its outputs   z̄ [R,K,N]   labels [K,N], shared by all networks
//
// K is at most 16. An invocation computes all logits of four images, and reads back those it has written.

override COUNT: u32;  // images that the mean is taken over

@group(0) @binding(9) var<storage, read> labels: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> zBar: array<vec4f>;

fn logits(r: u32, n: u32) {
  var t = Tile(bias(r, 0), bias(r, 4), bias(r, 8), bias(r, 12));
  for (var c = 0u; c < row4(); c++) {
    let v = inputs(r, c * 4, n);
    t.low += v * weights(rows(r, 0, c));
    t.high += v * weights(rows(r, 4, c));
    t.lowNext += v * weights(rows(r, 8, c));
    t.highNext += v * weights(rows(r, 12, c));
  }
  put(r, 0, n, t.low);
  put(r, 4, n, t.high);
  put(r, 8, n, t.lowNext);
  put(r, 12, n, t.highNext);
}

@compute @workgroup_size(WG)
fn fwdXent(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  N = arrayLength(&y) / (groups.y * O);
  let n = group.x * WG + lane;
  if (n >= N) { return; }
  logits(group.y, n);
  let first = group.y * O * N + n;
  var most = y[first];
  var labelSum = labels[n];
  for (var k = 1u; k < O; k++) {
    most = max(most, y[first + k * N]);
    labelSum += labels[k * N + n];
  }
  var sum: vec4f;
  for (var k = 0u; k < O; k++) { sum += exp(y[first + k * N] - most); }
  let logSum = log(sum);
  for (var k = 0u; k < O; k++) {
    let p = exp(y[first + k * N] - most - logSum);
    zBar[first + k * N] = (labelSum * p - labels[k * N + n]) / f32(COUNT);
  }
}
