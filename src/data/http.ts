// Requests to a server that may say anything, say nothing, or never end: what is let through, for how
// long, and what to say otherwise.

/** What a server may take. */
export interface Limits {
  /** Milliseconds until it answers, and until the next bytes of an answer. */
  readonly silence: number;
  /** Milliseconds for the list of a repository's files. */
  readonly list: number;
  /** Milliseconds for a file. */
  readonly file: number;
  /** Bytes of all files of a data set. */
  readonly bytes: number;
}

/** What a server of data sets may take: half a minute of silence, six hours a file. */
export const LIMITS: Limits = { silence: 30e3, list: 120e3, file: 6 * 3600e3, bytes: 50e9 };

/** What a request has beside its address. */
interface RequestOptions {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Record<string, string> | undefined;
  /** Milliseconds of silence. */
  readonly silence: number;
  /** When all must be done, by the clock of `performance.now()`. */
  readonly deadline: number;
  /** Whether a redirection is itself the answer. */
  readonly isAnswer?: (headers: Headers) => boolean;
}

/** A server's answer; its body must be read to the end, or the answer disposed of. */
export interface Answer extends Disposable {
  readonly status: number;
  readonly headers: Headers;
  /** Parts of the body as they come. @throws {Error} silence, the deadline, or a broken connection */
  readonly body: AsyncIterable<Uint8Array>;
}

const REDIRECTIONS = 5;

/**
 * Asks a server, and goes where it redirects to, by http and https only. Not to reach it is an error
 * of ours; which status is good is the caller's to judge.
 *
 * @throws {Error} no permission, no answer in time, or redirections that lead nowhere
 */
export async function request(url: string, options: RequestOptions): Promise<Answer> {
  let at = url;
  for (let i = 0; i <= REDIRECTIONS; i++) {
    const answer = await requestOnce(at, url, options);
    const location = answer.headers.get("location");
    const isElsewhere = answer.status >= 300 && answer.status < 400 && location !== null;
    if (!isElsewhere || options.isAnswer?.(answer.headers)) return answer;
    answer[Symbol.dispose]();
    const next = webAddress(location, at);
    if (next === undefined) {
      throw refused(url, "a redirection to something else", "one to an address of http or https");
    }
    at = next.href;
  }
  throw refused(url, `more than ${REDIRECTIONS} redirections`, "a file");
}

/**
 * An address that a server gave, seen from where it gave it; `undefined` where it is none, is of
 * another kind than http and https, or leaves https for http.
 */
export function webAddress(address: string, from: string): URL | undefined {
  const base = new URL(from);
  const url = URL.canParse(address, base) ? new URL(address, base) : undefined;
  if (url?.protocol === "https:") return url;
  return url?.protocol === "http:" && base.protocol === "http:" ? url : undefined;
}

/** The error for an answer that is not the expected one. */
export function refused(url: string, got: string, expected: string, cause?: unknown): Error {
  const message = `Cannot download ${url}: got ${got}, expected ${expected}`;
  return new Error(`${message}; check the name, the network and HF_ENDPOINT`, { cause });
}

/** What a network that wants a log-in sends in place of anything else. */
export const WEB_PAGE = "a web page, as networks send that want a log-in first";

async function requestOnce(at: string, url: string, options: RequestOptions): Promise<Answer> {
  const { method = "GET", headers = {} } = options;
  const patience = new Patience(options);
  try {
    const response = await patience.during(
      fetch(at, { method, headers, redirect: "manual", signal: patience.signal }),
    );
    return {
      status: response.status,
      headers: response.headers,
      body: bodyOf(response, patience),
      [Symbol.dispose]: () => patience.end(),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (!(cause instanceof Deno.errors.NotCapable)) {
      throw refused(url, `no answer (${reason})`, "a connection", cause);
    }
    throw new Error(
      `Cannot download ${url}: got no permission (${reason}), expected --allow-net`,
      { cause },
    );
  }
}

async function* bodyOf({ body }: Response, patience: Patience): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (!reader) return;
  try {
    while (true) {
      const { done, value } = await patience.during(reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    patience.end();
  }
}

/** Ends a request that keeps silent, or is not done in time. */
class Patience {
  readonly #controller = new AbortController();
  readonly #silence: number;
  readonly #deadline: number;

  constructor({ silence, deadline }: RequestOptions) {
    this.#silence = silence;
    this.#deadline = deadline;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits for the next thing that a server does. @throws {Error} if it takes too long */
  async during<T>(next: Promise<T>): Promise<T> {
    const left = Math.max(0, this.#deadline - performance.now());
    const isSilence = this.#silence < left;
    const why = isSilence
      ? `nothing came for ${this.#silence / 1000} s`
      : "it took too long in all";
    const abort = () => this.#controller.abort(new Error(why));
    if (left === 0) abort(); // a timer would wait for a server that is never silent
    const timer = setTimeout(abort, Math.min(this.#silence, left));
    try {
      const value = await next;
      this.signal.throwIfAborted();
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets go of the connection. */
  end(): void {
    this.#controller.abort(new Error("the request is over"));
  }
}
