// uses: shared/each.wgsl
// ntk_products: products of images, pixel by pixel, and the way back to one side of them.
//
//   products  out[a,p,n]  = 1/C Σ_c left[c,p,a] x[c,p,n]
//   squares   out[p,n]    = 1/C Σ_c x[c,p,n]²
//   back      xBar[c,p,n] += 1/C Σ_a left[c,p,a] outBar[a,p,n] + 2/C squaresBar[p,n] x[c,p,n]
//
//   left [C,P,A]   x, xBar [C,P,N]   out, outBar [A,P,N]   squaresBar [P,N]
//
// Images are innermost, four to a vec4f; A and N count vec4s. A fully connected network sees an image as C numbers of
// one pixel, P = 1.
//
// A load costs a software adapter as much as many products, so four images of `left` meet TILE = 4 vec4s of x at a
// time, and on the way back eight channels two vec4s, with 16 sums in registers. The lines are written out: a loop over an array would keep it in
// memory.

override C: u32;
override P: u32;
override A: u32;
override N: u32;

@group(0) @binding(1) var<storage, read> left: array<vec4f>;
@group(0) @binding(2) var<storage, read> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(4) var<storage, read> outBar: array<vec4f>;
@group(0) @binding(5) var<storage, read> squaresBar: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> xBar: array<vec4f>;

const TILE = 4u;
const CHANNELS = 8u;  // of an element of `back`

fn tiles(count: u32) -> u32 { return (count + TILE - 1) / TILE; }

// An element: four images of `left`, one pixel, four vec4s of x.
@compute @workgroup_size(WG)
fn products(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let n = id % tiles(N) * TILE;
    let p = id / tiles(N) % P;
    let a = id / tiles(N) / P;
    let last = N - 1;
    let n1 = min(n + 1, last);
    let n2 = min(n + 2, last);
    let n3 = min(n + 3, last);
    var s = array<vec4f, 16>();
    for (var c = 0u; c < C; c++) {
      let l = left[(c * P + p) * A + a];
      let row = (c * P + p) * N;
      let x0 = x[row + n];
      let x1 = x[row + n1];
      let x2 = x[row + n2];
      let x3 = x[row + n3];
      s[0] += l.x * x0;
      s[1] += l.x * x1;
      s[2] += l.x * x2;
      s[3] += l.x * x3;
      s[4] += l.y * x0;
      s[5] += l.y * x1;
      s[6] += l.y * x2;
      s[7] += l.y * x3;
      s[8] += l.z * x0;
      s[9] += l.z * x1;
      s[10] += l.z * x2;
      s[11] += l.z * x3;
      s[12] += l.w * x0;
      s[13] += l.w * x1;
      s[14] += l.w * x2;
      s[15] += l.w * x3;
    }
    let scale = 1 / f32(C);
    let to = (4 * a * P + p) * N;  // of the first of the four images
    let next = P * N;
    out[to + n] = scale * s[0];
    out[to + next + n] = scale * s[4];
    out[to + 2 * next + n] = scale * s[8];
    out[to + 3 * next + n] = scale * s[12];
    if (n + 1 < N) {
      out[to + n1] = scale * s[1];
      out[to + next + n1] = scale * s[5];
      out[to + 2 * next + n1] = scale * s[9];
      out[to + 3 * next + n1] = scale * s[13];
    }
    if (n + 2 < N) {
      out[to + n2] = scale * s[2];
      out[to + next + n2] = scale * s[6];
      out[to + 2 * next + n2] = scale * s[10];
      out[to + 3 * next + n2] = scale * s[14];
    }
    if (n + 3 < N) {
      out[to + n3] = scale * s[3];
      out[to + next + n3] = scale * s[7];
      out[to + 2 * next + n3] = scale * s[11];
      out[to + 3 * next + n3] = scale * s[15];
    }
  }
}

// An element: one pixel, one vec4 of x.
@compute @workgroup_size(WG)
fn squares(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    var sum = vec4f();
    for (var c = 0u; c < C; c++) {
      let value = x[c * P * N + id];
      sum += value * value;
    }
    out[id] = sum / f32(C);
  }
}

