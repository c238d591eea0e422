// Downloads that may stop at any byte: what is under the final name is whole, always.
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { quoted } from "../base/text.ts";
import { LIMITS, type Limits, refused, request, WEB_PAGE } from "./http.ts";

/** A file on a server. */
export interface Remote {
  readonly url: string;
  /** Bytes, if the server tells. */
  readonly size: number | undefined;
  /** SHA-256 in hexadecimal, if the server tells. */
  readonly sha256: string | undefined;
  /** Changes when the file does, if the server tells. */
  readonly version: string | undefined;
  /** Whether `version` holds for ranges; that of a file that is linked to does not. */
  readonly ranged: boolean;
}

const IDENTITY = { "accept-encoding": "identity" };

/**
 * Asks a server about a file, without fetching it. `undefined` where there is none.
 *
 * @throws {Error} no permission, no connection, or another answer than expected
 */
export async function inspect(url: string, limits = LIMITS): Promise<Remote | undefined> {
  const isLink = (headers: Headers) => headers.has("x-linked-etag");
  using answer = await request(url, {
    method: "HEAD",
    headers: IDENTITY,
    silence: limits.silence,
    deadline: performance.now() + limits.list,
    isAnswer: isLink,
  });
  const { status, headers } = answer;
  if (status === 404) return undefined;
  if (status >= 400) throw refused(url, `status ${status}`, "200");
  if (headers.get("content-type")?.startsWith("text/html")) {
    throw refused(url, WEB_PAGE, "a parquet file");
  }
  const linked = headers.get("x-linked-etag");
  const size = headers.get(linked === null ? "content-length" : "x-linked-size");
  if (size !== null && !/^\d{1,15}$/.test(size)) {
    throw refused(url, `a size of ${quoted(size)}`, "a number of bytes");
  }
  const version = linked ?? headers.get("etag") ?? headers.get("last-modified") ?? undefined;
  return {
    url,
    size: size === null ? undefined : Number(size),
    sha256: /^"?([0-9a-f]{64})"?$/.exec(version ?? "")?.[1],
    version,
    ranged: linked === null,
  };
}

/**
 * Downloads a parquet file to `path`, going on from where an earlier download of the same version
 * stopped. It arrives under a temporary name beside `path`, whose size and SHA-256 are checked where
 * the server told them and whose ends must be those of a parquet file; then it is renamed.
 *
 * @throws {Error} an interrupted download, which the next call continues, or wrong content, which is
 *   thrown away
 */
export async function download(remote: Remote, path: string, limits = LIMITS): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const version = remote.version?.replace(/[^A-Za-z0-9]/g, "").slice(0, 40);
  const partial = version ? `${path}.${version}.part` : `${path}.part`;
  using file = await Deno.open(partial, { read: true, write: true, create: true });
  await file.lock(true); // another process may be downloading the same
  if (await exists(path)) return;
  await complete(remote, file, limits);
  const fault = await faultOf(remote, file, limits.bytes);
  if (fault === undefined) return await Deno.rename(partial, path);
  await Deno.remove(partial);
  throw new Error(
    `Cannot download ${remote.url}: got ${fault}; it was thrown away, load the data set again`,
  );
}

/** Whether there is a file or folder. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

/** Appends what is missing; a part of no known version starts again. */
async function complete(
  { url, size, version, ranged }: Remote,
  file: Deno.FsFile,
  limits: Limits,
): Promise<void> {
  const there = version === undefined ? 0 : (await file.stat()).size;
  if (there === size && there > 0) return;
  const start = size !== undefined && there > size ? 0 : there;
  const range = start > 0 ? { range: `bytes=${start}-` } : undefined;
  const condition = range && ranged ? { "if-range": version! } : undefined;
  using answer = await request(url, {
    headers: { ...IDENTITY, ...range, ...condition },
    silence: limits.silence,
    deadline: performance.now() + limits.file,
  });
  const { status, headers, body } = answer;
  if (status !== 200 && status !== 206) {
    if (status === 416) await file.truncate(0); // the next download starts again
    throw refused(url, `status ${status}`, "200 or 206");
  }
  const continues = headers.get("content-range")?.startsWith(`bytes ${start}-`) ?? false;
  if (status === 206 && !continues) throw refused(url, "another range", `bytes from ${start}`);
  let at = status === 206 ? start : 0;
  await file.truncate(at);
  await file.seek(at, Deno.SeekMode.Start);
  const most = size ?? limits.bytes;
  try {
    for await (const chunk of body) {
      await writeAll(file, chunk);
      at += chunk.length;
      if (at > most) break; // it is too long already
    }
    if (size !== undefined && at < size) throw new Error("the connection closed");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot download ${url}: got ${at} of ${
        size ?? "unknown"
      } bytes (${reason}), expected all; ` +
        `load the data set again to go on from there`,
      { cause },
    );
  }
  await file.sync();
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

/** What is wrong with a file that arrived, and what was expected. */
async function faultOf(
  { size, sha256 }: Remote,
  file: Deno.FsFile,
  most: number,
): Promise<string | undefined> {
  const { size: got } = await file.stat();
  if (got > most) return `${got} bytes or more, expected at most ${most}`;
  if (size !== undefined && got !== size) return `${got} bytes, expected ${size}`;
  const hash = createHash("sha256");
  const chunk = new Uint8Array(2 ** 20);
  await file.seek(0, Deno.SeekMode.Start);
  for (let read; (read = await file.read(chunk)) !== null;) hash.update(chunk.subarray(0, read));
  const digest = hash.digest("hex");
  if (sha256 !== undefined && digest !== sha256) return `SHA-256 ${digest}, expected ${sha256}`;
  const ends = [await fourBytes(file, 0), await fourBytes(file, Math.max(0, got - 4))];
  if (ends.every((end) => end === "PAR1")) return undefined;
  if (ends[0]!.startsWith("<")) return `${WEB_PAGE}, expected a parquet file`;
  return `bytes that start with ${quoted(ends[0])} and end with ${quoted(ends[1])}, expected ` +
    `"PAR1" twice as in a parquet file`;
}

async function fourBytes(file: Deno.FsFile, at: number): Promise<string> {
  await file.seek(at, Deno.SeekMode.Start);
  const bytes = new Uint8Array(4);
  const read = await file.read(bytes);
  return String.fromCharCode(...bytes.subarray(0, read ?? 0));
}
