/** Noise: standard normal numbers from the GPU's counter-based generator. */
import type { Device } from "../gpu/mod.ts";
import { random } from "../ops/random.ts";

/**
 * `size` numbers from N(0, 1). The seed and the stream determine them; streams of weights are the
 * small numbers, so choose 100 and above.
 */
export async function drawNormal(
  device: Device,
  seed: number,
  stream: number,
  size: number,
): Promise<Float32Array<ArrayBuffer>> {
  using draw = device.tensor([2], "draw").write(Uint32Array.of(seed, 0));
  using out = device.tensor([size], "noise");
  const row = { networks: 1, rows: 1, columns: size, pitch: size, at: 0 };
  const record = device.record();
  random(record, { draw, out }, { distribution: "normal", scale: 1, ...row, stream });
  await record.run();
  return await out.read();
}
