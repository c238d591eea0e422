// uses: shared/each.wgsl
// pack: images and labels, chosen by index, into the layout and the range that networks read.
//
//   images     x[c,h,v,n] = (bytes[i,c,h,v] / 255 − mean[c]) / std[c],  i = indices[n]
//              or, where images are FLOATS, which are normalised before, x[c,h,v,n] = floats[i,c,h,v]
//   crop_flip  x[c,h,v,n] = the same of bytes[i,c,m(h + dh, H),m(w + dv, V)],  w = v, or V − 1 − v if
//              flipped; m(j, L) = j mirrored at 0 and L − 1: a crop of the image reflected at its borders
//   labels     y[k,n] = 1 where bytes[i] = k, else 0
//
//   bytes [·,C,PLANE] or [·], four to a u32, a float to a u32   indices [LIVE]   scale [C]: mean and std as vec2f
//   moves [LIVE]: dh, dv, flip in a byte each, dh and dv with their sign; |dh| < H, |dv| < V
//   x [C,PLANE,N]   y [K,N]; both are 0 for padding images n ≥ LIVE
//
// Images are innermost, four to a vec4f; N counts vec4s. An element is one vec4f.

override C: u32;
override PLANE: u32;  // H·V
override V: u32;
override FLOATS: bool = false;

@group(0) @binding(1) var<storage, read> bytes: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> scale: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<storage, read> moves: array<u32>;

// Byte i, or the bits of float i.
fn word(i: u32) -> u32 {
  if (FLOATS) { return bytes[i]; }
  return (bytes[i / 4] >> (i % 4 * 8)) & 0xFF;
}

// A word of each of four images of `length` words.
fn four(n: vec4u, length: u32, at: vec4u) -> vec4u {
  let i = min(n, vec4u(size.LIVE - 1));
  return vec4u(
    word(indices[i.x] * length + at.x), word(indices[i.y] * length + at.y),
    word(indices[i.z] * length + at.z), word(indices[i.w] * length + at.w),
  );
}

// Pixels `at` of four images, 0 for padding images.
fn normalized(n: vec4u, c: u32, at: vec4u) -> vec4f {
  let norm = scale[c];
  let words = four(n, C * PLANE, at);
  var v = bitcast<vec4f>(words);
  if (!FLOATS) { v = (vec4f(words) / 255 - norm.x) / norm.y; }
  return select(vec4f(), v, n < vec4u(size.LIVE));
}

@compute @workgroup_size(WG)
fn images(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let n = vec4u(0, 1, 2, 3) + id % size.N * 4;
    let at = id / size.N;
    x[id] = normalized(n, at / PLANE, vec4u(at));
  }
}

// The border pixel itself is not repeated.
fn mirrored(i: vec4i, side: i32) -> vec4u { return vec4u(min(abs(i), 2 * (side - 1) - abs(i))); }

@compute @workgroup_size(WG)
fn crop_flip(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let n = vec4u(0, 1, 2, 3) + id % size.N * 4;
    let at = id / size.N;
    let i = min(n, vec4u(size.LIVE - 1));
    let moved = vec4i(vec4u(moves[i.x], moves[i.y], moves[i.z], moves[i.w]));
    let h = i32(at % PLANE / V);
    let v = i32(at % V);
    let w = select(vec4i(v), vec4i(i32(V) - 1 - v), extractBits(moved, 16, 1) != vec4i());
    let row = mirrored(h + extractBits(moved, 0, 8), i32(PLANE / V));
    let column = mirrored(w + extractBits(moved, 8, 8), i32(V));
    x[id] = normalized(n, at / PLANE, at / PLANE * PLANE + row * V + column);
  }
}

@compute @workgroup_size(WG)
fn labels(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let n = vec4u(0, 1, 2, 3) + id % size.N * 4;
    let hit = four(n, 1, vec4u()) == vec4u(select(id / size.N, 1, C == 1));
    y[id] = select(vec4f(), vec4f(1), hit & (n < vec4u(size.LIVE)));
  }
}
