// progress: shows how far a distillation is, as a bar on a terminal or as a line now and then.
import process from "node:process";
import cliProgress from "npm:cli-progress@3.12.0";
import type { Accuracy, Progress } from "../../mod.ts";
import { describeAccuracy, describeDuration, type Session } from "./session.ts";

const SECONDS_BETWEEN_LINES = 10;

/** What is shown of a run. */
type Report = Omit<Progress, "read"> & {
  /** Where in the work that is, in words. */
  readonly where?: string;
};

/** Takes reports of progress until it is stopped. */
export interface ProgressDisplay {
  /** Shows the newest report. */
  update(report: Report): void;
  /** Leaves the terminal as it was. */
  stop(): void;
}

/** The display that suits the terminal and --quiet; `unit` is what iterations are called. */
export function openProgress(session: Session, unit = "iteration"): ProgressDisplay {
  if (session.quiet) return { update: () => {}, stop: () => {} };
  return process.stderr.isTTY ? progressBar(unit) : progressLines(session, unit);
}

function progressBar(unit: string): ProgressDisplay {
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value}/{total}  {state}",
    stream: process.stderr,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    linewrap: false,
  });
  const describe = stateDescriber(unit);
  return {
    update(progress) {
      const state = describe(progress);
      if (!bar.isActive) bar.start(progress.iterations, progress.iteration, { state });
      bar.update(progress.iteration, { state });
    },
    stop: () => bar.isActive && bar.stop(),
  };
}

/** Prints the first and last report, those with an accuracy, and one every 10 s. */
export function progressLines(session: Session, unit = "iteration"): ProgressDisplay {
  const describe = stateDescriber(unit);
  let last = -Infinity;
  return {
    update(progress) {
      const { iteration, iterations, accuracy } = progress;
      const state = describe(progress);
      const isDue = performance.now() - last >= 1000 * SECONDS_BETWEEN_LINES;
      if (!isDue && iteration < iterations && accuracy === undefined) return;
      session.note(`${unit} ${iteration} of ${iterations}, ${state}`);
      last = performance.now();
    },
    stop: () => {},
  };
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
