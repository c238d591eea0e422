/**
 * Named: the architectures of the paper (Wang et al. 2018, networks/networks.py of its code), as
 * lists of layers, with PyTorch's names and numbers.
 */
import type { Arch, Extents, Layer } from "./layers.ts";

/** A built-in architecture. */
interface Named {
  /** The images that it takes; any number of channels where they are left out. */
  readonly images: readonly { channels?: number; side: number }[];
  layers(image: Extents): readonly Layer[];
}

const conv = (name: string, channels: number, size: number, pad: number, stride = 1): Layer => ({
  conv: { name, channels, size, stride, pad },
});
const dense = (name: string, outputs: number | "classes"): Layer => ({ dense: { name, outputs } });
const pool = (size: number, stride: number, pad: number): Layer => ({
  max_pool: { size, stride, pad },
});

/** LeCun et al. 1998; 61 706 parameters at 1×28×28 and 10 classes, 62 006 at 3×32×32. */
const lenet: Named = {
  images: [{ side: 28 }, { side: 32 }],
  layers: ({ height }) => [
    conv("conv1", 6, 5, height === 28 ? 2 : 0),
    "relu",
    pool(2, 2, 0),
    conv("conv2", 16, 5, 0),
    "relu",
    pool(2, 2, 0),
    dense("fc1", 120),
    "relu",
    dense("fc2", 84),
    "relu",
    dense("fc3", "classes"),
  ],
};

/** AlexNet cut down to CIFAR-10; 1 756 426 parameters at 10 classes. */
const alexcifar: Named = {
  images: [{ channels: 3, side: 32 }],
  layers: () => {
    const lrn = { lrn: { size: 4, alpha: 0.001 / 9, beta: 0.75, k: 1 } };
    return [
      conv("features.0", 64, 5, 2),
      "relu",
      pool(3, 2, 1),
      lrn,
      conv("features.4", 64, 5, 2),
      "relu",
      lrn,
      pool(3, 2, 1),
      dense("classifier.0", 384),
      "relu",
      dense("classifier.2", 192),
      "relu",
      dense("classifier.4", "classes"),
    ];
  },
};

/** torchvision's AlexNet (Krizhevsky 2014) without dropout; 57 823 240 parameters at 200 classes. */
const alexnet: Named = {
  images: [{ channels: 3, side: 224 }],
  layers: () => [
    conv("features.0", 64, 11, 2, 4),
    "relu",
    pool(3, 2, 0),
    conv("features.3", 192, 5, 2),
    "relu",
    pool(3, 2, 0),
    conv("features.6", 384, 3, 1),
    "relu",
    conv("features.8", 256, 3, 1),
    "relu",
    conv("features.10", 256, 3, 1),
    "relu",
    pool(3, 2, 0),
    dense("classifier.1", 4096),
    "relu",
    dense("classifier.4", 4096),
    "relu",
    dense("classifier.6", "classes"),
  ],
};

const NAMED: Readonly<Record<string, Named>> = { lenet, alexcifar, alexnet };

/** Names of the built-in architectures. */
export const ARCH_NAMES: readonly string[] = Object.keys(NAMED);

/** What messages call an architecture: its name, or `custom`. */
export function nameOf(arch: Arch): string {
  return typeof arch === "string" ? arch : "custom";
}

/**
 * The layers of an architecture for images of `image`.
 *
 * @throws RangeError for an unknown name, and for images that a built-in architecture does not take.
 */
export function layersOf(arch: Arch, image: Extents): readonly Layer[] {
  if (typeof arch !== "string") return arch;
  const { channels, height, width } = image;
  const named = namedOf(arch);
  const fits = named.images.some((own) =>
    own.side === height && own.side === width && (own.channels ?? channels) === channels
  );
  if (fits) return named.layers(image);
  const expected = named.images.map((own) => `${own.channels ?? "any"}×${own.side}×${own.side}`);
  throw new RangeError(
    `Cannot build ${arch}: got images of ${channels}×${height}×${width}, expected ` +
      expected.join(" or "),
  );
}

/** Images that an architecture takes, for a check without data: one's own gets MNIST's. */
export function imageOf(arch: Arch): Extents {
  if (typeof arch !== "string") return { channels: 1, height: 28, width: 28 };
  const { channels = 1, side } = namedOf(arch).images[0]!;
  return { channels, height: side, width: side };
}

function namedOf(arch: string): Named {
  const named = Object.hasOwn(NAMED, arch) ? NAMED[arch] : undefined;
  if (named) return named;
  throw new RangeError(
    `Cannot build ${arch}: got an unknown arch, expected ${ARCH_NAMES.join(", ")}`,
  );
}
