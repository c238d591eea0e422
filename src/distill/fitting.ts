/** Fitting: whether settings and a data set go together, asked before anything is allocated. */
import { type Arch, stagesOf } from "../nets/arch.ts";
import { layersOf } from "../nets/named.ts";
import type { Dataset } from "../data/dataset.ts";
import { PADDING } from "./augment.ts";
import { UsageError } from "./usage_error.ts";

/** Settings that depend on the images. */
interface Settings {
  readonly arch: Arch;
  readonly batch: number;
  readonly augment: "none" | "crop-flip";
}

/**
 * @param verb what is to be done with the data set: "distil", "train on".
 * @throws UsageError when the network does not take such images, the batch is larger than the
 * training set, or images are too small to be augmented.
 */
export function expectFitting(verb: string, settings: Settings, dataset: Dataset): void {
  const { arch, batch, augment } = settings;
  const { name, channels, height, width, classes, train } = dataset;
  const refuse = (got: string, cause?: unknown) => {
    throw new UsageError(`Cannot ${verb} ${name}: ${got}`, { cause });
  };
  if (channels !== 1 && channels !== 3) {
    refuse(`got images of ${channels} channels, expected 1 or 3; set channels`);
  }
  if (augment !== "none" && Math.min(height, width) <= PADDING) {
    refuse(
      `got images of ${height}×${width} with augment ${augment}, expected more than ${PADDING} ` +
        `rows and columns`,
    );
  }
  try {
    const images = { channels, height, width };
    stagesOf(layersOf(arch, images), images, classes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    refuse(`${error.message}; or set resize`, error);
  }
  if (batch > train.count) {
    refuse(`got batch ${batch}, expected at most its ${train.count} training images`);
  }
}
