// dense_inputs: what dense's kernels bind beside θ, and relu(x) of four inputs; prepended to them.

override C: u32;  // inputs
override O: u32;  // outputs
override THETA: u32;  // vec4s of a network's θ
override AT: u32;     // where w starts in it
override WG: u32;
override RELU: bool;
override TANGENT: bool;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> xDot: array<vec4f>;
@group(0) @binding(4) var<storage, read> yBar: array<vec4f>;
@group(0) @binding(5) var<storage, read> yBarDot: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> xBar: array<vec4f>;

var<private> N: u32;  // vec4s of images; the entry point sets it from the length of a binding

// vec4s between two networks' x: 0 where they share it.
fn stride() -> u32 { return select(0, C * N, arrayLength(&x) > C * N); }

fn row4() -> u32 { return (C + 3) / 4; }  // vec4s of a row of w

fn relu(v: vec4f) -> vec4f { return select(v, max(v, vec4f()), RELU); }
fn gate(dot: vec4f, v: vec4f) -> vec4f { return select(dot, vec4f(), vec4<bool>(RELU) & (v <= vec4f())); }

// Four inputs of four images; beyond the last input w is 0, so any of x's rows will do.
fn inputs(r: u32, c: u32, n: u32) -> mat4x4f {
  let at = r * stride() + min(vec4u(c, c + 1, c + 2, c + 3), vec4u(C - 1)) * N + n;
  return mat4x4f(relu(x[at.x]), relu(x[at.y]), relu(x[at.z]), relu(x[at.w]));
}

fn inputsDot(r: u32, c: u32, n: u32) -> mat4x4f {
  let at = r * stride() + min(vec4u(c, c + 1, c + 2, c + 3), vec4u(C - 1)) * N + n;
  return mat4x4f(
    gate(xDot[at.x], x[at.x]), gate(xDot[at.y], x[at.y]),
    gate(xDot[at.z], x[at.z]), gate(xDot[at.w], x[at.w]),
  );
}
