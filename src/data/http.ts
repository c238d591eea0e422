// Requests to a server, and what to say when they fail.

/** fetch; not to reach the server is an error of ours. Other answers are the caller's to judge. */
export async function request(url: string, options: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, options);
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

/** The error for an answer that is not the expected one. */
export function refused(url: string, got: string, expected: string, cause?: unknown): Error {
  const message = `Cannot download ${url}: got ${got}, expected ${expected}`;
  return new Error(`${message}; check the name, the network and HF_ENDPOINT`, { cause });
}
