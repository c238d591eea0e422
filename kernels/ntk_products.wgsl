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
// A load costs a software adapter as much as many products, so a row of four images of `left` meets TILE = 4 vec4s of
// x at a time, and their 16 sums stand in registers. The lines are written out: a loop over an array would keep it in
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

// An element: four channels of one pixel, one vec4 of x.
@compute @workgroup_size(WG)
fn back(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let n = id % N;
    let p = id / N % P;
    let c0 = id / N / P * TILE;
    let c1 = min(c0 + 1, C - 1);
    let c2 = min(c0 + 2, C - 1);
    let c3 = min(c0 + 3, C - 1);
    var s = array<vec4f, 4>();
    for (var a = 0u; a < A; a++) {
      let start = (4 * a * P + p) * N + n;
      let g0 = outBar[start];
      let g1 = outBar[start + P * N];
      let g2 = outBar[start + 2 * P * N];
      let g3 = outBar[start + 3 * P * N];
      let l0 = left[(c0 * P + p) * A + a];
      let l1 = left[(c1 * P + p) * A + a];
      let l2 = left[(c2 * P + p) * A + a];
      let l3 = left[(c3 * P + p) * A + a];
      s[0] += l0.x * g0 + l0.y * g1 + l0.z * g2 + l0.w * g3;
      s[1] += l1.x * g0 + l1.y * g1 + l1.z * g2 + l1.w * g3;
      s[2] += l2.x * g0 + l2.y * g1 + l2.z * g2 + l2.w * g3;
      s[3] += l3.x * g0 + l3.y * g1 + l3.z * g2 + l3.w * g3;
    }
    let twice = 2 * squaresBar[p * N + n];
    let scale = 1 / f32(C);
    let at = (c0 * P + p) * N + n;
    let next = P * N;
    xBar[at] += scale * (s[0] + twice * x[at]);
    if (c0 + 1 < C) { xBar[at + next] += scale * (s[1] + twice * x[at + next]); }
    if (c0 + 2 < C) { xBar[at + 2 * next] += scale * (s[2] + twice * x[at + 2 * next]); }
    if (c0 + 3 < C) { xBar[at + 3 * next] += scale * (s[3] + twice * x[at + 3 * next]); }
  }
}
