// Atomic file writes: a reader, or a crash, sees the old content or the new, never half of it.

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
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot write ${path}: got "${reason}", expected a writable file in an existing ` +
        `directory; check the path and its permissions`,
      { cause },
    );
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}
