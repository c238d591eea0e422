import assert from "node:assert/strict";
import { padded, sizeOf } from "../../src/layers/op.ts";
import { type Arch, stagesOf } from "../../src/nets/arch.ts";
import { buildNet, fused, twinOf } from "../../src/nets/build.ts";
import { layersOf } from "../../src/nets/named.ts";
import type { Net } from "../../src/nets/net.ts";
import { oracleNet } from "../../src/oracle/net.ts";
import { parseArch } from "../../src/recipe/recipe.ts";
import { random } from "../oracle/numeric.ts";
import { deviceOf } from "../support/device.ts";
import { download, rounded, upload } from "../support/layout.ts";
import { flatten, relativeError, unflatten } from "../support/nets.ts";

/** Layers before a dense one, as a recipe writes them. */
function archOf(layers: unknown[]): Arch {
  return parseArch([...layers, { dense: "classes" }], "a test");
}

/** What becomes of them: the kinds that are left, and what each takes over. */
function decisions(layers: unknown[], height = 10, width = 14): string[] {
  const image = { channels: 2, height, width };
  const stages = stagesOf(layersOf(archOf(layers), image), image, 5);
  const chain = fused(stages);
  chain.slice(1).forEach(({ kind, input }, i) => {
    assert.deepEqual(input, chain[i]!.output, `${kind} reads what ${chain[i]!.kind} leaves`);
  });
  assert.deepEqual([chain[0]!.input, chain.at(-1)!.output], [
    stages[0]!.input,
    stages.at(-1)!.output,
  ]);
  return chain.map(({ kind, relu, pool }) => {
    return (relu ? "relu+" : "") + kind + (pool ? "+pool" : "");
  });
}

const CONV = { conv: { channels: 4, size: 3 } };
const NORM = "instance_norm";
const LRN = { lrn: { size: 3 } };
const PAIRS = { max_pool: 2 };
const TRIPLES = { max_pool: { size: 3, stride: 1 } };
const MEANS = { avg_pool: 2 };

const DECISIONS: [what: string, layers: unknown[], expected: string[]][] = [
  ["nothing to take", [CONV, LRN, NORM], ["conv", "lrn", "instance_norm", "dense"]],
  ["the next layer takes a ReLU", [CONV, "relu", CONV, "relu", LRN, "relu"], [
    ...["conv", "relu+conv", "relu+lrn", "relu+dense"],
  ]],
  ["… past max-poolings", [CONV, "relu", TRIPLES, TRIPLES], [
    ...["conv", "max_pool", "max_pool", "relu+dense"],
  ]],
  ["… past one that the convolution takes", [CONV, "relu", PAIRS, TRIPLES, LRN], [
    ...["conv+pool", "max_pool", "relu+lrn", "dense"],
  ]],
  ["a ReLU stays where none takes it", [CONV, "relu", MEANS, "relu", NORM], [
    ...["conv", "relu", "avg_pool", "relu", "instance_norm", "dense"],
  ]],
  ["… after what it passed", [CONV, "relu", TRIPLES, NORM], [
    ...["conv", "max_pool", "relu", "instance_norm", "dense"],
  ]],
  ["… also where the convolution took it", [CONV, "relu", PAIRS, MEANS], [
    ...["conv+pool", "relu", "avg_pool", "dense"],
  ]],
  ["… beside another", [CONV, "relu", "relu"], ["conv", "relu", "relu+dense"]],
  ["a convolution takes 2 × 2 pooling", [CONV, PAIRS, "relu", CONV], [
    ...["conv+pool", "relu+conv", "dense"],
  ]],
  ["… with a ReLU of its own", [CONV, "relu", CONV, "relu", { max_pool: { size: 2, pad: 0 } }], [
    ...["conv", "relu+conv+pool", "relu+dense"],
  ]],
  ["… once", [CONV, PAIRS, PAIRS], ["conv+pool", "max_pool", "dense"]],
  ["… not after another layer", [CONV, LRN, PAIRS], ["conv", "lrn", "max_pool", "dense"]],
  [
    "… not with a stride of its own",
    [{ conv: { channels: 4, size: 3, stride: 2, pad: 2 } }, PAIRS],
    [
      ...["conv", "max_pool", "dense"],
    ],
  ],
  ["… not pooling that overlaps", [CONV, { max_pool: { size: 2, stride: 1 } }], [
    ...["conv", "max_pool", "dense"],
  ]],
  ["… nor pads", [CONV, { max_pool: { size: 2, pad: 1 } }], ["conv", "max_pool", "dense"]],
  ["… nor is average pooling", [CONV, MEANS], ["conv", "avg_pool", "dense"]],
];

