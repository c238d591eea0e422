/**
 * Named: architectures of the field as lists of layers, with PyTorch's names and numbers. Those of the paper
 * are Wang et al. 2018's (networks/networks.py of its code); ConvNet is that of Zhao et al. 2021; those for points
 * of the plane are Medvedev and D'yakonov's 2020.
 */
import type { Planes } from "../layers/op.ts";
import type { Arch, Layer } from "./arch.ts";

/** A built-in architecture. */
interface Named {
  /** The images that it takes; any number of channels where they are left out. */
  readonly images: readonly { channels?: number; side: number }[];
  /** What may be set after its name, as in `convnet3:width=16`, and what it is otherwise. */
  readonly options?: Readonly<Record<string, number>>;
  layers(image: Planes, options: Readonly<Record<string, number>>): readonly Layer[];
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

/**
 * The ConvNet of gradient matching and most work since: blocks of convolution, instance normalization, ReLU and
 * average pooling; 320 010 parameters at 3×32×32, width 128, depth 3 and 10 classes. Images of 28×28 are padded
 * to 32×32 by the first convolution.
 */
const convnet3: Named = {
  images: [{ side: 32 }, { side: 28 }],
  options: { width: 128, depth: 3 },
  layers: ({ height }, { width, depth }) => [
    ...Array.from({ length: depth! }, (_, i): Layer[] => [
      conv(`features.${4 * i}`, width!, 3, i === 0 && height === 28 ? 3 : 1),
      { instance_norm: { name: `features.${4 * i + 1}`, eps: 1e-5 } },
      "relu",
      { avg_pool: { size: 2, stride: 2, pad: 0 } },
    ]).flat(),
    dense("classifier", "classes"),
  ],
};

/**
 * Fully connected layers of these widths with ReLU between, for points of the plane: `linear2d`, `nonlinear` and
 * `more_nonlinear` have 3, 41 and 261 parameters at one output.
 */
const plane = (...hidden: readonly number[]): Named => ({
  images: [{ channels: 2, side: 1 }],
  layers: () => [
    ...hidden.flatMap((width, i): Layer[] => [dense(`fc${i + 1}`, width), "relu"]),
    dense(`fc${hidden.length + 1}`, "classes"),
  ],
});

const NAMED: Readonly<Record<string, Named>> = {
  lenet,
  alexcifar,
  alexnet,
  convnet3,
  linear2d: plane(),
  nonlinear: plane(10),
  more_nonlinear: plane(10, 10, 10),
};

/** Names of the built-in architectures. */
export const ARCH_NAMES: readonly string[] = Object.keys(NAMED);

/** Whether a text names a built-in architecture, with options that it has. */
export function isNamed(arch: string): boolean {
  try {
    namedOf(arch);
    return true;
  } catch {
    return false;
  }
}

/**
 * The layers of an architecture for images of `image`.
 *
 * @throws RangeError for an unknown name, and for images that a built-in architecture does not take.
 */
export function layersOf(arch: Arch, image: Planes): readonly Layer[] {
  if (typeof arch !== "string") return arch;
  const { channels, height, width } = image;
  const { named, options } = namedOf(arch);
  const fits = named.images.some((own) =>
    own.side === height && own.side === width && (own.channels ?? channels) === channels
  );
  if (fits) return named.layers(image, options);
  const expected = named.images.map((own) => `${own.channels ?? "any"}×${own.side}×${own.side}`);
  throw new RangeError(
    `Cannot build ${arch}: got images of ${channels}×${height}×${width}, expected ` +
      expected.join(" or "),
  );
}

/** Images that an architecture takes, for a check without data: one's own gets MNIST's. */
export function imageOf(arch: Arch): Planes {
  if (typeof arch !== "string") return { channels: 1, height: 28, width: 28 };
  const { channels = 1, side } = namedOf(arch).named.images[0]!;
  return { channels, height: side, width: side };
}

/** A built-in architecture and its options: `name`, or `name:option=number,…`. @throws RangeError. */
function namedOf(arch: string): { named: Named; options: Record<string, number> } {
  const [name = "", list = ""] = arch.split(/:(.*)/s);
  const named = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined;
  if (!named) {
    throw new RangeError(
      `Cannot build ${arch}: got an unknown arch, expected ${ARCH_NAMES.join(", ")}`,
    );
  }
  const options: Record<string, number> = { ...named.options };
  for (const option of list ? list.split(",") : []) {
    const [key = "", number = ""] = option.split(/=(.*)/s);
    if (!Object.hasOwn(options, key) || !/^[1-9]\d{0,5}$/.test(number)) {
      const known = Object.keys(options).map((key) => `${key}=NUMBER`).join(", ");
      throw new RangeError(`Cannot build ${arch}: got ${option}, expected ${known || "no option"}`);
    }
    options[key] = Number(number);
  }
  return { named, options };
}
