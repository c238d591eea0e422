// siamese: an augmentation of images in float64 (Zhao & Bilen 2021): other colours, or pixels from other places.
//
//   colours   y = k·(s·x + (1−s)·C x) + (1−k)·M x + offset     C the mean over channels, M the mean of an image
//   places    y[c,p] = Σ q  hat(A(p)−q)·x[c,q], 0 inside the cut
//
// x, y [n, C·H·V]. The transpose is left to tests: ⟨y, z⟩ = ⟨x, Aᵀz⟩.

/** How an image changes. */
export type Augmentation = Colours | Places;

/** Other colours: of PyTorch's DSA, brightness, then saturation, then contrast. */
export interface Colours {
  readonly offset: number;
  /** s. */
  readonly saturation: number;
  /** k. */
  readonly contrast: number;
}

/** Pixels from other places, between which colours are interpolated. */
export interface Places {
  /** A(h, v) = (a·h + b·v + c, d·h + e·v + f), the row and the column that pixel (h, v) is taken from. */
  readonly map: readonly [
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
    f: number,
  ];
  /** Rows from `top` to before `bottom` and columns from `left` to before `right` are zero. */
  readonly cut: readonly [top: number, bottom: number, left: number, right: number];
}

/** Augmented images [n, C·H·V]. */
export function augmented(
  x: Float64Array,
  augmentation: Augmentation,
  { channels: C, height: H, width: V }: { channels: number; height: number; width: number },
): Float64Array {
  const size = C * H * V;
  const plane = H * V;
  const y = new Float64Array(x.length);
  for (let n = 0; n < x.length / size; n++) {
    const image = x.subarray(n * size, (n + 1) * size);
    const mean = image.reduce((sum, value) => sum + value, 0) / size;
    for (let i = 0; i < size; i++) {
      if ("map" in augmentation) {
        y[n * size + i] = placed(image.subarray(i - i % plane), i % plane, augmentation, H, V);
        continue;
      }
      const { offset, saturation: s, contrast: k } = augmentation;
      let grey = 0;
      for (let c = 0; c < C; c++) grey += image[c * plane + i % plane]! / C;
      y[n * size + i] = k * (s * image[i]! + (1 - s) * grey) + (1 - k) * mean + offset;
    }
  }
  return y;
}

/** Pixel p of an augmented plane. */
function placed(
  plane: Float64Array,
  p: number,
  { map: [a, b, c, d, e, f], cut: [top, bottom, left, right] }: Places,
  H: number,
  V: number,
): number {
  const [h, v] = [Math.floor(p / V), p % V];
  if (h >= top && h < bottom && v >= left && v < right) return 0;
  const [row, column] = [a * h + b * v + c, d * h + e * v + f];
  let sum = 0;
  for (const i of [Math.floor(row), Math.floor(row) + 1]) {
    for (const j of [Math.floor(column), Math.floor(column) + 1]) {
      if (i < 0 || i >= H || j < 0 || j >= V) continue;
      sum += (1 - Math.abs(row - i)) * (1 - Math.abs(column - j)) * plane[i * V + j]!;
    }
  }
  return sum;
}
