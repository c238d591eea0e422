import assert from "node:assert/strict";
import type { Device, Recorder, Tensor } from "../../src/gpu/mod.ts";
import { padded } from "../../src/ops/op.ts";
import { SoftmaxXent } from "../../src/ops/softmax_xent.ts";
import * as oracle from "../../src/oracle/softmax_xent.ts";
import { random } from "../oracle/numeric.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";
import { distinct } from "../support/inputs.ts";
import { download, rounded, upload } from "../support/layout.ts";

/** `total` is what the mean is taken over: more than N where a batch runs in parts. */
interface Shape {
  K: number;
  N: number;
  R: number;
  total: number;
  /** The largest logit, about. */
  scale: number;
}

const SHAPES: Shape[] = [
  { K: 7, N: 5, R: 3, total: 5, scale: 3 },
  { K: 10, N: 11, R: 2, total: 29, scale: 2 },
  { K: 3, N: 131, R: 5, total: 131, scale: 1 }, // more than one workgroup
  { K: 5, N: 6, R: 2, total: 6, scale: 80 },
];

class Case {
  readonly z: Float64Array[];
  readonly zDot: Float64Array[];
  readonly y: Float64Array;
  readonly #device: Device;
  readonly #shape: Shape;

  constructor(device: Device, shape: Shape) {
    const { K, N, R, scale } = shape;
    this.#device = device;
    this.#shape = shape;
    const network = (make: (r: number) => Float64Array) =>
      Array.from({ length: R }, (_, r) => rounded(make(r)));
    this.z = network((r) => distinct(N * K, 11 + r).map((v) => v * 200 * scale / (N * K)));
    this.zDot = network((r) => random(N * K, 21 + r));
    this.y = rounded(random(N * K, 31).map((v) => Math.abs(v) + 0.1)); // sums are not 1
  }

