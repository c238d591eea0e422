// uses: shared/windows.wgsl
// avg_pool: the mean of each window (windows.wgsl); what lies outside of x counts as 0.
//
//   y   y[r,c,p,q,n] = Σ k  x at element k of window (p, q) / SIZE²
//   x̄   x̄[r,c,h,v,n] = Σ p,q  ȳ[r,c,p,q,n] / SIZE² over the windows that it lies in
//
// Linear: ẏ is y of ẋ, and x̄˙ is x̄ of ȳ˙. Layouts are those of windows.wgsl. Images are innermost, four to a
// vec4f. An invocation handles one window of four images, or one x of four images.

@group(0) @binding(1) var<storage, read> src: array<vec4f>;  // x or ȳ
@group(0) @binding(2) var<storage, read_write> dst: array<vec4f>;  // y or x̄

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let w = windowOf(i);
    var sum = vec4f();
    for (var k = 0u; k < SIZE * SIZE; k++) {
      let e = elementOf(w, k);
      if (e != OUTSIDE) { sum += src[e]; }
    }
    dst[i] = sum / f32(SIZE * SIZE);
  }
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let e = windowsOf(i);
    var sum = vec4f();
    for (var k = 0u; k < reach() * reach(); k++) {
      let p = e.low.x + k / reach();
      let q = e.low.y + k % reach();
      if (p < e.high.x && q < e.high.y) { sum += src[((e.plane * P + p) * Q + q) * size.N + e.n]; }
    }
    dst[i] = sum / f32(SIZE * SIZE);
  }
}
