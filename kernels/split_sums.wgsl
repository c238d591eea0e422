// uses: shared/each.wgsl
// split_sums: the end of sums that layers have split into runs, in a fixed order, for a part of θ.
//
//   thetaBar[start + k] = Σ run  partial[base + run·length + k]      for each k < length of each layer
//
//   thetaBar: a part of θ̄   partial: the runs of all its layers   COUNT is the sum of their lengths
//
// Everything counts vec4s. Element i of the sum of lengths is k = i − before of the layer that it falls in.

struct Layer { before: u32, length: u32, start: u32, base: u32, @size(16) runs: u32 }

@group(0) @binding(1) var<uniform> layers: array<Layer, 64>;
@group(0) @binding(2) var<storage, read> partial: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> thetaBar: array<vec4f>;

fn layerOf(i: u32) -> Layer {
  var k = 0u;
  while (i - layers[k].before >= layers[k].length) { k++; }
  return layers[k];
}

@compute @workgroup_size(WG)
fn split_sums(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let layer = layerOf(i);
    let k = i - layer.before;
    var sum = vec4f();
    for (var run = 0u; run < layer.runs; run++) { sum += partial[layer.base + run * layer.length + k]; }
    thetaBar[layer.start + k] = sum;
  }
}
