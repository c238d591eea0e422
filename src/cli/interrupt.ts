// interrupt: Ctrl-C ends the program in order, after a word on how to go on.

const INTERRUPTED = 130; // what shells give a program that SIGINT ended

/** Until disposed, Ctrl-C calls `say` and ends the program with status 130. */
export function onInterrupt(say: () => void): Disposable {
  const stop = () => {
    say();
    Deno.exit(INTERRUPTED);
  };
  Deno.addSignalListener("SIGINT", stop);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", stop) };
}
