/** golden_test: the meta-gradient of LeNet, held against PyTorch's (see tests/golden). */
import assert from "node:assert/strict";
import { decodeSafetensors } from "../../src/base/safetensors.ts";
import { Blocks } from "../../src/meta/blocks.ts";
import { DistilledData } from "../../src/meta/distilled_data.ts";
import { Unroll } from "../../src/meta/unroll.ts";
import { buildNet } from "../../src/nets/build.ts";
import { importNetworks } from "../../src/nets/export.ts";
import { gpuTest } from "../support/device.ts";
import { relativeError } from "../support/nets.ts";
import { unrollSpec } from "../support/specs.ts";

const PATH = new URL("../golden/lenet.safetensors", import.meta.url);
const SPEC = unrollSpec({ blocks: 3, perBlock: 4, total: 6, labels: "probabilities" });
const REAL = 8;
const PREFIX = "theta0/";

gpuTest("the meta-gradient of LeNet is PyTorch's", async (device) => {
  const { tensors } = decodeSafetensors(await Deno.readFile(PATH), PATH.pathname);
  const numbers = (name: string) => tensors[name]!.data;
  const net = buildNet(device, "lenet", { channels: 1, height: 28, width: 28 }, 10);
  const theta0 = Object.entries(tensors).filter(([name]) => name.startsWith(PREFIX))
    .map(([name, { shape, data }]) =>
      [name.slice(PREFIX.length), { shape, data: Float32Array.from(data) }] as const
    );
  assert.equal(theta0.length, net.parameters.length);
  using data = new DistilledData(net, SPEC);
  data.images.write(numbers("images"));
  data.labels.write(numbers("labels"));
  data.lrs.write(numbers("lrs"));
  using x = new Blocks(device, "real images", 1, 28 * 28, REAL);
  using y = new Blocks(device, "real labels", 1, 10, REAL);
  x.write(numbers("real_images"));
  y.write(numbers("real_labels"));
  using unroll = new Unroll(net, SPEC, { part: REAL, total: REAL });
  unroll.start.theta.write(importNetworks(net, Object.fromEntries(theta0)));
  const record = device.record();
  unroll.metaGradient(record, data, [{ x: x.each[0]!, y: y.each[0]! }]);
  record.submit();
  const { images, labels, lrs } = unroll.gradient;
  const found = { loss: unroll.loss, d_images: images, d_labels: labels, d_lrs: lrs };
  for (const [name, gpu] of Object.entries(found)) {
    const error = relativeError(await gpu.read(), numbers(name));
    assert.ok(error < 1e-5, `${name}: relative error ${error}`);
  }
});
