// progress: shows how far a distillation is, as a bar on a terminal or as a line now and then.
import process from "node:process";
import cliProgress from "npm:cli-progress@3.12.0";
import type { Accuracy, Progress } from "../../mod.ts";
import { progressLine } from "./progress_line.ts";
import { describeAccuracy, describeDuration, type Session } from "./session.ts";

const SECONDS_BETWEEN_LINES = 5;

/** What is shown of a run. */
type Report = Omit<Progress, "read"> & {
  /** Where in the work that is, in words. */
  readonly where?: string;
};

/** Takes reports of progress until it is stopped. */
export interface ProgressDisplay {
  /** Shows how many iterations are done; from the first call on something moves, however long one takes. */
  move(iteration: number, iterations: number): void;
  /** Shows the newest report; something moves from then on, too. */
  update(report: Report): void;
  /** Tells in a line which long work begins, before the first iteration or after the last; it goes on until then. */
  begin(work: string): void;
  /** Leaves the terminal as it was; the next report shows it again. */
  stop(): void;
}

/** The display that suits the terminal and --quiet; `unit` is what iterations are called. */
export function openProgress(session: Session, unit = "iteration"): ProgressDisplay {
  if (session.quiet) return { move: () => {}, update: () => {}, begin: () => {}, stop: () => {} };
  return process.stderr.isTTY ? progressBar(session, unit) : progressLines(session, unit);
}

/** What cli-progress tells of a bar. */
interface Params {
  /** Columns of the terminal. */
  readonly maxWidth: number;
  /** Iterations done. */
  readonly value: number;
  /** Iterations in all. */
  readonly total: number;
}

/** A bar, which draws itself again and again: the time that it shows goes on between reports. */
function progressBar(session: Session, unit: string): ProgressDisplay {
  const bar = new cliProgress.SingleBar({
    format: (_: unknown, { maxWidth, value, total }: Params) =>
      progressLine(maxWidth, value, total, since === undefined ? state : sinceText(since)),
    stream: process.stderr,
    linewrap: false,
    gracefulExit: false, // the command does
  });
  const describe = stateDescriber(unit);
  let state = "the first takes longer, since kernels are compiled for it, ";
  let since: number | undefined; // the start of work that is no iteration
  const show = (iteration: number, iterations: number) => {
    if (!bar.isActive) bar.start(iterations, iteration);
    bar.update(iteration);
  };
  return {
    move(iteration, iterations) {
      since = undefined;
      show(iteration, iterations);
    },
    update(report) {
      since = undefined;
      state = `${describe(report)}, `;
      show(report.iteration, report.iterations);
    },
    begin(work) {
      const { isActive } = bar;
      if (isActive) bar.stop();
      session.note(work);
      since = performance.now();
      if (isActive) show(bar.value, bar.getTotal());
    },
    stop: () => bar.isActive && bar.stop(),
  };
}

/**
 * Prints the first and last report, those with an accuracy, and one every 5 s; where none comes for as long, how many
 * iterations are done, or which work is at hand.
 */
export function progressLines(session: Session, unit = "iteration"): ProgressDisplay {
  const describe = stateDescriber(unit);
  let [done, state, last] = [
    "",
    "; the first takes longer, since kernels are compiled for it",
    -Infinity,
  ];
  let isFirst = true;
  let work: { name: string; since: number } | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  const isDue = () => performance.now() - last >= 1000 * SECONDS_BETWEEN_LINES;
  const print = () => {
    session.note(work ? `${work.name}: ${sinceText(work.since)}` : `${unit} ${done}${state}`);
    last = performance.now();
  };
  const start = () => timer ??= setInterval(() => isDue() && print(), 1000);
  return {
    move(iteration, iterations) {
      done = `${iteration} of ${iterations}`;
      if (timer === undefined || work) {
        work = undefined;
        print();
      }
      start();
    },
    update(report) {
      const { iteration, iterations, accuracy } = report;
      done = `${iteration} of ${iterations}`;
      state = `, ${describe(report)}`;
      work = undefined;
      if (isFirst || isDue() || iteration === iterations || accuracy !== undefined) print();
      isFirst = false;
      start();
    },
    begin(name) {
      session.note(name);
      last = performance.now();
      work = { name, since: last };
      start();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** "12 s so far". */
function sinceText(time: number): string {
  return `${describeDuration((performance.now() - time) / 1000)} so far`;
}

/**
 * Describes reports in turn: "loss 0.412, accuracy 87.3 % at iteration 100, 2 min 10 s left". An
 * accuracy stays on show until the next, with the iteration it is of unless that is the report's own.
 */
function stateDescriber(unit: string): (report: Report) => string {
  let tested: { accuracy: Accuracy; at: number } | undefined;
  return ({ iteration, iterations, where, loss, secondsPerIteration, accuracy }) => {
    if (accuracy) tested = { accuracy, at: iteration };
    const left = (iterations - iteration) * secondsPerIteration;
    const when = tested?.at === iteration ? "" : ` at ${unit} ${tested?.at}`;
    return [
      ...(where === undefined ? [] : [where]),
      ...(Number.isFinite(loss) ? [`loss ${loss.toPrecision(3)}`] : []),
      ...(tested ? [`accuracy ${describeAccuracy(tested.accuracy)}${when}`] : []),
      ...(Number.isFinite(left) && left > 0 ? [`${describeDuration(left)} left`] : []),
    ].join(", ");
  };
}
