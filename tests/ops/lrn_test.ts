import assert from "node:assert/strict";
import { Lrn } from "../../src/ops/lrn.ts";
import { sequence } from "../../src/oracle/layer.ts";
import { lrn } from "../../src/oracle/lrn.ts";
import { relu } from "../../src/oracle/relu.ts";
import { random } from "../oracle/numeric.ts";
import { checkOp } from "../support/check_op.ts";
import { deviceOf, gpuTest } from "../support/device.ts";
import { offZero } from "../support/inputs.ts";
import { download, upload } from "../support/layout.ts";

// Even and odd windows, one wider than all channels; AlexCifarNet's numbers last.
const SHAPES = [
  { C: 7, H: 3, V: 2, size: 4, alpha: 1.3, beta: 0.75, k: 1, N: 6, R: 2, relu: true },
  { C: 5, H: 2, V: 5, size: 3, alpha: 0.9, beta: 0.5, k: 2, N: 3, R: 3, relu: false },
  { C: 3, H: 4, V: 1, size: 6, alpha: 2.1, beta: 1.5, k: 0.7, N: 5, R: 1, relu: true },
  { C: 9, H: 2, V: 3, size: 4, alpha: 0.001 / 9, beta: 0.75, k: 1, N: 2, R: 2, relu: false },
];

const oracleOf = ({ C, H, V, size, alpha, beta, k }: typeof SHAPES[number]) =>
  lrn({ C, AREA: H * V, SIZE: size, ALPHA: alpha, BETA: beta, K: k });

for (const shape of SHAPES) {
  gpuTest(`Lrn ${JSON.stringify(shape)}`, async (device) => {
    const { C, H, V, N, R, ...numbers } = shape;
    const op = new Lrn(device, { input: { channels: C, height: H, width: V }, ...numbers });
    const layer = oracleOf(shape);
    await checkOp(device, op, 4, {
      oracle: shape.relu ? sequence([relu(C * H * V), layer]) : layer,
      networks: R,
      images: N,
      terms: shape.size ** 2,
      x: (r) => offZero(random(N * C * H * V, 11 + r, 2)),
    });
  });
}

gpuTest("Lrn.hvpX: the second derivative is symmetric", async (device) => {
  const [shape, N] = [SHAPES[0]!, 6];
  const { C, H, V, ...numbers } = shape;
  const op = new Lrn(device, {
    input: { channels: C, height: H, width: V },
    ...numbers,
    relu: false,
  });
  const rows = C * H * V;
  const tensor = (array: Float64Array) => upload(device, [array], rows, N);
  const [x, u, v, yBar] = [3, 4, 5, 6].map((seed) => random(N * rows, seed, 2));
  using still = tensor(new Float64Array(N * rows));
  using theta = device.tensor([1]);
  async function along(direction: Float64Array): Promise<Float64Array> {
    using xBarDot = device.tensor([1, rows, 8]);
    using at = tensor(x!);
    using xDot = tensor(direction);
    using bar = tensor(yBar!);
    const record = device.record();
    const t = { x: at, xDot, theta, thetaDot: theta, yBar: bar, yBarDot: still, xBarDot };
    op.hvpX(record, { networks: 1, images: 8 }, t);
    record.submit();
    return (await download(xBarDot, 1, rows, N))[0]!;
  }
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, w, i) => sum + w * b[i]!, 0);
  const [Hu, Hv] = [await along(u!), await along(v!)];
  const [uHv, vHu, uHu] = [dot(u!, Hv), dot(v!, Hu), dot(u!, Hu)];
  assert.ok(Math.abs(uHv - vHu) < 1e-5 * Math.abs(uHu), `${uHv} and ${vHu}, ⟨u, Hu⟩ = ${uHu}`);
  assert.ok(Math.abs(uHv - uHu) > 1e-3 * Math.abs(uHu), "the directions differ");
});

Deno.test("Lrn refuses an input that does not move, and one of another size", async () => {
  const device = await deviceOf("software");
  const input = { channels: 2, height: 1, width: 1 };
  const op = new Lrn(device, { input, size: 2, alpha: 1, beta: 1, k: 1, relu: false });
  const span = { networks: 1, images: 4 };
  using x = device.tensor([2, 4]);
  using y = device.tensor([2, 4]);
  const jvp = { x, xDot: null, theta: x, thetaDot: x, yDot: y };
  assert.throws(() => op.jvp(device.record(), span, jvp), {
    name: "TypeError",
    message: "Cannot run lrn.jvp: got no xDot, expected one",
  });
  using large = device.tensor([3, 4]);
  assert.throws(() => op.fwd(device.record(), span, { x: large, y }), {
    name: "TypeError",
    message: /^Cannot run lrn.fwd on x: got shape \[3, 4\], expected 8 numbers/,
  });
});
