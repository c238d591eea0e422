/** The loss at ten classes, its derivatives first proved against the oracle. */
import type { Device } from "../../src/gpu/mod.ts";
import { padded } from "../../src/ops/op.ts";
import { SoftmaxXent } from "../../src/ops/softmax_xent.ts";
import * as oracle from "../../src/oracle/softmax_xent.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { assertClose } from "../../tests/support/close.ts";
import { download, rounded, upload } from "../../tests/support/layout.ts";
import { BATCHES, runsFor, type Three } from "./bilinear.ts";
import type { Case } from "../rate.ts";

const K = 10;
const TERMS = 8 * K; // sums along classes, and exponentials that are a few roundings off

export async function softmaxXentCases(device: Device): Promise<Case[]> {
  return (await Promise.all(BATCHES.map((count) => passesOf(device, count)))).flat();
}

async function passesOf(device: Device, count: number): Promise<Case[]> {
  const images = padded(count);
  const span = { networks: 1, images };
  const [zs, zDots, ys] = [
    rounded(random(count * K, 1, 3)),
    rounded(random(count * K, 2)),
    rounded(random(count * K, 3).map(Math.abs)),
  ] as const;
  const [z, zDot, y] = [zs, zDots, ys].map((array) => upload(device, [array], K, count)) as Three;
  const [zBar, zBarDot] = [device.tensor([1, K, images]), device.tensor([1, K, images])];
  const [loss, hit, lossDot] = [1, 2, 3].map(() => device.tensor([1, images])) as Three;
  const op = new SoftmaxXent(device, K, count);
  const logits = z.bytes;
  const shared = { group: `softmax_xent N=${images}`, runs: runsFor(count) };
  const passes: Case[] = [
    {
      ...shared,
      name: "fwd",
      work: { bytes: 2 * logits + loss.bytes + hit.bytes },
      run: (record) => op.fwd(record, span, { z, y, loss, hit }),
    },
    {
      ...shared,
      name: "vjpZ",
      work: { bytes: 3 * logits },
      run: (record) => op.vjpZ(record, span, { z, y, zBar }),
    },
    {
      ...shared,
      name: "jvp",
      work: { bytes: 4 * logits },
      run: (record) => op.jvp(record, span, { z, zDot, y, lossDot, zBarDot }),
    },
  ];
  const record = device.record();
  for (const { run } of passes) run(record);
  record.submit();
  const parts = await loss.read();
  const sum = parts.subarray(0, count).reduce((a, b) => a + b, 0);
  assertClose("loss", [sum], [oracle.fwd(zs, ys, count, K)], TERMS * count);
  const [zBars] = await download(zBar, 1, K, count);
  assertClose("zBar", zBars!, oracle.vjpZ(zs, ys, count, K), TERMS);
  const [zBarDots] = await download(zBarDot, 1, K, count);
  assertClose("zBarDot", zBarDots!, oracle.hvpZ(zs, zDots, ys, count, K), TERMS);
  return passes;
}
