// progress: shows how far a distillation is, as a bar on a terminal or as a line now and then.
import process from "node:process";
import cliProgress from "cli-progress";
import type { Accuracy, Progress } from "../../mod.ts";
import { describeAccuracy, describeDuration, type Session } from "./session.ts";

const SECONDS_BETWEEN_LINES = 10;

/** Takes reports of progress until it is stopped. */
export interface ProgressDisplay {
  /** Shows the newest report. */
  update(progress: Progress): void;
  /** Leaves the terminal as it was. */
  stop(): void;
}

/** The display that suits the terminal and --quiet; `unit` is what iterations are called. */
export function openProgress(session: Session, unit = "iteration"): ProgressDisplay {
  if (session.quiet) return { update: () => {}, stop: () => {} };
  return process.stderr.isTTY ? progressBar() : progressLines(session, unit);
}

function progressBar(): ProgressDisplay {
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value}/{total}  {state}",
    stream: process.stderr,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    linewrap: false,
  });
  const describe = stateDescriber();
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
  const describe = stateDescriber();
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

/** Describes reports in turn: "loss 0.412, accuracy 87.3 %, 2 min 10 s left". */
function stateDescriber(): (progress: Progress) => string {
  let accuracy: Accuracy | undefined;
  return (progress) => {
    accuracy = progress.accuracy ?? accuracy;
    const { iteration, iterations, loss, secondsPerIteration } = progress;
    const left = (iterations - iteration) * secondsPerIteration;
    return [
      ...(Number.isFinite(loss) ? [`loss ${loss.toPrecision(3)}`] : []),
      ...(accuracy === undefined ? [] : [`accuracy ${describeAccuracy(accuracy)}`]),
      ...(Number.isFinite(left) && left > 0 ? [`${describeDuration(left)} left`] : []),
    ].join(", ");
  };
}