// An element: eight channels of one pixel, two vec4s of x.
@compute @workgroup_size(WG)
fn back(by: Invocation) {
  let pairs = (N + 1) / 2;
  for (var id = first(by); id < end(by); id += WG) {
    let n = id % pairs * 2;
    let n1 = min(n + 1, N - 1);
    let p = id / pairs % P;
    let c = id / pairs / P * CHANNELS;
    var s = array<vec4f, 16>();
    for (var a = 0u; a < A; a++) {
      let row = (4 * a * P + p) * N;
      let g0 = outBar[row + n];
      let g1 = outBar[row + P * N + n];
      let g2 = outBar[row + 2 * P * N + n];
      let g3 = outBar[row + 3 * P * N + n];
      let h0 = outBar[row + n1];
      let h1 = outBar[row + P * N + n1];
      let h2 = outBar[row + 2 * P * N + n1];
      let h3 = outBar[row + 3 * P * N + n1];
      let l0 = leftAt(c + 0, p, a);
      s[0] += l0.x * g0 + l0.y * g1 + l0.z * g2 + l0.w * g3;
      s[1] += l0.x * h0 + l0.y * h1 + l0.z * h2 + l0.w * h3;
      let l1 = leftAt(c + 1, p, a);
      s[2] += l1.x * g0 + l1.y * g1 + l1.z * g2 + l1.w * g3;
      s[3] += l1.x * h0 + l1.y * h1 + l1.z * h2 + l1.w * h3;
      let l2 = leftAt(c + 2, p, a);
      s[4] += l2.x * g0 + l2.y * g1 + l2.z * g2 + l2.w * g3;
      s[5] += l2.x * h0 + l2.y * h1 + l2.z * h2 + l2.w * h3;
      let l3 = leftAt(c + 3, p, a);
      s[6] += l3.x * g0 + l3.y * g1 + l3.z * g2 + l3.w * g3;
      s[7] += l3.x * h0 + l3.y * h1 + l3.z * h2 + l3.w * h3;
      let l4 = leftAt(c + 4, p, a);
      s[8] += l4.x * g0 + l4.y * g1 + l4.z * g2 + l4.w * g3;
      s[9] += l4.x * h0 + l4.y * h1 + l4.z * h2 + l4.w * h3;
      let l5 = leftAt(c + 5, p, a);
      s[10] += l5.x * g0 + l5.y * g1 + l5.z * g2 + l5.w * g3;
      s[11] += l5.x * h0 + l5.y * h1 + l5.z * h2 + l5.w * h3;
      let l6 = leftAt(c + 6, p, a);
      s[12] += l6.x * g0 + l6.y * g1 + l6.z * g2 + l6.w * g3;
      s[13] += l6.x * h0 + l6.y * h1 + l6.z * h2 + l6.w * h3;
      let l7 = leftAt(c + 7, p, a);
      s[14] += l7.x * g0 + l7.y * g1 + l7.z * g2 + l7.w * g3;
      s[15] += l7.x * h0 + l7.y * h1 + l7.z * h2 + l7.w * h3;
    }
    let twice = 2 * squaresBar[p * N + n];
    let twice1 = 2 * squaresBar[p * N + n1];
    addTo(c + 0, p, n, s[0], twice);
    if (n + 1 < N) { addTo(c + 0, p, n1, s[1], twice1); }
    addTo(c + 1, p, n, s[2], twice);
    if (n + 1 < N) { addTo(c + 1, p, n1, s[3], twice1); }
    addTo(c + 2, p, n, s[4], twice);
    if (n + 1 < N) { addTo(c + 2, p, n1, s[5], twice1); }
    addTo(c + 3, p, n, s[6], twice);
    if (n + 1 < N) { addTo(c + 3, p, n1, s[7], twice1); }
    addTo(c + 4, p, n, s[8], twice);
    if (n + 1 < N) { addTo(c + 4, p, n1, s[9], twice1); }
    addTo(c + 5, p, n, s[10], twice);
    if (n + 1 < N) { addTo(c + 5, p, n1, s[11], twice1); }
    addTo(c + 6, p, n, s[12], twice);
    if (n + 1 < N) { addTo(c + 6, p, n1, s[13], twice1); }
    addTo(c + 7, p, n, s[14], twice);
    if (n + 1 < N) { addTo(c + 7, p, n1, s[15], twice1); }
  }
}

fn leftAt(c: u32, p: u32, a: u32) -> vec4f { return left[(min(c, C - 1) * P + p) * A + a]; }

fn addTo(c: u32, p: u32, n: u32, sum: vec4f, twice: vec4f) {
  if (c >= C) { return; }
  let at = (c * P + p) * N + n;
  xBar[at] += (sum + twice * x[at]) / f32(C);
}
