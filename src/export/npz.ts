// npz: a distilled set as one file for numpy.load, a zip of .npy arrays without compression.
import { zipSync } from "npm:fflate@0.8.3";
import { quoted } from "../base/text.ts";
import { whiteningTensors } from "../store/artifact.ts";
import type { DistilledSet } from "./distilled_set.ts";
import { encodeNpy } from "./npy.ts";

/** The member of the file that holds how to train. */
export const TRAINING = "distilled.json";

/** The earliest date a zip can say, so that the same set gives the same bytes. */
const NO_DATE = "1980-01-01T00:00:00";

/** A name that leads nowhere when the file is unpacked. @throws Error for any other. */
function expectPlain(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) return name;
  throw new Error(
    `Cannot export a parameter ${
      quoted(name)
    }: got a name with other characters, expected letters, ` +
      `digits, '.', '_' and '-'; distil again`,
  );
}

/** Encodes arrays by name, whitening as `zca/…`, the fixed initial network as `init/…`, and `distilled.json`. */
export function encodeNpz(set: DistilledSet): Uint8Array {
  const { images, softLabels, init, training, bytes, values, whitening } = set;
  const { order, learning_rates: rates, mean, std } = training;
  const integers = (values: readonly number[]) =>
    encodeNpy(BigInt64Array.from(values, BigInt), [values.length]);
  const floats = (values: readonly number[]) =>
    encodeNpy(Float32Array.from(values), [values.length]);
  const members: Record<string, Uint8Array> = {
    "images.npy": encodeNpy(images.data, images.shape),
    ...(bytes && { "images_u8.npy": encodeNpy(bytes, images.shape) }),
    ...(values && { "values.npy": encodeNpy(values, images.shape.slice(0, 2)) }),
    "labels.npy": integers(set.labels),
    "soft_labels.npy": encodeNpy(softLabels.data, softLabels.shape),
    "steps.npy": integers(set.steps),
    "order.npy": integers(order),
    "learning_rates.npy": floats(rates),
    "mean.npy": floats(mean),
    "std.npy": floats(std),
  };
  for (
    const [name, { data, shape }] of Object.entries(whitening ? whiteningTensors(whitening) : {})
  ) {
    members[`${name}.npy`] = encodeNpy(data, shape);
  }
  for (const [name, { data, shape }] of Object.entries(init)) {
    members[`init/${expectPlain(name)}.npy`] = encodeNpy(data, shape);
  }
  members[TRAINING] = new TextEncoder().encode(JSON.stringify(training, null, 2));
  return zipSync(members, { level: 0, mtime: NO_DATE });
}
