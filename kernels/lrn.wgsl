// uses: shared/each.wgsl, shared/finite.wgsl
// lrn: local response normalization across channels (Krizhevsky et al. 2012), of relu(x).
//
// Write a = relu(x), s = ALPHA / SIZE, and, for one image and one pixel, a[c] for channel c. Its window
// W(c) = { c − ⌊SIZE/2⌋, …, c + ⌊(SIZE−1)/2⌋ } is PyTorch's, one longer below than above where SIZE is
// even; channels that do not exist count as 0. With the divisor D and how fast it moves, T = Ḋ / D,
//
//   D[c] = K + s Σ j∈W(c)  a[j]²                     T[c] = 2s Σ j∈W(c)  a[j]·ȧ[j] / D[c]
//
//   y   y[c] = a[c] · D[c]^−β
//   ẏ   ẏ[c] = (ȧ[c] − β · a[c] · T[c]) · D[c]^−β
//
// x̄: a[c] acts on y[c] directly, and through D[j] on every y[j] whose window has c in it. These j are
// M(c) = { c − ⌊(SIZE−1)/2⌋, …, c + ⌊SIZE/2⌋ }, W turned round, and ∂D[j]/∂a[c] = 2s·a[c]. So
//
//   u[j] = ȳ[j] · a[j] · D[j]^(−β−1)                 U[c] = Σ j∈M(c)  u[j]
//   ā    ā[c] = ȳ[c] · D[c]^−β − 2sβ · a[c] · U[c]
//
// and the derivative of that along (ȧ, ȳ˙), by the product and the chain rule:
//
//   u˙[j] = (ȳ˙[j]·a[j] + ȳ[j]·ȧ[j] − (β+1) · ȳ[j]·a[j]·T[j]) · D[j]^(−β−1)
//   ā˙    ā˙[c] = (ȳ˙[c] − β · ȳ[c] · T[c]) · D[c]^−β − 2sβ · (ȧ[c]·U[c] + a[c]·U˙[c])
//
// Last x̄ = [x > 0]·ā, ȧ = [x > 0]·ẋ, x̄˙ = [x > 0]·ā˙, since ReLU has no second derivative.
//
//   x, y and all their tangents and cotangents [R,C,AREA,N]
//   powers [2,R,C,AREA,N]: D^−β, then D^(−β−1), which forward leaves   rates [R,C,AREA,N]: T, which tangent does
//
// RELU = false takes x as it is. Images are innermost, four to a vec4f. An invocation computes one channel
// of one pixel of four images.

override C: u32;
override AREA: u32;  // pixels of a channel
override SIZE: u32;
override ALPHA: f32;
override BETA: f32;
override K: f32;
override RELU: bool;

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(3) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(4) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> xBar: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> powers: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> rates: array<vec4f>;

fn scale() -> f32 { return ALPHA / f32(SIZE); }
fn gate(v: vec4f, by: vec4f) -> vec4f { return select(v, vec4f(), vec4<bool>(RELU) & isShut(by)); }
fn a(i: u32) -> vec4f { return gate(x[i], x[i]); }
fn aDot(i: u32) -> vec4f { return gate(xDot[i], x[i]); }
fn power(i: u32) -> vec4f { return powers[i]; }
fn powerNext(i: u32) -> vec4f { return powers[size.COUNT + i]; }

fn channelOf(i: u32) -> u32 { return i / size.N / AREA % C; }
// Where the channel stands that is `by` from that of i.
fn beside(i: u32, by: i32) -> u32 { return i + u32(by) * AREA * size.N; }

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    var squares = vec4f();
    for (var k = 0u; k < SIZE; k++) {
      let by = i32(k) - i32(SIZE / 2);
      if (channelOf(i) + u32(by) >= C) { continue; }  // below channel 0 it wraps round
      let v = a(beside(i, by));
      squares += v * v;
    }
    let d = K + scale() * squares;
    let e = pow(d, vec4f(-BETA - 1));
    powers[i] = d * e;
    powers[size.COUNT + i] = e;
    y[i] = a(i) * d * e;
  }
}

@compute @workgroup_size(WG)
fn tangent(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    var products = vec4f();
    for (var k = 0u; k < SIZE; k++) {
      let by = i32(k) - i32(SIZE / 2);
      if (channelOf(i) + u32(by) < C) { products += a(beside(i, by)) * aDot(beside(i, by)); }
    }
    let t = 2 * scale() * products * powerNext(i) / power(i);
    rates[i] = t;
    y[i] = (aDot(i) - BETA * a(i) * t) * power(i);
  }
}

@compute @workgroup_size(WG)
fn backward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    var U = vec4f();
    for (var k = 0u; k < SIZE; k++) {
      let by = i32(k) - i32((SIZE - 1) / 2);
      if (channelOf(i) + u32(by) >= C) { continue; }
      let j = beside(i, by);
      U += yBar[j] * a(j) * powerNext(j);
    }
    xBar[i] = gate(yBar[i] * power(i) - 2 * scale() * BETA * a(i) * U, x[i]);
  }
}

@compute @workgroup_size(WG)
fn backwardTangent(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    var U = vec4f();
    var UDot = vec4f();
    for (var k = 0u; k < SIZE; k++) {
      let by = i32(k) - i32((SIZE - 1) / 2);
      if (channelOf(i) + u32(by) >= C) { continue; }
      let j = beside(i, by);
      let g = yBar[j];
      let v = a(j);
      let e = powerNext(j);
      U += g * v * e;
      UDot += (yBarDot[j] * v + g * aDot(j) - (BETA + 1) * g * v * rates[j]) * e;
    }
    let direct = (yBarDot[i] - BETA * yBar[i] * rates[i]) * power(i);
    xBar[i] = gate(direct - 2 * scale() * BETA * (aDot(i) * U + a(i) * UDot), x[i]);
  }
}
