// Downloads that may stop at any byte: what is under the final name is whole, always.
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { refused, request } from "./http.ts";

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

const REDIRECTIONS = 5;
const IDENTITY = { "accept-encoding": "identity" };

/**
 * Asks a server about a file, without fetching it. `undefined` where there is none.
 *
 * @throws {Error} no permission, no connection, or another answer than expected
 */
export async function inspect(url: string): Promise<Remote | undefined> {
  let at = url;
  for (let i = 0; i <= REDIRECTIONS; i++) {
    const options = { method: "HEAD", redirect: "manual", headers: IDENTITY } as const;
    const { status, headers } = await request(at, options);
    const linked = headers.get("x-linked-etag");
    const location = headers.get("location");
    if (status >= 300 && status < 400 && location !== null && linked === null) {
      at = new URL(location, at).href;
      continue;
    }
    if (status === 404) return undefined;
    if (status >= 400) throw refused(url, `status ${status}`, "200");
    const size = headers.get(linked === null ? "content-length" : "x-linked-size");
    const version = linked ?? headers.get("etag") ?? headers.get("last-modified") ?? undefined;
    return {
      url,
      size: size === null ? undefined : Number(size),
      sha256: /^"?([0-9a-f]{64})"?$/.exec(version ?? "")?.[1],
      version,
      ranged: linked === null,
    };
  }
  throw refused(url, `more than ${REDIRECTIONS} redirections`, "a file");
}

/**
 * Downloads a parquet file to `path`, going on from where an earlier download of the same version
 * stopped. It arrives under a temporary name beside `path`, whose size and SHA-256 are checked where
 * the server told them and whose ends must be those of a parquet file; then it is renamed.
 *
 * @throws {Error} an interrupted download, which the next call continues, or wrong content, which is
 *   thrown away
 */
export async function download(remote: Remote, path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const version = remote.version?.replace(/[^A-Za-z0-9]/g, "").slice(0, 40);
  const partial = version ? `${path}.${version}.part` : `${path}.part`;
  using file = await Deno.open(partial, { read: true, write: true, create: true });
  await file.lock(true); // another process may be downloading the same
  if (await exists(path)) return;
  await complete(remote, file);
  const fault = await faultOf(remote, file);
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
async function complete({ url, size, version, ranged }: Remote, file: Deno.FsFile) {
  const there = version === undefined ? 0 : (await file.stat()).size;
  if (there === size && there > 0) return;
  const start = size !== undefined && there > size ? 0 : there;
  const range = start > 0 ? { range: `bytes=${start}-` } : undefined;
  const condition = range && ranged ? { "if-range": version! } : undefined;
  const { status, headers, body } = await request(url, {
    headers: { ...IDENTITY, ...range, ...condition },
  });
  if (status !== 200 && status !== 206) {
    await body?.cancel();
    if (status === 416) await file.truncate(0); // the next download starts again
    throw refused(url, `status ${status}`, "200 or 206");
  }
  const continues = headers.get("content-range")?.startsWith(`bytes ${start}-`) ?? false;
  if (status === 206 && !continues) throw refused(url, "another range", `bytes from ${start}`);
  let at = status === 206 ? start : 0;
  await file.truncate(at);
  await file.seek(at, Deno.SeekMode.Start);
  try {
    for await (const chunk of body ?? []) {
      for (let written = 0; written < chunk.length;) {
        written += await file.write(chunk.subarray(written));
      }
      at += chunk.length;
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

/** What is wrong with a file that arrived, and what was expected. */
async function faultOf({ size, sha256 }: Remote, file: Deno.FsFile): Promise<string | undefined> {
  const { size: got } = await file.stat();
  if (size !== undefined && got !== size) return `${got} bytes, expected ${size}`;
  const hash = createHash("sha256");
  const chunk = new Uint8Array(2 ** 20);
  await file.seek(0, Deno.SeekMode.Start);
  for (let read; (read = await file.read(chunk)) !== null;) hash.update(chunk.subarray(0, read));
  const digest = hash.digest("hex");
  if (sha256 !== undefined && digest !== sha256) return `SHA-256 ${digest}, expected ${sha256}`;
  const ends = [await fourBytes(file, 0), await fourBytes(file, Math.max(0, got - 4))];
  if (ends.every((end) => end === "PAR1")) return undefined;
  return `bytes that start with ${JSON.stringify(ends[0])} and end with ` +
    `${JSON.stringify(ends[1])}, expected "PAR1" twice as in a parquet file`;
}

async function fourBytes(file: Deno.FsFile, at: number): Promise<string> {
  await file.seek(at, Deno.SeekMode.Start);
  const bytes = new Uint8Array(4);
  const read = await file.read(bytes);
  return String.fromCharCode(...bytes.subarray(0, read ?? 0));
}
