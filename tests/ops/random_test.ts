import assert from "node:assert/strict";
import { threefry2x32 } from "../../src/base/threefry.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { type Draw, random } from "../../src/ops/random.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/device.ts";

const GUARD = 12345.5;
const SEED = 0xdecade01;

/** The words of `out` [networks, stride] after a draw; what the draw leaves alone is GUARD. */
async function drawn(device: Device, spec: Draw, stride: number, seed = SEED, first = 0) {
  using draw = device.tensor([2]).write(Uint32Array.of(seed, first));
  using out = device.tensor([spec.networks, stride]);
  out.write(new Float32Array(out.size).fill(GUARD));
  const record = device.record();
  random(record, { draw, out }, spec);
  record.submit();
  return await out.read();
}

/** One row of `size` numbers of one network. */
function rowOf(distribution: Draw["distribution"], size: number, stream = 3): Draw {
  const row = { networks: 1, rows: 1, columns: size, pitch: size, at: 0 };
  return { distribution, scale: 1, ...row, stream };
}

/** Rows of 5 in a pitch of 8 from word 12 on, in slices of 64. */
const MATRIX = { networks: 3, rows: 4, columns: 5, pitch: 8, at: 12, stream: 6 };
const STRIDE = 64;

/** The draw of MATRIX's network r from `bits`; GUARD between. */
function matrixFrom(numberOf: (bits: [number, number]) => number, first: number): Float32Array {
  const words = new Float32Array(MATRIX.networks * STRIDE).fill(GUARD);
  for (let r = 0; r < MATRIX.networks; r++) {
    for (let i = 0; i < 20; i++) {
      const at = r * STRIDE + 12 + Math.floor(i / 5) * 8 + i % 5;
      words[at] = numberOf(threefry2x32(SEED, first + r, i, 6));
    }
  }
  return words;
}

gpuTest("random uniform has the very bits of threefry2x32, and leaves padding", async (device) => {
  const scale = 0.25; // exact, so that the product is
  const spec = { ...MATRIX, distribution: "uniform" as const, scale };
  const expected = matrixFrom(([bits]) => Math.fround(scale * (2 * (bits >>> 8) / 2 ** 24 - 1)), 7);
  assert.deepEqual(await drawn(device, spec, STRIDE, SEED, 7), expected);
});

gpuTest("random normal is Box–Muller of threefry2x32, and leaves padding", async (device) => {
  const scale = 1.7;
  const spec = { ...MATRIX, distribution: "normal" as const, scale };
  const expected = matrixFrom(([bits0, bits1]) => {
    const [u0, u1] = [(bits0 >>> 8) / 2 ** 24, (bits1 >>> 8) / 2 ** 24];
    return scale * Math.sqrt(-2 * Math.log(1 - u0)) * Math.cos(2 * Math.PI * u1);
  }, 7);
  const actual = await drawn(device, spec, STRIDE, SEED, 7);
  const keep = (_: number, i: number) => expected[i] !== GUARD;
  assert.ok(actual.every((value, i) => keep(value, i) || value === GUARD), "padding was written");
  assertClose("normal", actual.filter(keep), expected.filter(keep), 64);
});

gpuTest("random constant fills what it is told, and leaves padding", async (device) => {
  const spec = { ...MATRIX, distribution: "constant" as const, scale: 0.7 };
  const expected = matrixFrom(() => Math.fround(0.7), 7);
  assert.deepEqual(await drawn(device, spec, STRIDE, SEED, 7), expected);
});

gpuTest("random normal has the moments of N(0, 1)", async (device) => {
  const n = 60_011;
  const x = await drawn(device, rowOf("normal", n), n);
  const moment = (power: number) => x.reduce((sum, value) => sum + value ** power, 0) / n;
  // Within four standard errors: of x, x², x³, x⁴ the variances are 1, 2, 15, 96.
  for (const [power, expected, variance] of [[1, 0, 1], [2, 1, 2], [3, 0, 15], [4, 3, 96]]) {
    const error = Math.abs(moment(power!) - expected!);
    assert.ok(error < 4 * Math.sqrt(variance! / n), `moment ${power} is ${moment(power!)}`);
  }
  const next = x.reduce((sum, value, i) => sum + value * (x[i + 1] ?? 0), 0) / n;
  assert.ok(Math.abs(next) < 4 / Math.sqrt(n), `neighbours correlate: ${next}`);
  assert.ok(x.every(Number.isFinite));
});

gpuTest("random uniform fills [−scale, scale) evenly", async (device) => {
  const n = 60_011;
  const x = await drawn(device, { ...rowOf("uniform", n), scale: 3 }, n);
  assert.ok(x.every((value) => value >= -3 && value < 3));
  for (let bin = -3; bin < 3; bin++) {
    const share = x.filter((value) => value >= bin && value < bin + 1).length / n;
    assert.ok(Math.abs(share - 1 / 6) < 4 * Math.sqrt(5 / 36 / n), `share of ${bin} is ${share}`);
  }
});

for (const distribution of ["normal", "uniform"] as const) {
  gpuTest(`random ${distribution}: a network does not depend on its company`, async (device) => {
    const spec = { ...MATRIX, distribution, scale: 1 };
    const three = await drawn(device, spec, STRIDE, SEED, 40);
    const one = await drawn(device, { ...spec, networks: 1 }, STRIDE, SEED, 42);
    assert.deepEqual(one, three.subarray(2 * STRIDE), "network 42, alone and with 40 and 41");
    const wide = { ...spec, networks: 1, pitch: 11, at: 0 };
    const elsewhere = await drawn(device, wide, 77, SEED, 42);
    assert.deepEqual(elsewhere.subarray(11, 16), one.subarray(20, 25), "nor on the layout");
  });

  gpuTest(
    `random ${distribution}: seed, stream and network each make a difference`,
    async (device) => {
      const spec = rowOf(distribution, 301);
      const base = await drawn(device, spec, 301, 5, 9);
      assert.deepEqual(await drawn(device, spec, 301, 5, 9), base, "the same again");
      const others = [
        await drawn(device, spec, 301, 6, 9),
        await drawn(device, spec, 301, 5, 10),
        await drawn(device, spec, 301, 9, 5),
        await drawn(device, { ...spec, stream: 4 }, 301, 5, 9),
      ];
      for (const other of others) {
        const same = other.filter((value, i) => value === base[i]).length;
        assert.ok(same < 3, `${same} of 301 numbers are the same`);
      }
    },
  );
}
