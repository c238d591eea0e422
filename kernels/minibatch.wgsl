// uses: shared/each.wgsl
// minibatch: some of the distilled images, chosen by index, and what comes back to them.
//
//   gather    out[i,n] = a[i,indices[n]]
//   scatter   out[r,i,indices[n]] += a[r,i,n]       a [R,ROWS,N]   out [R,ROWS,ALL]
//
// The indices of a minibatch are all different. Images are innermost; N and ALL count them with their padding,
// LIVE those of the minibatch without. COUNT is the size of `out` in gather, of `a` in scatter.

override N: u32;
override ALL: u32;

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn gather(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let n = i % N;
    if (n < size.LIVE) { out[i] = a[i / N * ALL + indices[n]]; }
  }
}

@compute @workgroup_size(WG)
fn scatter(by: Invocation) {
  for (var i = first(by); i < end(by); i += WG) {
    let n = i % N;
    if (n < size.LIVE) { out[i / N * ALL + indices[n]] += a[i]; }
  }
}
