/** optimizers_test: a step of every inner optimiser and its adjoint, against its float64 twin. */
import assert from "node:assert/strict";
import { type Device, MOST_TURNS } from "../../src/gpu/mod.ts";
import { OPTIMIZER_NAMES, OPTIMIZERS } from "../../src/meta/optimizers/list.ts";
import { type Hyper, Point } from "../../src/meta/optimizers/optimizer.ts";
import { SliceSums } from "../../src/meta/optimizers/slice_sums.ts";
import { parseArch } from "../../src/recipe/recipe.ts";
import { buildNet } from "../../src/nets/build.ts";
import type { Net } from "../../src/nets/net.ts";
import type { Theta } from "../../src/nets/theta.ts";
import { oracleOptimizer } from "../../src/oracle/optimizers/list.ts";
import { dot } from "../../src/oracle/vector.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { rounded } from "../support/layout.ts";
import { flatten, oddNet, paddingOf, unflatten } from "../support/nets.ts";
import { run } from "../support/record.ts";
import { oracleSettings, unrollSpec } from "../support/specs.ts";

const R = 3;
const MOMENTUM = 0.8;
const [ETA, T] = [Math.fround(0.03), 4];

/** Layers whose slices are cut into several parts, none of them even. */
function largeNet(device: Device): Net {
  const arch = parseArch([{ dense: 13 }, "relu", { dense: "classes" }], "a test");
  return buildNet(device, arch, { channels: 3, height: 5, width: 7 }, 7);
}

const NETS = { "an odd net": oddNet, "slices of several parts": largeNet };

/** Numbers of R networks, positive where they are a second moment. */
function draw({ parameterCount }: Net, seed: number, positive = false): Float64Array[] {
  return Array.from({ length: R }, (_, r) => {
    const numbers = rounded(random(parameterCount, seed + r));
    return positive ? numbers.map(Math.abs) : numbers;
  });
}

for (const name of OPTIMIZER_NAMES) {
  for (const [kind, netOf] of Object.entries(NETS)) {
    gpuTest(`${name} of ${kind}: a step and its adjoint are the twin's`, async (device) => {
      using owned = new DisposableStack();
      const net = netOf(device);
      const spec = unrollSpec({ blocks: 1, perBlock: 1, optimizer: name });
      const { slots, make } = OPTIMIZERS[name];
      const optimizer = owned.use(make(net, R, spec));
      const twin = oracleOptimizer(oracleSettings(spec, MOMENTUM));
      assert.equal(slots, twin.slots);
      const slot = (seed: number) =>
        Array.from({ length: slots }, (_, i) => draw(net, seed + 10 * i, i === 1));
      const [theta, g, lambda] = [draw(net, 1), draw(net, 11), draw(net, 21)];
      const [state, sigma] = [slot(31), slot(61)];
      const put = (flats: Float64Array[]) => owned.use(net.theta(R)).write(unflatten(net, flats));
      const number = (...values: number[]) =>
        owned.use(device.tensor([values.length])).write(Float32Array.from(values));
      const point = () => owned.use(new Point(net, R, slots, "a test"));
      const [from, to] = [point(), point()];
      from.all.forEach((array, i) => array.write(unflatten(net, [theta, ...state][i]!)));
      const [gradient, lambdas, u] = [put(g), put(lambda), owned.use(net.theta(R))];
      const sigmas = sigma.map(put);
      const corrections = [spec.beta1, spec.beta2].map(Math.fround)
        .map((beta) => 1 / (1 - beta ** (T + 1)));
      const hyper: Hyper = {
        eta: number(ETA, 99),
        mu: number(MOMENTUM, 99),
        corrections: number(...corrections),
      };
      run(device, (record) => optimizer.step(record, { from, to, gradient, ...hyper }));
      const read = async (of: Theta) => {
        const words = await of.read();
        assert.ok(paddingOf(net, R).every((i) => words[i] === 0), "padding was written");
        return Array.from({ length: R }, (_, r) => flatten(net, words, r));
      };
      const close = async (what: string, of: Theta, expected: (r: number) => Float64Array) => {
        const found = await read(of);
        found.forEach((numbers, r) =>
          assertClose(`${what} of network ${r}`, numbers, expected(r), 64)
        );
      };
      const at = (r: number) => ({ theta: theta[r]!, state: state.map((array) => array[r]!) });
      const update = (r: number) => ({ g: g[r]!, eta: ETA, t: T });
      await close("θ", to.theta, (r) => twin.step(at(r), update(r)).theta);
      // What has moved, not where it stands: else the step could be wrong unseen.
      const next = await read(to.theta);
      next.forEach((numbers, r) => {
        const moved = numbers.map((value, i) => value - theta[r]![i]!);
        const wanted = twin.step(at(r), update(r)).theta.map((value, i) => value - theta[r]![i]!);
        assertClose(`θ' − θ of network ${r}`, moved, wanted, 64, 1);
      });
      for (const [i, array] of to.state.entries()) {
        await close(`state ${i}`, array, (r) => twin.step(at(r), update(r)).state[i]!);
      }

      const tensors = { from, to, lambda: lambdas, sigma: sigmas, u, ...hyper };
      run(device, (record) => optimizer.adjoint(record, tensors));
      const adjoint = (r: number) => {
        const after = { theta: lambda[r]!, state: sigma.map((array) => array[r]!) };
        return twin.adjoint(after, at(r), update(r));
      };
      await close("u", u, (r) => adjoint(r).u);
      for (const [i, array] of sigmas.entries()) {
        await close(`σ ${i}`, array, (r) => adjoint(r).before.state[i]!);
      }
      await close("λ", lambdas, (r) => lambda[r]!); // as it was

      // ⟨u, g⟩ of each network as the pass along u leaves it, in parts.
      const N = 12;
      const lossDot = number(...g.flatMap((numbers, r) => {
        const parts = Array.from({ length: N - 1 }, (_, n) => (n - 5) / 8);
        const sum = parts.reduce((a, b) => a + b, 0);
        return [dot(adjoint(r).u, numbers) - sum, ...parts];
      }));
      const [etaBar, muBar] = [number(0.5, -1, 2, 99), number(0.25, 3, -2, 99)];
      run(
        device,
        (record) => optimizer.hyperBar(record, lossDot, hyper, { eta: etaBar, mu: muBar }),
      );
      const terms = net.parameterCount;
      const rates = Float64Array.of(0.5, -1, 2).map((start, r) => start + adjoint(r).dEta);
      assertClose("∂L/∂η", (await etaBar.read()).subarray(0, R), rates, terms);
      const momenta = Float64Array.of(0.25, 3, -2).map((start, r) => start + adjoint(r).dMomentum);
      assertClose("∂L/∂μ", (await muBar.read()).subarray(0, R), momenta, terms);
      assert.deepEqual([(await etaBar.read())[R], (await muBar.read())[R]], [99, 99]);
      run(device, (record) => optimizer.hyperBar(record, lossDot, hyper, { eta: etaBar }));
      assertClose("∂L/∂μ unasked", (await muBar.read()).subarray(0, R), momenta, terms);
    });
  }
}

