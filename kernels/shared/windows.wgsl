// uses: shared/each.wgsl
// windows: where the windows of a pooling stand. Window (p, q) has SIZE × SIZE elements of x, the first at
// row STRIDE·p − PAD and column STRIDE·q − PAD.
//
//   x [R,C,H,V,N]   y [R,C,P,Q,N],  P = ⌊(H + 2·PAD − SIZE) / STRIDE⌋ + 1

override H: u32; override V: u32;  // extents of x
override P: u32; override Q: u32;  // extents of y
override SIZE: u32; override STRIDE: u32; override PAD: u32;

const OUTSIDE = 0xffffffffu;

struct Window { plane: u32, p: u32, q: u32, n: u32 }  // plane: network and channel

fn windowOf(id: u32) -> Window {
  let N = size.N;
  return Window(id / N / Q / P, id / N / Q % P, id / N % Q, id % N);
}
// Where element k of a window, counted along rows, stands in x; or OUTSIDE.
fn elementOf(w: Window, k: u32) -> u32 {
  let h = STRIDE * w.p + k / SIZE - PAD;  // above the first row it wraps round
  let v = STRIDE * w.q + k % SIZE - PAD;
  return select(OUTSIDE, ((w.plane * H + h) * V + v) * size.N + w.n, h < H && v < V);
}

// An element of x, and the windows that it lies in: rows and columns from `low` up to, without, `high`.
struct Element { plane: u32, h: u32, v: u32, n: u32, low: vec2u, high: vec2u }

fn windowsOf(id: u32) -> Element {
  let N = size.N;
  let at = vec2u(id / N / V % H, id / N % V) + PAD;
  let low = select(vec2u(), (at - SIZE) / STRIDE + 1, at >= vec2u(SIZE));
  let high = min(at / STRIDE + 1, vec2u(P, Q));
  return Element(id / N / V / H, at.x - PAD, at.y - PAD, id % N, low, high);
}
// Windows that an element lies in, along a side, at most.
fn reach() -> u32 { return (SIZE + STRIDE - 1) / STRIDE; }
