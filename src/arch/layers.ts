/**
 * Layers: an architecture as data, a list of layers, and the sizes that follow from it for images of
 * one shape. The nets on the GPU and their float64 twins are both made from {@linkcode stagesOf}.
 */

/** Extents of one image's activations. */
export interface Extents {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A convolution with a bias. */
export interface ConvLayer {
  /** Its settings. */
  readonly conv: {
    /** Its parameters are `<name>.weight` and `<name>.bias`; conv1, conv2 … when left out. */
    readonly name?: string;
    /** Output channels. */
    readonly channels: number;
    /** Side of the square kernel. */
    readonly size: number;
    /** Rows, and columns, from one window to the next. */
    readonly stride: number;
    /** Zeros on every side. */
    readonly pad: number;
  };
}

/** A fully connected layer with a bias. */
export interface DenseLayer {
  /** Its settings. */
  readonly dense: {
    /** Its parameters are `<name>.weight` and `<name>.bias`; fc1, fc2 … when left out. */
    readonly name?: string;
    /** Numbers that come out; as many as the data set has classes, for the last layer. */
    readonly outputs: number | "classes";
  };
}

/** Max-pooling. */
export interface MaxPoolLayer {
  /** Its settings. */
  readonly max_pool: {
    /** Side of the square windows. */
    readonly size: number;
    /** Rows, and columns, from one window to the next. */
    readonly stride: number;
    /** Rows and columns added on every side, never the largest. */
    readonly pad: number;
  };
}

/** Local response normalization across channels; the numbers mean what they mean in PyTorch. */
export interface LrnLayer {
  /** Its settings. */
  readonly lrn: {
    /** Channels of a window. */
    readonly size: number;
    /** Factor of the mean square over a window. */
    readonly alpha: number;
    /** Exponent of the divisor. */
    readonly beta: number;
    /** What the divisor starts from. */
    readonly k: number;
  };
}

/** A layer of a network; `relu` has no settings. */
export type Layer = ConvLayer | DenseLayer | MaxPoolLayer | LrnLayer | "relu";

/** The name of a built-in architecture, or one's own as a list of layers. */
export type Arch = string | readonly Layer[];

/** What a layer is, and the sizes of what goes in and comes out. */
interface Sized<Kind extends string> {
  readonly kind: Kind;
  readonly input: Extents;
  readonly output: Extents;
}

/** A layer with all its sizes and, where it has parameters, its name. */
export type Stage =
  | Sized<"conv"> & Required<ConvLayer["conv"]>
  | Sized<"dense"> & { readonly name: string }
  | Sized<"max_pool"> & MaxPoolLayer["max_pool"]
  | Sized<"lrn"> & LrnLayer["lrn"]
  | Sized<"relu">;

/**
 * The layers of `arch` with their sizes for images of `image` and `classes`.
 *
 * @throws RangeError for a layer that does not fit what the layers before it leave.
 */
export function stagesOf(
  layers: readonly Layer[],
  image: Extents,
  classes: number,
): readonly Stage[] {
  const stages: Stage[] = [];
  const names = namesOf(layers);
  layers.forEach((layer, i) => {
    const input = stages.at(-1)?.output ?? image;
    const stage = stageOf(layer, names[i], input, classes);
    const { channels, height, width } = stage.output;
    if (!(height >= 1 && width >= 1)) {
      throw new RangeError(
        `Cannot build arch[${i}] ${stage.kind}: got ${input.height} × ${input.width} planes, ` +
          `which leave ${channels} channels of ${height} × ${width}, expected at least 1 × 1; ` +
          `use fewer or smaller layers, or larger images`,
      );
    }
    stages.push(stage);
  });
  return stages;
}

/**
 * Names of the layers, `undefined` for those without parameters: their own, else conv1, conv2 … and
 * fc1, fc2 ….
 */
export function namesOf(layers: readonly Layer[]): readonly (string | undefined)[] {
  let [convs, denses] = [0, 0];
  return layers.map((layer) => {
    if (layer === "relu") return undefined;
    if ("conv" in layer) return layer.conv.name ?? `conv${++convs}`;
    return "dense" in layer ? layer.dense.name ?? `fc${++denses}` : undefined;
  });
}

function stageOf(layer: Layer, name: string | undefined, input: Extents, classes: number): Stage {
  if (layer === "relu") return { kind: "relu", input, output: input };
  if ("lrn" in layer) return { kind: "lrn", input, output: input, ...layer.lrn };
  if ("max_pool" in layer) {
    const output = { channels: input.channels, ...windows(input, layer.max_pool) };
    return { kind: "max_pool", input, output, ...layer.max_pool };
  }
  if ("conv" in layer) {
    const output = { channels: layer.conv.channels, ...windows(input, layer.conv) };
    return { kind: "conv", input, output, ...layer.conv, name: name! };
  }
  const { outputs } = layer.dense;
  const channels = outputs === "classes" ? classes : outputs;
  return { kind: "dense", input, output: { channels, height: 1, width: 1 }, name: name! };
}

/** How many windows there are along each side. */
function windows(
  { height, width }: Extents,
  { size, stride, pad }: { size: number; stride: number; pad: number },
): { height: number; width: number } {
  const along = (side: number) => Math.floor((side + 2 * pad - size) / stride) + 1;
  return { height: along(height), width: along(width) };
}
