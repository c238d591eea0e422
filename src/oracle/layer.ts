// layer: the four passes of a differentiable layer y = f(x, w), and their composition.
//
//   fwd   y = f(x, w)                        jvp   ẏ = ∂f/∂x·ẋ + ∂f/∂w·ẇ
//   vjp   x̄ = (∂f/∂x)ᵀ·ȳ,  w̄ = (∂f/∂w)ᵀ·ȳ    hvp   (x̄˙, w̄˙) = d/dε vjp(x+εẋ, w+εẇ, ȳ+εȳ˙)
//
//   sequence   x_{l+1} = f_l(x_l, w_l): tangents run forward, cotangents and their tangents back.
//
// x [n, inSize]   y [n, outSize]   w [params]; every Dot and Bar has the shape of its primal.

/** One network's layer in float64, for n images at a time. */
export interface OracleLayer {
  /** The layer's kind, for messages. */
  readonly name: string;
  /** Length of w, 0 if the layer has no parameters. */
  readonly params: number;
  /** Numbers of one image at the input: x is [n, inSize]. */
  readonly inSize: number;
  /** Numbers of one image at the output: y is [n, outSize]. */
  readonly outSize: number;

  /** y [n, outSize] of x [n, inSize] and w [params]. */
  fwd(x: Float64Array, w: Float64Array, n: number): Float64Array;

  /** Cotangents xBar [n, inSize] and wBar [params] of yBar [n, outSize]. */
  vjp(
    x: Float64Array,
    w: Float64Array,
    yBar: Float64Array,
    n: number,
  ): { xBar: Float64Array; wBar: Float64Array };

  /** Tangent yDot [n, outSize] along xDot [n, inSize] and wDot [params]. */
  jvp(
    x: Float64Array,
    w: Float64Array,
    xDot: Float64Array,
    wDot: Float64Array,
    n: number,
  ): Float64Array;

  /** Derivative xBarDot [n, inSize], wBarDot [params] of vjp along (xDot, wDot, yBarDot). */
  hvp(
    x: Float64Array,
    w: Float64Array,
    xDot: Float64Array,
    wDot: Float64Array,
    yBar: Float64Array,
    yBarDot: Float64Array,
    n: number,
  ): { xBarDot: Float64Array; wBarDot: Float64Array };
}

/** The layers applied one after another; w [Σ params] holds their parameters in order. */
export function sequence(layers: readonly OracleLayer[], name = "sequence"): OracleLayer {
  checkChain(layers, name);
  const params = layers.reduce((sum, layer) => sum + layer.params, 0);
  return {
    name,
    params,
    inSize: layers[0]!.inSize,
    outSize: layers.at(-1)!.outSize,
    fwd: (x, w, n) => inputs(layers, x, split(layers, w), n).at(-1)!,
    jvp(x, w, xDot, wDot, n) {
      const ws = split(layers, w);
      const xs = inputs(layers, x, ws, n);
      return inputDots(layers, xs, ws, xDot, split(layers, wDot), n).at(-1)!;
    },
    vjp(x, w, yBar, n) {
      const ws = split(layers, w);
      const xs = inputs(layers, x, ws, n);
      const wBar = new Float64Array(params);
      const wBars = split(layers, wBar);
      for (let l = layers.length - 1; l >= 0; l--) {
        const bar = layers[l]!.vjp(xs[l]!, ws[l]!, yBar, n);
        wBars[l]!.set(bar.wBar);
        yBar = bar.xBar;
      }
      return { xBar: yBar, wBar };
    },
    hvp: (x, w, xDot, wDot, yBar, yBarDot, n) =>
      sequenceHvp(layers, x, w, xDot, wDot, yBar, yBarDot, n),
  };
}

/** hvp of the sequence: (x, ẋ) pushed forward together, then (ȳ, ȳ˙) pulled back together. */
function sequenceHvp(
  layers: readonly OracleLayer[],
  x: Float64Array,
  w: Float64Array,
  xDot: Float64Array,
  wDot: Float64Array,
  yBar: Float64Array,
  yBarDot: Float64Array,
  n: number,
): { xBarDot: Float64Array; wBarDot: Float64Array } {
  const ws = split(layers, w);
  const wDots = split(layers, wDot);
  const xs = inputs(layers, x, ws, n);
  const xDots = inputDots(layers, xs, ws, xDot, wDots, n);
  const wBarDot = new Float64Array(w.length);
  const wBarDots = split(layers, wBarDot);
  for (let l = layers.length - 1; l >= 0; l--) {
    const layer = layers[l]!;
    const barDot = layer.hvp(xs[l]!, ws[l]!, xDots[l]!, wDots[l]!, yBar, yBarDot, n);
    wBarDots[l]!.set(barDot.wBarDot);
    yBar = layer.vjp(xs[l]!, ws[l]!, yBar, n).xBar;
    yBarDot = barDot.xBarDot;
  }
  return { xBarDot: yBarDot, wBarDot };
}

/** x_0 … x_L: the input of every layer, and last the output. */
function inputs(
  layers: readonly OracleLayer[],
  x: Float64Array,
  ws: Float64Array[],
  n: number,
): Float64Array[] {
  const xs = [x];
  layers.forEach((layer, l) => xs.push(layer.fwd(xs[l]!, ws[l]!, n)));
  return xs;
}

/** ẋ_0 … ẋ_L: the tangents of inputs(). */
function inputDots(
  layers: readonly OracleLayer[],
  xs: Float64Array[],
  ws: Float64Array[],
  xDot: Float64Array,
  wDots: Float64Array[],
  n: number,
): Float64Array[] {
  const xDots = [xDot];
  layers.forEach((layer, l) => xDots.push(layer.jvp(xs[l]!, ws[l]!, xDots[l]!, wDots[l]!, n)));
  return xDots;
}

/** Each layer's own part of flat w: views, not copies. */
function split(layers: readonly OracleLayer[], w: Float64Array): Float64Array[] {
  let end = 0;
  return layers.map(({ params }) => {
    end += params;
    return w.subarray(end - params, end);
  });
}

function checkChain(layers: readonly OracleLayer[], name: string): void {
  if (layers.length === 0) {
    throw new RangeError(`Cannot compose ${name}: got 0 layers, expected at least 1`);
  }
  for (let l = 1; l < layers.length; l++) {
    const from = layers[l - 1]!;
    const to = layers[l]!;
    if (from.outSize !== to.inSize) {
      throw new RangeError(
        `Cannot compose ${name}: got ${from.name} with ${from.outSize} outputs an image ` +
          `before ${to.name}, expected ${to.inSize}; change the size of one of them`,
      );
    }
  }
}
