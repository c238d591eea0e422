// A hub on this machine for tests that writes any bytes it likes, at its leisure, or none.

/** What is written as an answer: at once, or part by part for as long as somebody reads. */
export type Reply = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** A request's method and path, with what is searched for. */
export type Behaviour = (method: string, path: string) => Reply;

/** A server that answers as it was told. */
export interface HostileServer extends AsyncDisposable {
  readonly endpoint: string;
}

/** Serves one request a connection by writing what `behaviour` says, and closes it. */
export function serveHostile(behaviour: (endpoint: string) => Behaviour): HostileServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const endpoint = `http://127.0.0.1:${listener.addr.port}`;
  const reply = behaviour(endpoint);
  const open = new Set<Promise<void>>();
  const listening = (async () => {
    for await (const connection of listener) {
      const served = serve(connection, reply).catch(() => {}); // the other side has gone
      open.add(served);
      served.finally(() => open.delete(served));
    }
  })().catch(() => {});
  return {
    endpoint,
    async [Symbol.asyncDispose]() {
      listener.close();
      await listening;
      await Promise.all(open);
    },
  };
}

async function serve(connection: Deno.TcpConn, behaviour: Behaviour): Promise<void> {
  using _ = connection;
  const head = await requestOf(connection);
  const [, method = "", path = ""] = /^(\w+) (\S+)/.exec(head) ?? [];
  const reply = behaviour(method, path);
  const parts = typeof reply === "string" || reply instanceof Uint8Array ? [reply] : reply;
  for await (const part of parts) {
    await writeAll(connection, typeof part === "string" ? new TextEncoder().encode(part) : part);
  }
  await connection.closeWrite();
  while (await connection.read(new Uint8Array(1024)) !== null); // until the other side has read all
}

async function requestOf(connection: Deno.TcpConn): Promise<string> {
  const chunk = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const read = await connection.read(chunk);
    if (read === null) break;
    head += new TextDecoder().decode(chunk.subarray(0, read));
  }
  return head;
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

/** Bytes of an answer with these headers; `connection: close` among them. */
export function answer(
  body: string | Uint8Array = "",
  headers: Record<string, string | number> = {},
  status = 200,
): Uint8Array {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = { connection: "close", "content-length": bytes.length, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = new TextEncoder().encode(`HTTP/1.1 ${status} Such\r\n${lines.join("")}\r\n`);
  return Uint8Array.from([...head, ...bytes]);
}

/** Head of an answer whose end is that of the connection. */
export const OPEN_ENDED = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

/** `start`, and then `part` again and again, so many milliseconds apart. */
export async function* drip(start: string, part: string | Uint8Array, pause: number) {
  yield start;
  while (true) {
    if (pause > 0) await new Promise((done) => setTimeout(done, pause));
    yield part;
  }
}

/** `start`, and then nothing for longer than any time limit of a test. */
export async function* silence(start: string) {
  yield start;
  await new Promise((done) => setTimeout(done, 600));
}
