import assert from "node:assert/strict";
import { orthogonal, type Weight } from "../../src/ops/orthogonal.ts";
import { random } from "../oracle/numeric.ts";
import { gpuTest } from "../support/device.ts";

const AT = 8;
const STRIDE = 50_000;

function weightOf(rows: number, columns: number, pitch: number, networks: number): Weight {
  return { networks, rows, columns, pitch, at: AT, gain: 1.3 };
}

/** Rows of network r, or its columns where there are fewer of them. */
function vectorsOf(words: Float32Array, { rows, columns, pitch }: Weight, r: number): number[][] {
  const row = (i: number) => {
    const start = r * STRIDE + AT + i * pitch;
    return [...words.subarray(start, start + columns)];
  };
  const all = Array.from({ length: rows }, (_, i) => row(i));
  return rows <= columns ? all : all[0]!.map((_, j) => all.map((values) => values[j]!));
}

const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

const WEIGHTS = [
  weightOf(7, 25, 25, 2), // wide
  weightOf(84, 121, 124, 1), // wide, padded, longer than a workgroup
  weightOf(120, 400, 400, 1), // fc1 of LeNet: more turns than llvmpipe gives one invocation
  weightOf(31, 9, 12, 3), // tall
  weightOf(151, 70, 72, 1),
  weightOf(13, 13, 16, 2),
];

for (const weight of WEIGHTS) {
  const { networks, rows, columns, pitch, gain } = weight;
  gpuTest(`orthogonal ${rows} × ${columns}: W Wᵀ = gain² I`, async (device) => {
    const before = Float32Array.from(random(networks * STRIDE, 3));
    using out = device.tensor([networks, STRIDE]).write(before);
    const record = device.record();
    orthogonal(record, out, weight);
    record.submit();
    const after = await out.read();
    for (let r = 0; r < networks; r++) {
      const vectors = vectorsOf(after, weight, r);
      vectors.forEach((v, i) => {
        for (let j = 0; j <= i; j++) {
          const expected = i === j ? gain ** 2 : 0;
          const error = Math.abs(dot(v, vectors[j]!) - expected);
          assert.ok(error < 2e-5, `network ${r}: ⟨${i}, ${j}⟩ is off by ${error}`);
        }
      });
      // Gram–Schmidt leaves the direction of the first.
      const [given, first] = [vectorsOf(before, weight, r)[0]!, vectors[0]!];
      const cosine = dot(given, first) / Math.sqrt(dot(given, given)) / gain;
      assert.ok(Math.abs(cosine - 1) < 1e-5, `network ${r}: the first turned, cosine ${cosine}`);
    }
    const inside = (i: number) => {
      const at = i % STRIDE - AT;
      return at >= 0 && at < rows * pitch && at % pitch < columns;
    };
    const touched = after.findIndex((value, i) => !inside(i) && value !== before[i]);
    assert.equal(touched, -1, "words around the weight were written");
  });
}
