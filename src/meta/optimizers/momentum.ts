/** momentum: gradient descent with momentum, fixed or learned; its formulas are in inner_momentum.wgsl. */
import text from "../../../kernels/inner_momentum.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import type {
  AdjointTensors,
  Hyper,
  HyperBar,
  Optimizer,
  OptimizerKind,
  StepTensors,
} from "./optimizer.ts";
import { NO_SLICES, SliceSums } from "./slice_sums.ts";

/** Gradient descent with momentum. It keeps the velocity. */
export const momentum: OptimizerKind = {
  slots: 1,
  make: (net, networks) => new Momentum(net, networks),
};

const SOURCE = link("inner_momentum.wgsl", { "inner_momentum.wgsl": text });

class Momentum implements Optimizer {
  readonly #device: Device;
  readonly #etaBar: SliceSums;
  readonly #muBar: SliceSums;
  readonly #owned: DisposableStack;

  constructor(net: Net, networks: number) {
    using owned = new DisposableStack();
    this.#device = net.device;
    this.#etaBar = owned.use(new SliceSums(net, networks));
    this.#muBar = owned.use(new SliceSums(net, networks));
    this.#owned = owned.move();
  }

  step(record: Recorder, { from, gradient, to, eta, mu }: StepTensors): void {
    const { workgroup: WG } = this.#device.profile;
    const kernel = this.#device.kernel(SOURCE, "step", { ...NO_SLICES, WG });
    gradient.parts.forEach((g, i) => {
      const [[theta, v], [thetaNext, vNext]] = [from, to].map((point) =>
        point.all.map(({ parts }) => parts[i]!)
      ) as [[Tensor, Tensor], [Tensor, Tensor]];
      const bindings = { eta, mu, theta, v, g, thetaNext, vNext };
      record.dispatchEach(kernel, { sizes: { COUNT: g.size / 4 }, bindings });
    });
  }

  adjoint(record: Recorder, { from, to, lambda, sigma, u, eta, mu }: AdjointTensors): void {
    const kernelOf = (overrides: Record<string, number>) =>
      this.#device.kernel(SOURCE, "adjoint", overrides);
    this.#etaBar.dispatch(record, kernelOf, u, (l) => ({
      eta,
      mu,
      v: from.state[0]!.layers[l]!,
      vNext: to.state[0]!.layers[l]!,
      lambda: lambda.layers[l]!,
      nu: sigma[0]!.layers[l]!,
      u: u.layers[l]!,
      etaBar: this.#etaBar.partial,
      muBar: this.#muBar.partial,
    }));
  }

  hyperBar(record: Recorder, _: Tensor, _hyper: Hyper, { eta, mu }: HyperBar): void {
    this.#etaBar.addTo(record, eta);
    if (mu) this.#muBar.addTo(record, mu);
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }
}
