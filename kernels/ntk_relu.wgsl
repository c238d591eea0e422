// uses: shared/each.wgsl
// ntk_relu: what an infinitely wide layer of ReLUs makes of the covariances of two images, pixel by pixel
// (the arc-cosine kernels of Cho & Saul 2009; Jacot et al. 2018 for Θ), and the way back.
//
//   r = √(u v)     c = Σ / r     κ0 = (π − acos c) / π     κ1 = (√(1 − c²) + (π − acos c) c) / π
//
//   forward  s = r κ1 / 2      t = κ0 Θ / 2
//   back     c̄ = (r κ0 s̄ + Θ t̄ κ0′) / 2,  κ0′ = 1 / (π √(1 − c²))     since κ1′ = κ0
//            ΣBar = c̄ / r     ΘBar = κ0 t̄ / 2     vTerm = (r κ1 s̄ / 2 − c c̄) / 2v
//
//   sigma, theta, s, t, vTerm [A,P,N]   u [P,A]: variances of the images on the left   v [P,N]: those of x
//   In `back` sBar holds s̄ and then ΣBar, tBar holds t̄ and then ΘBar; v̄ = Σ_a vTerm.
//
// Cosines that differ from ±1 by less than SNAP count as ±1, where κ0′ would be infinite and acos lose its digits;
// there κ0′ counts as 0, which is right for an image with itself. N counts vec4s.

override P: u32;
override N: u32;
override A: u32;  // images on the left

@group(0) @binding(1) var<storage, read> sigma: array<vec4f>;
@group(0) @binding(2) var<storage, read> theta: array<vec4f>;
@group(0) @binding(3) var<storage, read> u: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> s: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> t: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> sBar: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> tBar: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> vTerm: array<vec4f>;

const PI = 3.14159265358979;
const SNAP = 1e-6;
const TINY = 1e-30;  // for variances of 0, of padding

struct Angle { r: vec4f, c: vec4f, sine: vec4f, k0: vec4f, k1: vec4f }

// acos c. For |c| > ½ by acos c = 2 asin √((1 − c) / 2), else by acos c = π/2 − asin c; asin x is x (1 + x² p(x²)),
// where p interpolates at Chebyshev's nodes on [0, ¼], with an error below 10⁻⁸.
fn acosOf(c: vec4f) -> vec4f {
  let a = abs(c);
  let isLarge = a > vec4f(0.5);
  let z = select(a * a, (1 - a) / 2, isLarge);
  let x = sqrt(z);
  let p = 0.16666672 + z * (0.07498855 + z * (0.04500138 + z * (0.026554542 + z * 0.038085024)));
  let asin = x + x * z * p;
  let positive = select(PI / 2 - asin, 2 * asin, isLarge);
  return select(positive, PI - positive, c < vec4f());
}

fn angleOf(i: u32) -> Angle {
  let r = sqrt(u[i / N % P * A + i / (N * P)] * v[i % (N * P)]);
  let raw = sigma[i] / max(r, vec4f(TINY));
  let c = select(raw, sign(raw), abs(raw) > vec4f(1 - SNAP));
  let sine = sqrt((1 - c) * (1 + c));
  let k0 = 1 - acosOf(c) / PI;
  return Angle(r, c, sine, k0, sine / PI + k0 * c);
}

@compute @workgroup_size(WG)
fn forward(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let at = angleOf(i);
    s[i] = at.r * at.k1 / 2;
    t[i] = at.k0 * theta[i] / 2;
  }
}

@compute @workgroup_size(WG)
fn back(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let at = angleOf(i);
    let slope = select(1 / (PI * at.sine), vec4f(), at.sine == vec4f());
    let cBar = (at.r * at.k0 * sBar[i] + theta[i] * tBar[i] * slope) / 2;
    vTerm[i] = (at.r * at.k1 * sBar[i] / 2 - at.c * cBar) / max(2 * v[i % (N * P)], vec4f(TINY));
    sBar[i] = cBar / max(at.r, vec4f(TINY));
    tBar[i] = at.k0 * tBar[i] / 2;
  }
}
