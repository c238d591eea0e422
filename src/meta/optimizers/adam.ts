/** adam: Adam as an inner optimiser; its formulas are in inner_adam.wgsl. */
import text from "../../../kernels/inner_adam.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor } from "../../gpu/mod.ts";
import type { Net } from "../../nets/net.ts";
import type {
  AdjointTensors,
  Hyper,
  HyperBar,
  Optimizer,
  OptimizerKind,
  OptimizerSettings,
  StepTensors,
} from "./optimizer.ts";
import { NO_SLICES, SliceSums } from "./slice_sums.ts";

/** Adam. It keeps both moments. */
export const adam: OptimizerKind = {
  slots: 2,
  make: (net, networks, settings) => new Adam(net, networks, settings),
};

const SOURCE = link("inner_adam.wgsl", { "inner_adam.wgsl": text });

class Adam implements Optimizer {
  readonly #device: Device;
  readonly #etaBar: SliceSums;
  readonly #constants: Readonly<Record<string, number>>;

  constructor(net: Net, networks: number, { beta1, beta2, epsRoot }: OptimizerSettings) {
    this.#device = net.device;
    this.#etaBar = new SliceSums(net, networks);
    this.#constants = { BETA1: beta1, BETA2: beta2, EPS_ROOT: epsRoot };
  }

  step(record: Recorder, { from, gradient, to, eta, corrections }: StepTensors): void {
    const { workgroup: WG } = this.#device.profile;
    const kernel = this.#device.kernel(SOURCE, "step", { ...this.#constants, ...NO_SLICES, WG });
    gradient.parts.forEach((g, i) => {
      const [[theta, m, v], [thetaNext, mNext, vNext]] = [from, to].map((point) =>
        point.all.map(({ parts }) => parts[i]!)
      ) as [[Tensor, Tensor, Tensor], [Tensor, Tensor, Tensor]];
      const bindings = { eta, corrections, theta, m, v, g, thetaNext, mNext, vNext };
      record.dispatchEach(kernel, { sizes: { COUNT: g.size / 4 }, bindings });
    });
  }

  adjoint(record: Recorder, tensors: AdjointTensors): void {
    const { from, to, lambda, sigma, u, eta, corrections } = tensors;
    const kernelOf = (overrides: Record<string, number>) =>
      this.#device.kernel(SOURCE, "adjoint", { ...this.#constants, ...overrides });
    this.#etaBar.dispatch(record, kernelOf, u, (l) => ({
      eta,
      corrections,
      m: from.state[0]!.layers[l]!,
      mNext: to.state[0]!.layers[l]!,
      vNext: to.state[1]!.layers[l]!,
      lambda: lambda.layers[l]!,
      mu: sigma[0]!.layers[l]!,
      nu: sigma[1]!.layers[l]!,
      u: u.layers[l]!,
      etaBar: this.#etaBar.partial,
    }));
  }

  hyperBar(record: Recorder, _: Tensor, _hyper: Hyper, { eta }: HyperBar): void {
    this.#etaBar.addTo(record, eta);
  }

  [Symbol.dispose](): void {
    this.#etaBar[Symbol.dispose]();
  }
}
