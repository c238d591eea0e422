import assert from "node:assert/strict";
import vectorSource from "../../kernels/vector.wgsl" with { type: "text" };
import {
  type Bindings,
  Device,
  type Groups,
  type Kernel,
  link,
  MOST_TURNS,
  type Recorder,
  type Run,
} from "../../src/gpu/mod.ts";
import { gpuTest } from "../support/device.ts";

const SOURCE = link("vector.wgsl", { "vector.wgsl": vectorSource });

/** out += a, in whole vec4s. */
function addKernel(device: Device): Kernel {
  return device.kernel(SOURCE, "add", { SCALE: 1, WG: device.profile.workgroup });
}

/** What it runs on: the first `COUNT` vec4s. */
function addRun(bindings: Bindings, COUNT: number, turns = 1): Run {
  return { sizes: { COUNT }, bindings, turns };
}

/** Declares a test for both profiles, with a device of its own to change. */
function ownDeviceTest(name: string, run: (device: Device) => Promise<void>): void {
  for (const profile of ["software", "hardware"] as const) {
    Deno.test(`${name} [${profile}]`, async () => {
      using device = await Device.open({ profile });
      await run(device);
    });
  }
}

/** Sees to it that a command buffer of a device holds `turns`. */
function limitTurns(device: Device, turns: number): void {
  device.pacing.turns = turns;
}

/** Counts the command buffers that `body` hands to the GPU. */
function submitted(device: Device, body: () => void): number {
  const { queue } = device.gpu;
  const { submit } = queue;
  let count = 0;
  queue.submit = (buffers) => {
    count += [...buffers].length;
    submit.call(queue, buffers);
  };
  body();
  queue.submit = submit;
  return count;
}

gpuTest("Recorder.dispatch refuses a grid over the limit", (device) => {
  const most = device.info.limits.maxComputeWorkgroupsPerDimension!;
  using a = device.tensor([5]);
  using out = device.tensor([5]);
  const record = device.record();
  const kernel = addKernel(device);
  for (const groups of [[most + 1, 1, 1], [2, most + 1, 1], [2, 3, most + 1]] as const) {
    assert.throws(() => record.dispatch(kernel, addRun({ a, out }, 2), groups), {
      name: "RangeError",
      message:
        `Cannot run ${kernel.label}: got ${groups.join(" × ")} workgroups, expected at most ` +
        `${most} in each dimension; use a smaller batch or fewer networks`,
    });
  }
  assert.equal(record.dispatches, 0);
  return Promise.resolve();
});

/** Notes the grids of a recorder. */
function gridsOf(record: Recorder): { turns: number; groups: Groups }[] {
  const grids: { turns: number; groups: Groups }[] = [];
  const { dispatch } = record;
  record.dispatch = (kernel, run, groups) => {
    grids.push({ turns: run.turns!, groups });
    dispatch.call(record, kernel, run, groups);
  };
  return grids;
}

ownDeviceTest("Recorder.dispatchEach reaches every element, on a 2-D grid too", async (device) => {
  device.info.limits.maxComputeWorkgroupsPerDimension = 50;
  const { workgroup: WG } = device.profile;
  let rows = 0;
  for (const count of [1, 17, WG, WG + 1, 50 * WG, 50 * WG + 1, 51 * WG + 5, 2499 * WG - 3]) {
    for (const turns of [1, MOST_TURNS / 7, MOST_TURNS - 1]) {
      const size = 4 * count + 8;
      using a = device.tensor([size]);
      a.write(Float32Array.from({ length: size }, (_, i) => i % 8191));
      using out = device.tensor([size]).write(new Float32Array(size).fill(0.5));
      const record = device.record();
      const grids = gridsOf(record);
      record.dispatchEach(addKernel(device), addRun({ a, out }, count, turns));
      record.submit();
      const [{ groups: [x, y = 1], turns: done }] = grids as [typeof grids[0] & object];
      rows = Math.max(rows, y);
      assert.ok(x <= 50 && y <= 50 && grids.length === 1, `${x} × ${y} workgroups`);
      assert.ok(done <= MOST_TURNS, `${done} turns of an invocation`);
      const words = await out.read();
      const expected = (i: number) => (i < 4 * count ? i % 8191 : 0) + 0.5;
      assert.equal(words.findIndex((word, i) => word !== expected(i)), -1, `of ${count}`);
    }
  }
  assert.ok(rows > 1, "there was a grid of several rows");
});

gpuTest("Recorder runs dispatches, clears and copies in the order of the calls", async (device) => {
  using a = device.tensor([5]).write(Float32Array.of(1, 2, 3, 4, 5));
  using out = device.tensor([5]).write(new Float32Array(5).fill(100));
  using all = device.tensor([15]);
  const kernel = addKernel(device);
  const record = device.record();
  record.clear(out);
  record.dispatch(kernel, addRun({ a, out }, 2), [1]);
  record.copy(out, all);
  record.dispatch(kernel, addRun({ a, out }, 2), [1]);
  record.copy(out, all, 7);
  assert.equal(record.dispatches, 2);
  assert.deepEqual([...await all.read()], new Array(15).fill(0), "nothing runs before submit");
  record.submit();
  const expected = [1, 2, 3, 4, 5, 0, 0, 2, 4, 6, 8, 10, 0, 0, 0];
  assert.deepEqual([...await all.read()], expected);
});

