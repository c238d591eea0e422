// An overflow inside of a network must reach its outputs, and so the loss: no layer may hide it.
import assert from "node:assert/strict";
import type { LayerName, LayerSettings } from "../../src/layers/list.ts";
import type { Device } from "../../src/gpu/mod.ts";
import { type Frame, type Op, parameterFloats, type Planes, sizeOf } from "../../src/layers/op.ts";
import { type Case, opOf } from "../support/check_op.ts";
import { gpuTest } from "../support/device.ts";

const INPUT: Planes = { channels: 2, height: 4, width: 4 };
const IMAGES = 8;

interface Layer<Name extends LayerName = LayerName> {
  readonly kind: Name;
  readonly settings: LayerSettings<Name>;
  readonly relu?: boolean;
  readonly pool?: boolean;
}

const CONV = { channels: 3, size: 3, stride: 1, pad: 1 };
const POINTWISE = { ...CONV, size: 1, pad: 0 };
const WINDOWS = { size: 2, stride: 2, pad: 0 };
const LRN = { size: 3, alpha: 1, beta: 0.75, k: 2 };

const LAYERS: Record<string, Layer> = {
  "relu": { kind: "relu", settings: {} },
  "conv after relu": { kind: "conv", settings: CONV, relu: true },
  "conv with pooling": { kind: "conv", settings: POINTWISE, pool: true },
  "conv after relu with a stride": { kind: "conv", settings: { ...CONV, stride: 2 }, relu: true },
  "dense after relu": { kind: "dense", settings: { outputs: 5 }, relu: true },
  "max_pool": { kind: "max_pool", settings: WINDOWS },
  "avg_pool": { kind: "avg_pool", settings: WINDOWS },
  "lrn after relu": { kind: "lrn", settings: LRN, relu: true },
  "instance_norm": { kind: "instance_norm", settings: { eps: 1e-5 } },
};

/** The bits of NaN with either sign: x86 processors make the negative one. */
const NANS = [0x7fc00000, 0xffc00000];

for (const [name, { kind, settings, relu = false, pool = false }] of Object.entries(LAYERS)) {
  gpuTest(`${name}: NaN in an image comes out of it, and of no other`, async (device) => {
    const op = opOf(device, { kind, settings, input: INPUT, relu, pool } as Case<LayerName>);
    for (const nan of NANS) {
      for (const place of [0, 5, 10, 15]) {
        const y = await outputOf(device, op, (i, n) => i === place && n === 1 ? nan : bitsOf(1));
        assert.ok(y[1]!.some(Number.isNaN), `NaN in pixel ${place} is lost`);
        assert.ok(y.every((image, n) => n === 1 || image.every(Number.isFinite)));
      }
    }
  });
}

for (const name of ["lrn after relu", "instance_norm"]) {
  const { kind, settings, relu = false } = LAYERS[name]!;
  gpuTest(`${name}: squares that overflow do not make it silent`, async (device) => {
    const op = opOf(device, { kind, settings, input: INPUT, relu } as Case<LayerName>);
    const y = await outputOf(
      device,
      op,
      (i, n) => bitsOf(n === 1 ? 1e20 * (1 + i % 3) : i % 3),
    );
    assert.ok(y[1]!.every(Number.isNaN), `${y[1]}`);
    assert.ok(y.every((image, n) => n === 1 || image.every(Number.isFinite)));
  });
}

/** What a layer whose weights are ones makes of each image, whose pixels have the bits x(i, n). */
async function outputOf(
  device: Device,
  op: Op,
  x: (i: number, n: number) => number,
): Promise<number[][]> {
  using owned = new DisposableStack();
  const span = { networks: 1, images: IMAGES };
  const tensor = (size: number) => owned.use(device.tensor([size]));
  const size = sizeOf(INPUT);
  const bits = Uint32Array.from({ length: size * IMAGES }, (_, at) => {
    return x(Math.floor(at / IMAGES), at % IMAGES);
  });
  const words = op.residual?.(span).words ?? 0;
  const floats = parameterFloats(op);
  const y = tensor(sizeOf(op.output) * IMAGES);
  const frame: Frame = {
    ...span,
    x: tensor(size * IMAGES).write(bits),
    y,
    residual: words > 0 ? tensor(words) : undefined,
    theta: floats > 0 ? tensor(floats).write(new Float32Array(floats).fill(1)) : undefined,
  };
  const record = device.record();
  op.forward(record, frame, false);
  record.submit();
  const out = await y.read();
  return Array.from(
    { length: IMAGES },
    (_, n) => [...out].filter((_, at) => at % IMAGES === n),
  );
}

/** The bits of a float. */
function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}
