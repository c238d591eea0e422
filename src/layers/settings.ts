/** Settings: the numbers and names that layers are made of; each message is what was expected. */
import { z } from "npm:zod@4.6.7";

/** Channels of a layer: more are a slip of the pen, and would not fit anywhere. */
export const MOST_CHANNELS = 65_536;

/** Rows or columns that a window has, moves by, or is padded with. */
const LARGEST_SIDE = 1024;

/** An integer of at least `least` and at most `most`, the rows of a large image when left out. */
export function whole(least: number, most = LARGEST_SIDE): z.ZodNumber {
  const error = `an integer ≥ ${least}`;
  return z.int({ error }).min(least, { error }).max(most, { error: `at most ${most}` });
}

/** A number above zero. */
export function above(): z.ZodNumber {
  return z.number({ error: "a number > 0" }).positive({ error: "a number > 0" });
}

/** A name for parameters. */
export function name(): z.ZodString {
  const error = "a name of letters, digits, '.', '_' and '-'";
  return z.string({ error }).regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, { error });
}

/** Windows of a pooling, side by side unless `stride` says otherwise. */
export function windows() {
  return z.strictObject({
    size: whole(1),
    stride: whole(1).optional(),
    pad: whole(0).default(0),
  }).refine(({ size, pad }) => 2 * pad <= size, { path: ["pad"], error: "at most half of size" })
    .transform(({ size, stride = size, pad }) => ({ size, stride, pad }));
}
