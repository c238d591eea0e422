/** The losses, of ten classes where they take as many, each first proved against its float64 twin. */
import type { Device, Recorder } from "../../src/gpu/mod.ts";
import { Loss, LOSSES, type LossKind } from "../../src/layers/loss.ts";
import { padded } from "../../src/layers/op.ts";
import { random } from "../../tests/oracle/numeric.ts";
import { assertClose } from "../../tests/support/close.ts";
import { download, rounded, upload } from "../../tests/support/layout.ts";
import type { Case } from "../rate.ts";
import { CLASSES, NETS } from "./nets.ts";

export async function lossCases(device: Device): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [name, kind] of Object.entries(LOSSES)) {
    for (const count of NETS[0]!.batches) {
      cases.push(...await passesOf(device, { name, kind, count }));
    }
  }
  return cases;
}

async function passesOf(
  device: Device,
  { name, kind, count }: { name: string; kind: LossKind; count: number },
): Promise<Case[]> {
  const { twin, outputs: K = CLASSES } = kind;
  const images = padded(count);
  const span = { networks: 1, images };
  const numbers = {
    z: rounded(random(count * K, 1, 3)),
    zDot: rounded(random(count * K, 2)),
    y: rounded(random(count * K, 3).map(Math.abs)),
  };
  const own = (rows: number) => device.tensor([1, rows, images]);
  const [z, zDot, y] = [numbers.z, numbers.zDot, numbers.y].map((array) =>
    upload(device, [array], K, count)
  );
  const out = { loss: own(1), hit: own(1), zBar: own(K), zBarDot: own(K), lossDot: own(1) };
  const frame = { ...span, ...out, live: count, total: count, z: z!, zDot: zDot!, y: y! };
  const op = new Loss(device, name, K);
  const passes: [string, (record: Recorder) => void][] = [
    ["forward", (record) => op.forward(record, frame)],
    ["backward", (record) => op.backward(record, frame, false)],
    ["tangent", (record) => op.backward(record, frame, true)],
  ];
  const record = device.record();
  for (const [, run] of passes) run(record);
  record.submit();
  const terms = 8 * K; // sums over outputs, and exponentials that are a few roundings off
  const same = async (what: "zBar" | "zBarDot", expected: Float64Array) => {
    assertClose(`${name} ${what}`, (await download(out[what], 1, K, count))[0]!, expected, terms);
  };
  const sum = (await out.loss.read()).reduce((a, b) => a + b, 0);
  assertClose(name, [sum], [twin.value(numbers.z, numbers.y, count, K)], terms * count);
  await same("zBar", twin.gradient(numbers.z, numbers.y, count, K));
  await same("zBarDot", twin.tangent(numbers.z, numbers.zDot, numbers.y, count, K));
  const group = `${name} N=${images}`;
  return passes.map(([name, run]) => ({ group, name, work: "bytes", run }));
}
