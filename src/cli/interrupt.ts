// interrupt: Ctrl-C and SIGTERM end a command in order, after a word on what is left; a second time they end it at once.

/** Exit statuses of a program that a signal ended, as shells give them. */
const STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

type Signal = keyof typeof STATUS;

/** Those that the system has. */
const SIGNALS: readonly Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];

/** The command was asked to end; the message says what it leaves. */
export class InterruptedError extends Error {
  /** The name shown in a stack trace. */
  override name = "InterruptedError";

  /** @param status that the program ends with. */
  constructor(message: string, readonly status: number) {
    super(message);
  }
}

/** What a command does when it is asked to end. */
interface OnInterrupt {
  /** Leaves the terminal as it was. */
  readonly stop?: () => void;
  /** Says that it is about to end. */
  readonly note: (line: string) => void;
  /** What is left when it has ended, and what to do with it. */
  readonly tell: () => string;
}

/** Until disposed, Ctrl-C and SIGTERM end the program at once, after a word. */
export function exitOnInterrupt({ stop, note, tell }: OnInterrupt): Disposable {
  return listen((status) => {
    stop?.();
    note(tell());
    Deno.exit(status);
  });
}

/**
 * Until disposed, Ctrl-C and SIGTERM abort a signal, and end the program at once when they come again. `settle` turns
 * what a command threw because of it into an error that tells what is left.
 */
export function abortOnInterrupt({ stop, note, tell }: OnInterrupt) {
  const controller = new AbortController();
  const { signal } = controller;
  let ending: number | undefined;
  const listening = listen((status) => {
    if (ending !== undefined) Deno.exit(status);
    ending = status;
    stop?.();
    note("Stopping after the work at hand; Ctrl-C again stops at once");
    controller.abort();
  });
  return {
    signal,
    settle: (error: unknown) =>
      error === signal.reason && signal.aborted ? new InterruptedError(tell(), ending!) : error,
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  };
}

function listen(end: (status: number) => void): Disposable {
  const listeners = SIGNALS.map((name) => [name, () => end(STATUS[name])] as const);
  for (const [name, listener] of listeners) Deno.addSignalListener(name, listener);
  return {
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) Deno.removeSignalListener(name, listener);
    },
  };
}