  /** Runs an entry into [rows, N] of each network, checking that every network's words are set. */
  async run(rows: number, pass: (record: Recorder, span: Span, t: Inputs) => void) {
    const { N, R, K } = this.#shape;
    using z = upload(this.#device, this.z, K, N);
    using zDot = upload(this.#device, this.zDot, K, N);
    using y = upload(this.#device, [this.y], K, N);
    using out = this.#device.tensor([R, rows, padded(N)]);
    using hit = this.#device.tensor([R, padded(N)]);
    out.write(new Float32Array(out.size).fill(NaN));
    const record = this.#device.record();
    pass(record, { networks: R, images: padded(N) }, { z, zDot, y, out, hit });
    record.submit();
    const padding = await paddingOf(out, R * rows, N);
    const hitPadding = await paddingOf(hit, R, N);
    const each = await download(out, R, rows, N);
    return { each, hit: await download(hit, R, 1, N), padding, hitPadding };
  }
}

interface Span {
  networks: number;
  images: number;
}

type Inputs = Record<"z" | "zDot" | "y" | "out" | "hit", Tensor>;

/** The words of images past `n`. */
async function paddingOf(tensor: Tensor, rows: number, n: number): Promise<number[]> {
  const images = padded(n);
  const words = await tensor.read();
  return Array.from({ length: rows }, (_, row) => [
    ...words.subarray(row * images + n, (row + 1) * images),
  ]).flat();
}

function sumOf(array: Float64Array): number {
  return array.reduce((a, b) => a + b, 0);
}

for (const shape of SHAPES) {
  const { K, N, total } = shape;
  const terms = 4 * K; // an exponential or logarithm of f32 is good to a few units
  const title = `SoftmaxXent ${JSON.stringify(shape)}`;
  const part = (array: Float64Array) => array.map((value) => value * N / total);

  gpuTest(`${title} fwd: loss and hits`, async (device) => {
    const c = new Case(device, shape);
    const op = new SoftmaxXent(device, K, total);
    const { each, hit, padding } = await c.run(
      1,
      (record, span, { z, y, out, hit }) => op.fwd(record, span, { z, y, loss: out, hit }),
    );
    c.z.forEach((z, r) => {
      const expected = Float64Array.from({ length: N }, (_, n) => {
        const image = (a: Float64Array) => a.subarray(n * K, (n + 1) * K);
        return oracle.fwd(image(z), image(c.y), 1, K) / total;
      });
      assertClose(`loss of network ${r}`, each[r]!, expected, terms);
      const mean = oracle.fwd(z, c.y, N, K) * N / total;
      assertClose(`mean loss of network ${r}`, [sumOf(each[r]!)], [mean], terms * N);
      const guess = (a: Float64Array, n: number) => {
        const image = a.subarray(n * K, (n + 1) * K);
        return image.indexOf(Math.max(...image));
      };
      const hits = Array.from({ length: N }, (_, n) => +(guess(z, n) === guess(c.y, n)));
      assert.deepEqual([...hit[r]!], hits, `hits of network ${r}`);
    });
    assert.ok(padding.every((value) => value === 0), "padding images lose nothing");
  });

  gpuTest(`${title} vjpZ and vjpY`, async (device) => {
    const c = new Case(device, shape);
    const op = new SoftmaxXent(device, K, total);
    const zBar = await c.run(
      K,
      (record, span, { z, y, out }) => op.vjpZ(record, span, { z, y, zBar: out }),
    );
    const yBar = await c.run(
      K,
      (record, span, { z, out }) => op.vjpY(record, span, { z, yBar: out }),
    );
    c.z.forEach((z, r) => {
      assertClose(`zBar ${r}`, zBar.each[r]!, part(oracle.vjpZ(z, c.y, N, K)), terms);
      assertClose(`yBar ${r}`, yBar.each[r]!, part(oracle.vjpY(z, N, K)), terms);
    });
    assert.ok(zBar.padding.every((value) => value === 0), "padding images have no gradient");
  });

  gpuTest(`${title} jvp and hvpY`, async (device) => {
    const c = new Case(device, shape);
    const op = new SoftmaxXent(device, K, total);
    const both = await c.run(K, (record, span, { z, zDot, y, out, hit }) => {
      op.jvp(record, span, { z, zDot, y, lossDot: hit, zBarDot: out });
    });
    const [zBarDot, lossDot] = [both, { each: both.hit, padding: both.hitPadding }];
    const yBarDot = await c.run(
      K,
      (record, span, { z, zDot, out }) => op.hvpY(record, span, { z, zDot, yBarDot: out }),
    );
    const still = new Float64Array(N * K);
    c.z.forEach((z, r) => {
      const zDot = c.zDot[r]!;
      const scale = 1 / total; // of the terms: where one class has it all, ż and ⟨p,ż⟩ cancel
      const expected = Float64Array.from({ length: N }, (_, n) => {
        const image = (a: Float64Array) => a.subarray(n * K, (n + 1) * K);
        return oracle.jvp(image(z), image(zDot), image(c.y), image(still), 1, K) / total;
      });
      assertClose(`lossDot ${r}`, lossDot.each[r]!, expected, terms, scale);
      const mean = oracle.jvp(z, zDot, c.y, still, N, K) * N / total;
      assertClose(`ΣlossDot ${r}`, [sumOf(lossDot.each[r]!)], [mean], terms * N, scale);
      const dotted = part(oracle.hvpZ(z, zDot, c.y, N, K));
      assertClose(`zBarDot ${r}`, zBarDot.each[r]!, dotted, terms, scale);
      assertClose(`yBarDot ${r}`, yBarDot.each[r]!, part(oracle.hvpY(z, zDot, N, K)), terms, scale);
    });
    for (const { padding } of [lossDot, zBarDot]) {
      assert.ok(padding.every((value) => value === 0), "padding images add nothing");
    }
  });
}

gpuTest("SoftmaxXent is finite and right at logits of ±80", async (device) => {
  using z = upload(device, [Float64Array.of(80, -80, 0, -80, 80, -80)], 3, 2);
  using y = upload(device, [Float64Array.of(0, 1, 0, 0, 1, 0)], 3, 2);
  using out = device.tensor([1, 3, 4]);
  using hit = device.tensor([1, 4]);
  using loss = device.tensor([1, 4]);
  const record = device.record();
  const op = new SoftmaxXent(device, 3, 2);
  op.fwd(record, { networks: 1, images: 4 }, { z, y, loss, hit });
  op.vjpZ(record, { networks: 1, images: 4 }, { z, y, zBar: out });
  record.submit();
  assert.deepEqual([...await loss.read()], [80, 0, 0, 0], "160 and 0, over two images");
  assert.deepEqual([...(await hit.read()).subarray(0, 2)], [0, 1]);
  const [zBar] = await download(out, 1, 3, 2);
  assert.deepEqual([...zBar!].map((v) => Math.round(v * 1e6) / 1e6), [0.5, -0.5, 0, 0, 0, 0]);
});

gpuTest("SoftmaxXent.fwd takes the first of equal logits and of equal labels", async (device) => {
  // Image by image: equal labels 0 and 2, equal logits 1 and 2, and neither right.
  using z = upload(device, [Float64Array.of(3, 1, 2, 0, 5, 5, 4, 4, 1)], 3, 3);
  using y = upload(device, [Float64Array.of(0.5, 0, 0.5, 0, 1, 0, 0, 1, 0)], 3, 3);
  using loss = device.tensor([1, 4]);
  using hit = device.tensor([1, 4]);
  const record = device.record();
  new SoftmaxXent(device, 3, 3).fwd(record, { networks: 1, images: 4 }, { z, y, loss, hit });
  record.submit();
  assert.deepEqual([...(await hit.read()).subarray(0, 3)], [1, 1, 0]);
});
