/** gd: gradient descent; its formulas are in inner_gd.wgsl. */
import text from "../../../kernels/inner_gd.wgsl" with { type: "text" };
import { type Device, link, type Recorder, type Tensor } from "../../gpu/mod.ts";
import { addSums } from "../../ops/network_sums.ts";
import type {
  AdjointTensors,
  Hyper,
  HyperBar,
  Optimizer,
  OptimizerKind,
  StepTensors,
} from "./optimizer.ts";

/** Gradient descent. */
export const gd: OptimizerKind = {
  slots: 0,
  make: (net, networks) => new GradientDescent(net.device, networks),
};

const SOURCE = link("inner_gd.wgsl", { "inner_gd.wgsl": text });

class GradientDescent implements Optimizer {
  constructor(private readonly device: Device, private readonly networks: number) {}

  step(record: Recorder, { from, gradient, to, eta }: StepTensors): void {
    gradient.parts.forEach((g, i) => {
      const [theta, thetaNext] = [from.theta.parts[i]!, to.theta.parts[i]!];
      this.#run(record, "step", { eta, theta, g, thetaNext }, g.size);
    });
  }

  adjoint(record: Recorder, { lambda, u, eta }: AdjointTensors): void {
    u.parts.forEach((part, i) => {
      this.#run(record, "adjoint", { eta, lambda: lambda.parts[i]!, u: part }, part.size);
    });
  }

  hyperBar(record: Recorder, lossDot: Tensor, { eta }: Hyper, out: HyperBar): void {
    addSums(record, { a: lossDot, eta, out: out.eta }, this.networks);
  }

  #run(record: Recorder, entry: string, bindings: Record<string, Tensor>, size: number): void {
    const kernel = this.device.kernel(SOURCE, entry, { WG: this.device.profile.workgroup });
    record.dispatchEach(kernel, { sizes: { COUNT: size / 4 }, bindings });
  }

  [Symbol.dispose](): void {}
}
