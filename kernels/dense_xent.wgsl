// dense_xent: a fully connected layer (dense.wgsl, put before this) that ends in logits, and the gradient
// of softmax cross-entropy (softmax_xent.wgsl) in them, in one pass.
//
//   fwdXent   z[r,k,n] = dense(x)      z̄[r,k,n] = (s·softmax(z) − labels[k,n]) / COUNT,  s = Σ k  labels
//
//   z [R,K,N] is dense's y, K its outputs   z̄ [R,K,N]   labels [K,N], shared by all networks
//
// An invocation computes all logits of four images, 16 at a time, and reads back those it has written.

override COUNT: u32;  // images that the mean is taken over

@group(0) @binding(9) var<storage, read> labels: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> zBar: array<vec4f>;

fn logits(r: u32, o: u32, n: u32) {
  var t = Tile(bias(r, o), bias(r, o + 4), bias(r, o + 8), bias(r, o + 12));
  for (var c = 0u; c < row4(); c++) {
    let v = inputs(r, c * 4, n);
    t.low += v * weights(rows(r, o, c));
    t.high += v * weights(rows(r, o + 4, c));
    t.lowNext += v * weights(rows(r, o + 8, c));
    t.highNext += v * weights(rows(r, o + 12, c));
  }
  put(r, o, n, t.low);
  put(r, o + 4, n, t.high);
  put(r, o + 8, n, t.lowNext);
  put(r, o + 12, n, t.highNext);
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
  for (var o = 0u; o < O; o += 16) { logits(group.y, o, n); }
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