gpuTest(
  "Recorder.submit runs the same work again, on what its tensors then hold",
  async (device) => {
    using a = device.tensor([4]).write(Float32Array.of(1, 2, 3, 4));
    using out = device.tensor([4]);
    const record = device.record();
    record.dispatchEach(addKernel(device), addRun({ a, out }, 1));
    record.submit();
    record.submit();
    assert.deepEqual([...await out.read()], [2, 4, 6, 8]);
    a.write(Float32Array.of(10, 20, 30, 40));
    record.submit();
    assert.deepEqual([...await out.read()], [12, 24, 36, 48]);
    record.dispatchEach(addKernel(device), addRun({ a, out }, 1)); // and goes on with more
    record.submit();
    assert.deepEqual([...await out.read()], [32, 64, 96, 128]);
  },
);

ownDeviceTest("Recorder.submit cuts command buffers by their work, in order", async (device) => {
  const { workgroup } = device.profile;
  using a = device.tensor([4]).write(Float32Array.of(1, 2, 3, 4));
  using out = device.tensor([4]).write(new Float32Array(4).fill(100));
  using copied = device.tensor([4]);
  const record = device.record();
  const kernel = addKernel(device);
  record.clear(out);
  for (let i = 0; i < 10; i++) record.dispatch(kernel, addRun({ a, out }, 1, 5), [1]);
  record.copy(out, copied);
  record.dispatch(kernel, addRun({ a, out }, 1, 5), [1]);
  // Eleven dispatches of 5 turns an invocation: one holds the second number of them.
  for (const [turns, each] of [[1e9, 11], [15, 3], [14, 2], [9, 1], [1, 1]] as const) {
    limitTurns(device, turns * workgroup);
    const count = submitted(device, () => record.submit());
    assert.equal(count, Math.ceil(11 / each), `of ${turns} turns`);
    assert.deepEqual([...await copied.read()], [10, 20, 30, 40]);
    assert.deepEqual([...await out.read()], [11, 22, 33, 44]);
  }
});

ownDeviceTest("Recorder.submit counts all workgroups, and all elements of each", (device) => {
  const { workgroup } = device.profile;
  limitTurns(device, 12 * workgroup);
  using a = device.tensor([4 * 12 * workgroup]);
  using out = device.tensor([4 * 12 * workgroup]);
  const run = addRun({ a, out }, 1);
  const buffersOf = (work: (record: Recorder) => void) => {
    const record = device.record();
    for (let i = 0; i < 4; i++) work(record);
    return submitted(device, () => record.submit());
  };
  const kernel = addKernel(device);
  assert.equal(buffersOf((record) => record.dispatch(kernel, run, [3])), 1, "4 × 3");
  assert.equal(buffersOf((record) => record.dispatch(kernel, run, [2, 1, 2])), 2, "3 × 4 and 4");
  const each = addRun({ a, out }, 6 * workgroup);
  assert.equal(buffersOf((record) => record.dispatchEach(kernel, each)), 2, "2 × 6, twice");
  assert.equal(buffersOf((record) => record.clear(out)), 1, "a clear counts nothing");
  return Promise.resolve();
});

gpuTest("Recorder.clear and copy keep to the words of a view", async (device) => {
  using tensor = device.tensor([200]).write(new Float32Array(200).fill(7));
  using other = device.tensor([200]);
  const record = device.record();
  record.clear(tensor.view(64, [8]));
  record.copy(tensor.view(64, [10]), other.view(128, [20]), 3);
  record.submit();
  const expected = new Float32Array(200).fill(7).fill(0, 64, 72);
  assert.deepEqual(await tensor.read(), expected);
  assert.deepEqual(await other.read(), new Float32Array(200).fill(7, 139, 141));
});

ownDeviceTest(
  "Recorder.run: the same work, with turns for others between its parts",
  async (device) => {
    const { workgroup } = device.profile;
    using a = device.tensor([4]).write(Float32Array.of(1, 2, 3, 4));
    using out = device.tensor([4]);
    const record = device.record();
    for (let i = 0; i < 10; i++) record.dispatch(addKernel(device), addRun({ a, out }, 1, 5), [1]);
    limitTurns(device, 5 * workgroup); // a command buffer for each dispatch
    let turns = 0;
    const timer = setInterval(() => turns++);
    device.pacing.rest();
    await record.run();
    clearInterval(timer);
    assert.ok(turns > 0, "timers had a turn");
    assert.deepEqual([...await out.read()], [10, 20, 30, 40]);
  },
);

ownDeviceTest("Recorder.run is ended between two parts, the first is done", async (device) => {
  const { workgroup } = device.profile;
  using a = device.tensor([4]).write(Float32Array.of(1, 2, 3, 4));
  using out = device.tensor([4]);
  const record = device.record();
  for (let i = 0; i < 10; i++) record.dispatch(addKernel(device), addRun({ a, out }, 1, 5), [1]);
  limitTurns(device, 5 * workgroup);
  const reason = new Error("enough");
  await assert.rejects(record.run(AbortSignal.abort(reason)), reason);
  assert.deepEqual([...await out.read()], [1, 2, 3, 4]);
  limitTurns(device, 50 * workgroup); // one part, which is done in any case
  await record.run(AbortSignal.abort(reason));
  assert.deepEqual([...await out.read()], [11, 22, 33, 44]);
});

ownDeviceTest(
  "command buffers get smaller where they take more than a second, and larger again",
  async (device) => {
    using a = device.tensor([4]);
    using out = device.tensor([4]);
    const record = device.record();
    record.dispatch(addKernel(device), addRun({ a, out }, 1, 5), [1]);
    const { turns } = device.profile;
    assert.equal(device.pacing.turns, turns);
    const { done } = device;
    device.done = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1050));
      await done.call(device);
    };
    await record.run();
    assert.equal(device.pacing.turns, turns / 2);
    device.done = done; // what follows is fast again
    const { workgroup } = device.profile;
    limitTurns(device, 6 * workgroup);
    await record.run();
    assert.equal(device.pacing.turns, 12 * workgroup);
  },
);
