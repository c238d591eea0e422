// cli_progress_test: an accuracy on the progress line says when it was measured, where there is room for it.
import assert from "node:assert/strict";
import { progressLines } from "../src/cli/progress.ts";
import { progressLine } from "../src/cli/progress_line.ts";
import type { Session } from "../src/cli/session.ts";

const ACCURACY = { mean: 0.873, std: 0, networks: 1 };

/** The lines of a run of 4 iterations with these reports. */
function linesOf(reports: { iteration: number; mean?: number }[], unit?: string): string[] {
  const lines: string[] = [];
  const session = { note: (line: string) => void lines.push(line) } as Session;
  const display = progressLines(session, unit);
  for (const { iteration, mean } of reports) {
    const accuracy = mean === undefined ? {} : { accuracy: { ...ACCURACY, mean } };
    display.update({ iteration, iterations: 4, loss: 0.5, secondsPerIteration: 2, ...accuracy });
  }
  display.stop();
  return lines;
}

Deno.test("an accuracy of this iteration stands alone; later it is given with its iteration", () => {
  assert.deepEqual(linesOf([{ iteration: 2, mean: 0.873 }, { iteration: 4 }]), [
    "iteration 2 of 4, loss 0.500, accuracy 87.3 %, 4 s left",
    "iteration 4 of 4, loss 0.500, accuracy 87.3 % at iteration 2",
  ]);
});

Deno.test("a new accuracy takes the place of the earlier one", () => {
  const reports = [{ iteration: 1, mean: 0.5 }, { iteration: 3, mean: 0.9 }, { iteration: 4 }];
  assert.deepEqual(linesOf(reports), [
    "iteration 1 of 4, loss 0.500, accuracy 50.0 %, 6 s left",
    "iteration 3 of 4, loss 0.500, accuracy 90.0 %, 2 s left",
    "iteration 4 of 4, loss 0.500, accuracy 90.0 % at iteration 3",
  ]);
});

Deno.test("no accuracy is shown before the first; what an iteration is called is", () => {
  assert.deepEqual(linesOf([{ iteration: 1 }, { iteration: 4 }], "epoch"), [
    "epoch 1 of 4, loss 0.500, 6 s left",
    "epoch 4 of 4, loss 0.500",
  ]);
});

Deno.test("a display knows nothing of the run before it", () => {
  linesOf([{ iteration: 2, mean: 0.873 }]);
  assert.deepEqual(linesOf([{ iteration: 4 }]), ["iteration 4 of 4, loss 0.500"]);
});

Deno.test("iterations that take long are told from the first on, and as long as none is done", async () => {
  const lines: string[] = [];
  const session = { note: (line: string) => void lines.push(line) } as Session;
  const { now } = performance;
  const display = progressLines(session);
  try {
    display.move(0, 4);
    const later = now.call(performance) + 10_000;
    performance.now = () => later;
    await new Promise((resolve) => setTimeout(resolve, 1100));
    display.move(1, 4);
    display.update({ iteration: 1, iterations: 4, loss: 0.5, secondsPerIteration: 20 });
    display.move(2, 4);
  } finally {
    performance.now = now;
    display.stop();
  }
  const first = "iteration 0 of 4; the first takes longer, since kernels are compiled for it";
  assert.deepEqual(lines, [first, first, "iteration 1 of 4, loss 0.500, 1 min 00 s left"]);
});

Deno.test("work that takes long is told on, and so is a report, until there is another", async () => {
  const lines: string[] = [];
  const session = { note: (line: string) => void lines.push(line) } as Session;
  const { now } = performance;
  const display = progressLines(session);
  const wait = async (seconds: number) => {
    const later = performance.now() + 1000 * seconds;
    performance.now = () => later;
    await new Promise((resolve) => setTimeout(resolve, 1100));
  };
  try {
    display.begin("Whitening");
    await wait(6);
    display.move(0, 4);
    display.update({ iteration: 4, iterations: 4, loss: 0.5, secondsPerIteration: 20 });
    await wait(5);
    display.begin("Testing");
    await wait(70);
  } finally {
    performance.now = now;
    display.stop();
  }
  assert.deepEqual(lines, [
    "Whitening",
    "Whitening: 6 s so far",
    "iteration 0 of 4; the first takes longer, since kernels are compiled for it",
    "iteration 4 of 4, loss 0.500",
    "iteration 4 of 4, loss 0.500",
    "Testing",
    "Testing: 1 min 10 s so far",
  ]);
});

Deno.test("a narrow terminal keeps loss, accuracy and time left", () => {
  const state = "loss 0.412, accuracy 87.3 % at iteration 300, 2 min 10 s left";
  const at = (columns: number, text = state) => progressLine(columns, 325, 650, text);
  const [long, short] = ["████████████░░░░░░░░░░░░", "████░░░░"];
  assert.equal(at(120), `${long} 325/650  ${state}`);
  assert.equal(at(79), `${short} 325/650  ${state}`);
  assert.equal(at(72), `325/650  ${state}`);
  assert.equal(at(60), "325/650  loss 0.412, accuracy 87.3 %, 2 min 10 s left");
  assert.equal(at(50), "325/650  loss 0.412, 87.3 %, 2 min 10 s left");
  assert.equal(at(39), "loss 0.412, 87.3 %, 2 min 10 s left");
  const wide = "loss 0.412, accuracy 79.5 ± 8.1 % at iteration 23000, 38 h 02 min left";
  assert.equal(at(39, wide), "0.412, 79.5 ± 8.1 %, 38 h 02 min left");
  for (let columns = 37; columns < 120; columns++) {
    assert.ok(at(columns, wide).length <= columns, `${columns} columns`);
  }
});
