// uses: shared/each.wgsl
// siamese: one augmentation of all images of a batch, linear in the images but for an offset of their brightness, and
// its transpose (Zhao & Bilen 2021). Which augmentation it is, and how far it goes, is in `draw`:
//
//   colours   y = k·(s·x + (1−s)·C x) + (1−k)·M x + offset       C the mean over channels, M the mean of an image
//   places    y[c,p] = Σ q  hat(A(p)−q)·x[c,q], 0 inside the cut
//             A(p) is an affine map of rows and columns, hat(t) = max(0, 1−|t₀|)·max(0, 1−|t₁|); x is 0 outside
//
//   forward     y of x       transpose   x of y, without the offset       means   mean[n] = (M x)[n]
//
// C and M are projections, so colours are their own transpose. For places, pixel q gathers from all p with
// |A(p)−q| < 1, which lie no further than `reach` from A⁻¹(q).
//
//   src, dst [C,H,V,N]   mean [N], of src
//
// Images are innermost, four to a vec4f; padding images n ≥ LIVE stay 0. COUNT is the size of dst.

override C: u32;
override H: u32;
override V: u32;

struct Draw {
  coloured: u32,               // whether colours change, not places
  offset: f32, s: f32, k: f32,
  to_row: vec3f,               // A: row and column are ⟨to_row, (h, v, 1)⟩ and ⟨to_column, (h, v, 1)⟩
  reach_row: f32,
  to_column: vec3f,
  reach_column: f32,
  from_row: vec3f,             // A⁻¹
  top: f32,                    // the cut: rows from top to before bottom, columns from left to before right
  from_column: vec3f,
  bottom: f32,
  left: f32,
  right: f32,
}

@group(0) @binding(1) var<storage, read> draw: Draw;
@group(0) @binding(2) var<storage, read> src: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dst: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> mean: array<vec4f>;

@compute @workgroup_size(WG)
fn means(by: Invocation) {
  if (draw.coloured == 0) { return; }
  for (var n = first(by); n < end(by); n += WG) {
    var sum = vec4f();
    for (var i = 0u; i < C * H * V; i++) { sum += src[i * size.N + n]; }
    mean[n] = sum / f32(C * H * V);
  }
}

// A pixel of dst with other colours, `offset` added.
fn coloured(id: u32, offset: f32) -> vec4f {
  let plane = H * V * size.N;
  var grey = vec4f();
  for (var c = 0u; c < C; c++) { grey += src[c * plane + id % plane]; }
  grey /= f32(C);
  let value = draw.k * (draw.s * src[id] + (1 - draw.s) * grey);
  let live = vec4u(0, 1, 2, 3) + id % size.N * 4 < vec4u(size.LIVE);
  return select(vec4f(), value + (1 - draw.k) * mean[id % size.N] + offset, live);
}

// A(p): where pixel p = (h, v) of y is taken from.
fn source(p: vec2f) -> vec2f {
  let at = vec3f(p, 1);
  return vec2f(dot(draw.to_row, at), dot(draw.to_column, at));
}
fn hat(t: vec2f) -> f32 {
  let shares = max(vec2f(), 1 - abs(t));
  return shares.x * shares.y;
}
fn isCut(p: vec2f) -> bool {
  return p.x >= draw.top && p.x < draw.bottom && p.y >= draw.left && p.y < draw.right;
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    if (draw.coloured == 1) {
      dst[id] = coloured(id, draw.offset);
      continue;
    }
    let n = id % size.N;
    let pixel = id / size.N % (H * V);
    let start = id / size.N - pixel;
    let p = vec2f(f32(pixel / V), f32(pixel % V));
    let at = source(p);
    let corner = vec2i(floor(at));
    var sum = vec4f();
    for (var i = 0; i < 4; i++) {
      let q = corner + vec2i(i / 2, i % 2);
      if (isCut(p) || any(q < vec2i()) || any(q >= vec2i(i32(H), i32(V)))) { continue; }
      sum += hat(at - vec2f(q)) * src[(start + u32(q.x) * V + u32(q.y)) * size.N + n];
    }
    dst[id] = sum;
  }
}

@compute @workgroup_size(WG)
fn transpose(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    if (draw.coloured == 1) {
      dst[id] = coloured(id, 0);
      continue;
    }
    let n = id % size.N;
    let pixel = id / size.N % (H * V);
    let start = id / size.N - pixel;
    let q = vec2f(f32(pixel / V), f32(pixel % V));
    let centre = vec2f(dot(draw.from_row, vec3f(q, 1)), dot(draw.from_column, vec3f(q, 1)));
    let reach = vec2f(draw.reach_row, draw.reach_column);
    let low = max(vec2i(), vec2i(ceil(centre - reach)));
    let high = min(vec2i(i32(H), i32(V)) - 1, vec2i(floor(centre + reach)));
    var sum = vec4f();
    for (var h = low.x; h <= high.x; h++) {
      for (var v = low.y; v <= high.y; v++) {
        let p = vec2f(f32(h), f32(v));
        if (isCut(p)) { continue; }
        sum += hat(source(p) - q) * src[(start + u32(h) * V + u32(v)) * size.N + n];
      }
    }
    dst[id] = sum;
  }
}
