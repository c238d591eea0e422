// uses: shared/sizes.wgsl, shared/finite.wgsl
// row: neighbouring columns of a row of images, in registers; for kernels that declare src and srcDot.
//
// A load costs a software adapter far more than the arithmetic of a product. So a row is loaded once for
// all products with it. The lines are written out: a loop over an array would keep it in memory.

override C: u32; override H: u32; override V: u32;  // extents of src; of a pooled one, before pooling
override COLUMNS: u32;   // taken at a time by an invocation, at most 16
override TAPS: u32;      // columns that each of these reaches, at most 5; 1 with a stride
override STRIDE: u32;    // columns from one taken to the next
override DILATION: u32;  // of src: between two of its columns, and rows, stand DILATION − 1 of zeros
override RELU_SRC: bool;

alias Row = array<vec4f, 20>;  // COLUMNS + TAPS − 1 of them are used

// Column v of the row of src (or srcDot) that starts at `row`; zero outside, and where a ReLU shuts it.
fn columnAt(row: u32, v: u32, dot: bool) -> vec4f {
  var column = v;
  var open = vec4<bool>(true);
  if (DILATION > 1) {  // a division by one takes SwiftShader as much code as any other
    column = v / DILATION;
    open = vec4<bool>(v % DILATION == 0);
  }
  let at = row + min(column, V - 1) * size.N;
  var value: vec4f;
  if (dot) { value = srcDot[at]; } else { value = src[at]; }
  open &= vec4<bool>(column < V);
  if (RELU_SRC) { open &= !isShut(src[at]); }
  return select(vec4f(), value, open);
}

// Every STRIDE-th column from v on.
fn rowAt(row: u32, v: u32, dot: bool) -> Row {
  var s: Row;
  let last = COLUMNS + TAPS - 2;
  s[0] = columnAt(row, v, dot);
  if (last > 0) { s[1] = columnAt(row, v + STRIDE, dot); }
  if (last > 1) { s[2] = columnAt(row, v + 2 * STRIDE, dot); }
  if (last > 2) { s[3] = columnAt(row, v + 3 * STRIDE, dot); }
  if (last > 3) { s[4] = columnAt(row, v + 4 * STRIDE, dot); }
  if (last > 4) { s[5] = columnAt(row, v + 5 * STRIDE, dot); }
  if (last > 5) { s[6] = columnAt(row, v + 6 * STRIDE, dot); }
  if (last > 6) { s[7] = columnAt(row, v + 7 * STRIDE, dot); }
  if (last > 7) { s[8] = columnAt(row, v + 8 * STRIDE, dot); }
  if (last > 8) { s[9] = columnAt(row, v + 9 * STRIDE, dot); }
  if (last > 9) { s[10] = columnAt(row, v + 10 * STRIDE, dot); }
  if (last > 10) { s[11] = columnAt(row, v + 11 * STRIDE, dot); }
  if (last > 11) { s[12] = columnAt(row, v + 12 * STRIDE, dot); }
  if (last > 12) { s[13] = columnAt(row, v + 13 * STRIDE, dot); }
  if (last > 13) { s[14] = columnAt(row, v + 14 * STRIDE, dot); }
  if (last > 14) { s[15] = columnAt(row, v + 15 * STRIDE, dot); }
  if (last > 15) { s[16] = columnAt(row, v + 16 * STRIDE, dot); }
  if (last > 16) { s[17] = columnAt(row, v + 17 * STRIDE, dot); }
  if (last > 17) { s[18] = columnAt(row, v + 18 * STRIDE, dot); }
  if (last > 18) { s[19] = columnAt(row, v + 19 * STRIDE, dot); }
  return s;
}
