// uses: shared/each.wgsl, shared/finite.wgsl
// relu: the positive part; its derivative at 0 is 0.
//
//   y   y[i] = max(x[i], 0)      ẏ[i] = [x[i] > 0] · ẋ[i]      x̄[i] = [x[i] > 0] · ȳ[i]
//
// Gated: x̄˙ is x̄ with ȳ˙ for ȳ. Arrays of any shape, four elements to a vec4f.

@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> src: array<vec4f>;  // x, ẋ or ȳ
@group(0) @binding(3) var<storage, read_write> dst: array<vec4f>;

@compute @workgroup_size(WG)
fn relu(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    dst[i] = select(src[i], vec4f(), isShut(x[i]));
  }
}
