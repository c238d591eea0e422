// IDX files for tests: their bytes, gzip, and a directory of four small ones.

/** The bytes of an unsigned-byte IDX file. */
export function idxBytes(dims: number[], data: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * dims.length + data.length);
  bytes.set([0, 0, 8, dims.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, size] of dims.entries()) view.setUint32(4 + 4 * axis, size);
  bytes.set(data, 4 + 4 * dims.length);
  return bytes;
}

/** `bytes` compressed. */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Three training and two test images of [2, 3], as IDX bytes by file name. */
export function smallDataset(): Record<string, Uint8Array<ArrayBuffer>> {
  const pixels = Array.from({ length: 18 }, (_, index) => 10 * index);
  return {
    "train-images-idx3-ubyte": idxBytes([3, 2, 3], pixels),
    "train-labels-idx1-ubyte": idxBytes([3], [4, 0, 9]),
    "t10k-images-idx3-ubyte": idxBytes([2, 2, 3], pixels.slice(0, 12)),
    "t10k-labels-idx1-ubyte": idxBytes([2], [7, 1]),
  };
}