gpuTest("adam: a gradient of zero moves nothing, and has finite derivatives", async (device) => {
  using owned = new DisposableStack();
  const net = oddNet(device);
  const spec = unrollSpec({ blocks: 1, perBlock: 1 });
  const optimizer = owned.use(OPTIMIZERS.adam.make(net, R, spec));
  const point = () => owned.use(new Point(net, R, 2, "a test"));
  const [from, to, bar] = [point(), point(), point()];
  const zero = owned.use(net.theta(R));
  const u = owned.use(net.theta(R));
  from.theta.write(unflatten(net, draw(net, 1)));
  bar.theta.write(unflatten(net, draw(net, 2)));
  const number = (...values: number[]) =>
    owned.use(device.tensor([values.length])).write(Float32Array.from(values));
  const hyper = { eta: number(0.1), mu: number(0), corrections: number(10, 100) };
  const record = device.record();
  optimizer.step(record, { from, to, gradient: zero, ...hyper });
  const { theta: lambda, state: sigma } = bar;
  optimizer.adjoint(record, { from, to, lambda, sigma, u, ...hyper });
  record.submit();
  assert.deepEqual(await to.theta.read(), await from.theta.read());
  const expected = (await lambda.read()).map((value) => -0.1 * value / (1e-3 + 1e-8));
  assertClose("u", await u.read(), expected, 16);
  for (const array of sigma) assert.ok((await array.read()).every(Number.isFinite));
});

gpuTest("Point: copies θ and state, and clears the state alone", async (device) => {
  const net = oddNet(device);
  using from = new Point(net, R, 2, "a test");
  using to = new Point(net, R, 2, "a test");
  for (const [i, array] of from.all.entries()) array.write(unflatten(net, draw(net, 10 * i)));
  const record = device.record();
  to.copy(record, from);
  from.clearState(record);
  record.submit();
  for (const [i, array] of to.all.entries()) {
    assert.deepEqual(await array.read(), unflatten(net, draw(net, 10 * i)), `array ${i}`);
  }
  assert.deepEqual(await from.theta.read(), unflatten(net, draw(net, 0)));
  for (const array of from.state) assert.ok((await array.read()).every((word) => word === 0));
});

gpuTest("SliceSums leaves no more parts than are added up, of the largest nets too", (device) => {
  for (const floats of [[52], [17_000_000, 0, 40], [104, 300_000_000, 4]]) {
    const stride = floats.reduce((a, b) => a + b, 0);
    using sums = new SliceSums({ device, floats, stride }, 2);
    assert.ok(sums.partial.size / 2 <= MOST_TURNS, `${sums.partial.size} parts`);
  }
  return Promise.resolve();
});
