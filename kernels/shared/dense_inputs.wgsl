// dense_inputs: relu(x) of a fully connected layer; prepended to the kernels that declare x and xDot.

override C: u32;  // inputs
override RELU: bool;

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