for (const [what, layers, expected] of DECISIONS) {
  Deno.test(`fused: ${what}`, () => assert.deepEqual(decisions(layers), expected));
}

Deno.test("fused: a convolution does not pool odd sides", () => {
  for (const [height, width] of [[9, 14], [10, 13], [9, 13]] as const) {
    assert.deepEqual(decisions([CONV, PAIRS], height, width), ["conv", "max_pool", "dense"]);
  }
});

const ARCH = archOf([CONV, "relu", PAIRS]);

// The planes that the convolution leaves have even sides, and odd ones.
for (const [height, width, layers] of [[6, 8, 2], [7, 9, 3]] as const) {
  for (const ties of [false, true]) {
    Deno.test({
      name: `a net that pools ${height - 2} × ${
        width - 2
      } planes agrees with the oracle, ties=${ties}`,
      fn: async () => {
        const device = await deviceOf("software");
        const net = buildNet(device, ARCH, { channels: 2, height, width }, 5);
        assert.equal(net.ops.length, layers);
        await agrees(net, ties);
      },
      sanitizeResources: false, // the device outlives the test
      sanitizeOps: false,
    });
  }
}

/** `ties`: a convolution without weights, so that all of a window is the same and the first of it counts. */
async function agrees(net: Net, ties: boolean): Promise<void> {
  using owned = new DisposableStack();
  const { device, input } = net;
  const twin = oracleNet(twinOf(ARCH, input, 5));
  const n = 5;
  const isStill = (i: number) => ties && i < 4 * 2 * 9;
  const theta = rounded(random(net.parameterCount, 1, 0.3).map((w, i) => isStill(i) ? 0 : w));
  const thetaDot = rounded(random(net.parameterCount, 2));
  const [x, y] = [rounded(random(n * sizeOf(input), 3)), rounded(random(n * 5, 4))];
  const put = (flat: Float64Array) => owned.use(net.theta(1)).write(unflatten(net, [flat]));
  const [thetaBar, thetaBarDot] = [owned.use(net.theta(1)), owned.use(net.theta(1))];
  const xBarDot = owned.use(device.tensor([sizeOf(input), padded(n)]));
  const work = owned.use(net.workspace(1, n, { passes: "grad" }));
  const tensors = {
    theta: put(theta),
    x: owned.use(upload(device, [x], sizeOf(input), n)),
    y: owned.use(upload(device, [y], 5, n)),
  };
  const record = device.record();
  net.grad(record, work, { ...tensors, thetaBar });
  const along = { ...tensors, thetaDot: put(thetaDot), thetaBarDot, xBarDot };
  net.hvp(record, work, owned.use(net.tangents(1, n)), along);
  record.submit();
  const expected = twin.hvp(theta, thetaDot, x, y, n);
  const [[inX], inTheta, gradient] = [
    await download(xBarDot, 1, sizeOf(input), n),
    flatten(net, await thetaBarDot.read()),
    flatten(net, await thetaBar.read()),
  ];
  for (
    const [what, actual, wanted] of [
      ["∇θ ℓ", gradient, expected.dTheta],
      ["∂²ℓ/∂θ²", inTheta, expected.thetaBarDot],
      ["∂²ℓ/∂x∂θ", inX!, expected.xBarDot],
    ] as const
  ) {
    const error = relativeError(actual, wanted);
    assert.ok(error < 1e-6, `${what}: relative error ${error}`);
  }
}
