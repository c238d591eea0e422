// A hub on this machine for tests: static files alone, or with the answers of the real one.
import { createHash } from "node:crypto";

/** A server of files by path, such as `datasets/o/n/resolve/main/data/train-00000-of-00001.parquet`. */
export interface HubServer extends AsyncDisposable {
  readonly endpoint: string;
  /** What was asked for: "HEAD path", "GET path" or "GET path from BYTE". */
  readonly log: string[];
  /** Bytes of a body after which the connection breaks. */
  breakAfter: number | undefined;
  /** Whether ranges are answered; else every answer has the whole file. */
  ranges: boolean;
  /** What headers say instead of the truth. */
  claim: { size?: number; sha256?: string };
}

/** Whether a server only has files, or has versions, hashes and lists of them too, as the hub. */
export type HubKind = "static" | "hub";

/** Path of a repository's file on the server. */
export function resolved(repository: string, file: string): string {
  return `datasets/${repository}/resolve/main/${file}`;
}

/** Serves `files` by their paths, which may be changed meanwhile. */
export function serveHub(kind: HubKind, files: Record<string, Uint8Array<ArrayBuffer>>): HubServer {
  const onListen = () => {};
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, (request) => {
    const url = new URL(request.url);
    const path = url.pathname.slice(1);
    const from = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1];
    hub.log.push(`${request.method} ${path}${from === undefined ? "" : ` from ${from}`}`);
    const list = kind === "hub" ? listOf(files, path, url) : undefined;
    if (list) return list;
    const stored = path.replace(/^cdn\//, "");
    const bytes = files[stored];
    if (!bytes) return new Response("Not found", { status: 404 });
    if (kind === "hub" && path === stored) return linkTo(path, bytes, hub.claim);
    return fileOf(bytes, request, hub, hub.ranges && from !== undefined ? Number(from) : 0);
  });
  const hub: HubServer = {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    log: [],
    breakAfter: undefined,
    ranges: true,
    claim: {},
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return hub;
}

const PAGE = 2;

/** `api/datasets/o/n/tree/main`: two files a page. */
function listOf(files: Record<string, Uint8Array>, path: string, url: URL): Response | undefined {
  const [, repository] = /^api\/datasets\/([^/]+\/[^/]+)\/tree\/main$/.exec(path) ?? [];
  if (repository === undefined) return undefined;
  const prefix = resolved(repository, "");
  const entries = Object.keys(files).filter((name) => name.startsWith(prefix))
    .map((name) => ({ type: "file", path: name.slice(prefix.length), size: files[name]!.length }));
  if (entries.length === 0) return new Response("Not found", { status: 401 });
  const first = Number(url.searchParams.get("cursor") ?? 0);
  const folder = { type: "directory", path: "data", size: 0 };
  url.searchParams.set("cursor", `${first + PAGE}`);
  const link = first + PAGE < entries.length ? { link: `<${url.href}>; rel="next"` } : undefined;
  return Response.json([folder, ...entries.slice(first, first + PAGE)], { headers: { ...link } });
}

/** Large files are elsewhere; the hub says where, how large they are and what they hash to. */
function linkTo(path: string, bytes: Uint8Array, { size, sha256 }: HubServer["claim"]): Response {
  const hash = sha256 ?? createHash("sha256").update(bytes).digest("hex");
  const headers = {
    location: `/cdn/${path}`,
    "x-linked-etag": `"${hash}"`,
    "x-linked-size": `${size ?? bytes.length}`,
  };
  return new Response(null, { status: 302, headers });
}

function fileOf(
  bytes: Uint8Array<ArrayBuffer>,
  request: Request,
  { breakAfter, claim }: HubServer,
  start: number,
): Response {
  const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
  const condition = request.headers.get("if-range");
  const from = condition === null || condition === etag ? start : 0;
  const rest = bytes.slice(from);
  const total = claim.size ?? bytes.length;
  const headers = {
    "content-length": `${total - from}`,
    etag,
    ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  };
  if (request.method === "HEAD") return new Response(null, { headers });
  const body = breakAfter === undefined ? rest : new ReadableStream({
    async start(controller) {
      controller.enqueue(rest.slice(0, breakAfter));
      await new Promise((done) => setTimeout(done, 50)); // let what there is arrive
      controller.close(); // earlier than content-length said
    },
  });
  return new Response(body, { status: from > 0 ? 206 : 200, headers });
}
