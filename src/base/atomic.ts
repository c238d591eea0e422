// Atomic file writes: a reader, or a crash, sees the old content or the new, never half of it.
import { formatBytes } from "./bytes.ts";

/**
 * Replaces the file at `path` by `data` (text as UTF-8): writes a temporary file beside it, syncs
 * it to disk and renames it. On failure the temporary file is removed and `path` is as before.
 *
 * @throws {Error} the directory is missing or not writable; `cause` is the system's error
 */
export async function writeAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const temporary = `${path}.${Deno.pid}-${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await writeSynced(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {}); // it may not exist; the first error matters
    throw new Error(`Cannot write ${path}: ${whyUnwritten(cause as Error, bytes.length)}`, {
      cause,
    });
  }
}

/** How systems call a disk, or a share of one, that is full. */
const FULL = ["ENOSPC", "EDQUOT"];

/** What was got and expected where `size` bytes could not be written, and what to do. */
export function whyUnwritten(error: Error & { code?: string }, size: number): string {
  if (FULL.includes(error.code ?? "")) {
    return `got a full disk, expected room for ${formatBytes(size)}; make room, then repeat the ` +
      `command, with --resume where it has that`;
  }
  if (error.code === "EISDIR") return `got a folder, expected a file; name another`;
  return `got "${error.message}", expected a writable file in an existing directory; check the path ` +
    `and its permissions`;
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}
