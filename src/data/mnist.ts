// The built-in MNIST, from the bytes embedded in the program.
import type { Dataset } from "../sets/dataset.ts";
import { makeDataset } from "./make_dataset.ts";
import { parseIdx } from "./idx.ts";
import type { Form } from "./image.ts";

/**
 * Loads MNIST: 60 000 training and 10 000 test images [1, 28, 28] of 10 digits, in
 * another form if asked. The 55 MB of
 * bytes are loaded at the first call, not when this file is imported.
 */
export async function loadMnist(form: Form = {}): Promise<Dataset> {
  const { mnistBytes } = await import("./mnist_bytes.ts").catch((cause) => {
    throw new Error(
      "Cannot load the built-in MNIST: got no byte imports, expected Deno with " +
        "--unstable-raw-imports; or load hf:ylecun/mnist, or give dataDir",
      { cause },
    );
  });
  const files = {
    trainImages: parseIdx(mnistBytes.trainImages, "the built-in train-images-idx3-ubyte"),
    trainLabels: parseIdx(mnistBytes.trainLabels, "the built-in train-labels-idx1-ubyte"),
    testImages: parseIdx(mnistBytes.testImages, "the built-in t10k-images-idx3-ubyte"),
    testLabels: parseIdx(mnistBytes.testLabels, "the built-in t10k-labels-idx1-ubyte"),
  };
  return makeDataset("mnist", files, "the built-in MNIST", form);
}
