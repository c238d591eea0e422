// uses: shared/windows.wgsl, shared/finite.wgsl
// max_pool: the largest of each window (windows.wgsl); what lies outside of x is never the largest.
//
//   y   y[r,c,p,q,n] = max k  x at element k of window (p, q); argmax[r,c,p,q,n] = the first such k
//   ẏ   ẏ[r,c,p,q,n] = ẋ there
//   x̄   x̄[r,c,h,v,n] = Σ p,q  ȳ[r,c,p,q,n] over the windows whose argmax it is
//
// Gated: x̄˙ is x̄ with ȳ˙ for ȳ. Layouts are those of windows.wgsl. Images are innermost, four to a vec4f. An
// invocation handles one window of four images, or one x of four images, which gathers from its windows,
// because these may overlap and WGSL has no atomic addition of f32.

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> yDot: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> argmax: array<vec4u>;

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let w = windowOf(i);
    var most = vec4f();
    var place = vec4u();
    var none = true;
    for (var k = 0u; k < SIZE * SIZE; k++) {
      let e = elementOf(w, k);
      if (e == OUTSIDE) { continue; }
      let larger = isLarger(x[e], most) | vec4<bool>(none);  // so the first of equals stays
      most = select(most, x[e], larger);
      place = select(place, vec4u(k), larger);
      none = false;
    }
    y[i] = most;
    argmax[i] = place;
  }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let w = windowOf(i);
    let k = argmax[i];
    yDot[i] = vec4f(
      xDot[elementOf(w, k.x)].x, xDot[elementOf(w, k.y)].y,
      xDot[elementOf(w, k.z)].z, xDot[elementOf(w, k.w)].w,
    );
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
      if (p >= e.high.x || q >= e.high.y) { continue; }
      let own = (e.h + PAD - STRIDE * p) * SIZE + e.v + PAD - STRIDE * q;  // which element of it x is
      let window = ((e.plane * P + p) * Q + q) * size.N + e.n;
      sum += select(vec4f(), yBar[window], argmax[window] == vec4u(own));
    }
    xBar[i] = sum;
  }
}
