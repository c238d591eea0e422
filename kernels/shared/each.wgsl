// uses: shared/sizes.wgsl
// each: how a workgroup goes through its share of COUNT elements, which lie side by side:
//
//   for (var i = first(by); i < end(by); i += WG)
//
// A workgroup costs a software adapter as much as some ten elements, so there an invocation takes many. Variables
// in such a loop are given their first value in so many words, `var sum = vec4f();`: naga zeroes one without
// before the first turn only.

// Elements of a workgroup.
fn share(by: Invocation) -> u32 {
  let lanes = by.groups.x * by.groups.y * WG;
  return (size.COUNT + lanes - 1) / lanes * WG;
}
fn first(by: Invocation) -> u32 { return (by.group.y * by.groups.x + by.group.x) * share(by) + by.lane; }
fn end(by: Invocation) -> u32 {
  return min((by.group.y * by.groups.x + by.group.x + 1) * share(by), size.COUNT);
}
