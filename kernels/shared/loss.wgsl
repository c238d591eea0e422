// uses: shared/sizes.wgsl
// loss: what losses bind, and where a network's outputs for four images stand.
//
//   z and its tangent and cotangents [R,K,N]   y [XR,K,N]: [K,N] where all networks share it
//   loss, hit, lossDot [R,N]: loss sums to the mean over COUNT images; hit is 1 where an image is right
//
// Padding images, n ≥ LIVE, add nothing. Images are innermost, four to a vec4f. An invocation handles four
// images of one network.

override K: u32;

@group(0) @binding(1) var<storage, read> z: array<vec4f>;
@group(0) @binding(2) var<storage, read> zDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> y: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> loss: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> hit: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> zBar: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> zBarDot: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> yBarDot: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> lossDot: array<vec4f>;

struct Place {
  inside: bool,
  id: u32,       // network and images
  z: u32,        // where class 0 of their outputs stands
  y: u32,        // and of their labels
  share: vec4f,  // 1 / COUNT; 0 for padding
}

fn placeOf(at: Invocation) -> Place {
  let N = size.N;
  let id = at.group.x * WG + at.lane;
  let live = vec4u(0, 1, 2, 3) + id % N * 4 < vec4u(size.LIVE);
  let share = select(vec4f(), vec4f(1 / f32(size.COUNT)), live);
  let r = id / N;
  return Place(id < size.R * N, id, r * K * N + id % N, sliceOfX(r) * K * N + id % N, share);
}

// 1 where the largest output and the largest label are of the same class, the first of equals.
fn sameLargest(at: Place) -> vec4f {
  var guess: vec4u;
  var truth: vec4u;
  var most = z[at.z];
  var mostY = y[at.y];
  for (var k = 1u; k < K; k++) {
    let value = z[at.z + k * size.N];
    let label = y[at.y + k * size.N];
    guess = select(guess, vec4u(k), value > most);
    truth = select(truth, vec4u(k), label > mostY);
    most = max(most, value);
    mostY = max(mostY, label);
  }
  return select(vec4f(), vec4f(1), guess == truth);
}
