// uses: shared/each.wgsl, shared/finite.wgsl
// instance_norm: each channel of each image brought to mean 0 and variance 1, then scaled and shifted
// (Ulyanov et al. 2016; PyTorch's InstanceNorm2d with affine=True).
//
// Write ⟨·⟩ for the mean over the AREA pixels of a channel of an image, and γ, β for its parameters.
//
//   m = ⟨x⟩      s = (⟨(x − m)²⟩ + EPS)^−½      x̂ = (x − m) · s
//   y   y = γ·x̂ + β                              g = γ·s
//
//   e = ⟨x̂·ẋ⟩    x̂˙ = s · (ẋ − ⟨ẋ⟩ − x̂·e)      ṡ = −s²·e
//   ẏ   ẏ = γ̇·x̂ + γ·x̂˙ + β̇                        ġ = γ̇·s + γ·ṡ
//
//   A = ⟨ȳ⟩      B = ⟨ȳ·x̂⟩
//   x̄   x̄ = g · (ȳ − A − x̂·B)
//   θ̄   γ̄ = Σ n,pixels  ȳ·x̂      β̄ = Σ n,pixels  ȳ
//
// and the derivative of these along (ẋ, γ̇, ȳ˙), with Ȧ = ⟨ȳ˙⟩ and Ḃ = ⟨ȳ˙·x̂ + ȳ·x̂˙⟩:
//
//   x̄˙  x̄˙ = ġ · (ȳ − A − x̂·B) + g · (ȳ˙ − Ȧ − x̂˙·B − x̂·Ḃ)
//   θ̄˙  γ̄˙ = Σ n,pixels  ȳ˙·x̂ + ȳ·x̂˙      β̄˙ = Σ n,pixels  ȳ˙
//
//   x, y and all their tangents and cotangents [R,C,AREA,N]   θ [R,THETA]: γ [C], then β [C]
//   moments [3,R,C,N]: m, s and g, which forward leaves   rates [3,R,C,N]: ⟨ẋ⟩, e and ġ, which tangent leaves
//   partial [N,R,THETA]: θ̄ of four images each; split_sums.wgsl adds these
//
// Images are innermost, four to a vec4f. An invocation handles one channel of four images.

override C: u32;
override AREA: u32;
override THETA: u32;
override EPS: f32;

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> theta: array<f32>;
@group(0) @binding(4) var<storage, read> thetaDot: array<f32>;
@group(0) @binding(5) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(6) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4f>;  // y, ẏ, x̄ or x̄˙
@group(0) @binding(8) var<storage, read_write> moments: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> rates: array<vec4f>;
@group(0) @binding(10) var<storage, read_write> partial: array<f32>;

// Network, channel and images of element `id`; pixel k of it stands at `start` + k·N.
struct Place { r: u32, c: u32, n: u32, start: u32 }
fn placeOf(id: u32) -> Place {
  let plane = id / size.N;
  return Place(plane / C, plane % C, id % size.N, plane * AREA * size.N + id % size.N);
}
fn gamma(at: Place) -> f32 { return theta[at.r * THETA + at.c]; }
fn gammaDot(at: Place) -> f32 { return thetaDot[at.r * THETA + at.c]; }
fn area() -> f32 { return f32(AREA); }

// x̂ and x̂˙ at pixel i of element `id`.
fn hatAt(i: u32, id: u32) -> vec4f { return (x[i] - moments[id]) * moments[size.COUNT + id]; }
fn hatDotAt(i: u32, id: u32) -> vec4f {
  return moments[size.COUNT + id] * (xDot[i] - rates[id] - hatAt(i, id) * rates[size.COUNT + id]);
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let at = placeOf(id);
    var sum = vec4f();
    for (var k = 0u; k < AREA; k++) { sum += x[at.start + k * size.N]; }
    let m = sum / area();
    var squares = vec4f();
    for (var k = 0u; k < AREA; k++) {
      let d = x[at.start + k * size.N] - m;
      squares += d * d;
    }
    let s = 1 / sqrt(finiteOrNan(squares / area()) + EPS);
    moments[id] = m;
    moments[size.COUNT + id] = s;
    moments[2 * size.COUNT + id] = gamma(at) * s;
    let beta = theta[at.r * THETA + C + at.c];
    for (var k = 0u; k < AREA; k++) {
      let i = at.start + k * size.N;
      out[i] = gamma(at) * s * (x[i] - m) + beta;
    }
  }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let at = placeOf(id);
    let s = moments[size.COUNT + id];
    var sum = vec4f();
    var products = vec4f();
    for (var k = 0u; k < AREA; k++) {
      let i = at.start + k * size.N;
      sum += xDot[i];
      products += hatAt(i, id) * xDot[i];
    }
    let e = products / area();
    rates[id] = sum / area();
    rates[size.COUNT + id] = e;
    rates[2 * size.COUNT + id] = gammaDot(at) * s - gamma(at) * s * s * e;
    let betaDot = thetaDot[at.r * THETA + C + at.c];
    for (var k = 0u; k < AREA; k++) {
      let i = at.start + k * size.N;
      out[i] = gammaDot(at) * hatAt(i, id) + gamma(at) * hatDotAt(i, id) + betaDot;
    }
  }
}

fn putTheta(at: Place, gammaBar: vec4f, betaBar: vec4f) {
  let base = (at.n * size.R + at.r) * THETA;
  partial[base + at.c] = dot(gammaBar, vec4f(1));
  partial[base + C + at.c] = dot(betaBar, vec4f(1));
}

struct Means { a: vec4f, b: vec4f }  // A and B

fn meansOf(at: Place, id: u32) -> Means {
  var t: Means;
  for (var k = 0u; k < AREA; k++) {
    let i = at.start + k * size.N;
    t.a += yBar[i] / area();
    t.b += yBar[i] * hatAt(i, id) / area();
  }
  return t;
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let at = placeOf(id);
    let mean = meansOf(at, id);
    putTheta(at, mean.b * area(), mean.a * area());
    let g = moments[2 * size.COUNT + id];
    for (var k = 0u; k < AREA; k++) {
      let i = at.start + k * size.N;
      out[i] = g * (yBar[i] - mean.a - hatAt(i, id) * mean.b);
    }
  }
}

@compute @workgroup_size(WG)
fn backwardTangent(by: Invocation) {
  for (var id = first(by); id < end(by); id += WG) {
    let at = placeOf(id);
    let mean = meansOf(at, id);
    var meanDot = Means();
    for (var k = 0u; k < AREA; k++) {
      let i = at.start + k * size.N;
      meanDot.a += yBarDot[i] / area();
      meanDot.b += (yBarDot[i] * hatAt(i, id) + yBar[i] * hatDotAt(i, id)) / area();
    }
    putTheta(at, meanDot.b * area(), meanDot.a * area());
    let g = moments[2 * size.COUNT + id];
    let gDot = rates[2 * size.COUNT + id];
    for (var k = 0u; k < AREA; k++) {
      let i = at.start + k * size.N;
      let hat = hatAt(i, id);
      let still = yBar[i] - mean.a - hat * mean.b;
      out[i] = gDot * still + g * (yBarDot[i] - meanDot.a - hatDotAt(i, id) * mean.b - hat * meanDot.b);
    }
  }
}
