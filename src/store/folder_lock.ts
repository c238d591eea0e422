/**
 * FolderLock: one run at a time writes into a folder of results, or a file of networks.
 *
 * The system holds the lock and lets go of it when the process ends, however it ends. A file that a killed run left
 * behind is therefore not locked, and the next run takes it. What is written in it is only for messages.
 */
import { UsageError } from "../base/usage_error.ts";

/** Name of the lock file in a folder of results. */
export const LOCK_FILE = "run.lock";

/**
 * Makes a folder of results where there is none, and locks it until disposed. A folder that was made for it and is
 * still empty then is removed.
 *
 * @throws UsageError when another run writes there.
 */
export async function lockFolder(folder: string): Promise<Disposable> {
  const isThere = await Deno.stat(folder).then(() => true, () => false);
  await Deno.mkdir(folder, { recursive: true }).catch((cause) => {
    const message =
      `Cannot make folder ${folder}: got "${cause.message}", expected a place to write`;
    throw new Error(`${message}; choose another folder`, { cause });
  });
  const lock = await take(`${folder}/${LOCK_FILE}`, folder);
  return {
    [Symbol.dispose]() {
      lock[Symbol.dispose]();
      if (!isThere) removeIfPossible(folder);
    },
  };
}

/** Locks a file that is yet to be written, by one beside it. @throws UsageError as `lockFolder` does. */
export async function lockFile(path: string): Promise<Disposable> {
  return await take(`${path}.lock`, path);
}

/** Whether a run writes into a folder now. */
export async function isLocked(folder: string): Promise<boolean> {
  using file = await Deno.open(`${folder}/${LOCK_FILE}`).catch(() => undefined); // no file, no lock
  return file !== undefined && !await file.tryLock(true);
}

/** Makes sure that no run writes into a folder now. @throws UsageError when one does. */
export async function expectUnlocked(folder: string): Promise<void> {
  if (await isLocked(folder)) throw await busy(`${folder}/${LOCK_FILE}`, folder);
}

async function take(path: string, what: string): Promise<Disposable> {
  while (true) {
    using owned = new DisposableStack();
    const file = owned.use(await open(path, what));
    const isFree = await file.tryLock(true).catch((cause) => {
      throw cannot(what, `"${cause.message}"`, "a file system with locks", cause);
    });
    if (!isFree) throw await busy(path, what);
    // Between opening and locking, its owner may have removed it; the name is then free for another file.
    if (!await isAt(file, path)) continue;
    await file.truncate();
    await file.write(new TextEncoder().encode(ownerText()));
    owned.defer(() => removeIfPossible(path)); // before it is closed, while nobody else can have it
    return owned.move();
  }
}

async function open(path: string, what: string): Promise<Deno.FsFile> {
  return await Deno.open(path, { read: true, write: true, create: true }).catch((cause) => {
    throw cannot(what, `"${cause.message}"`, "a place to write", cause);
  });
}

function cannot(what: string, got: string, expected: string, cause: unknown): Error {
  const message =
    `Cannot write into ${what}: got ${got}, expected ${expected}; choose another --out`;
  return new Error(message, { cause });
}

async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  const [ours, there] = [await file.stat(), await Deno.stat(path).catch(() => undefined)];
  return there !== undefined && ours.ino === there.ino && ours.dev === there.dev;
}

async function busy(path: string, what: string): Promise<UsageError> {
  const text = await Deno.readTextFile(path).catch(() => ""); // Windows does not let others read it
  const owner = OWNER.test(text) ? text : "another process";
  return new UsageError(
    `Cannot write into ${what}: ${owner} is writing there; wait for it, or choose another --out`,
  );
}

const OWNER = /^process \d+( on host [\w.-]+)?, started at [\d: -]+ UTC,$/;

/** "process 123 on host h, started at 2026-11-25 13:46:24 UTC,". */
function ownerText(): string {
  const started = new Date(performance.timeOrigin).toISOString().slice(0, 19).replace("T", " ");
  const isNamed = Deno.permissions.querySync({ name: "sys", kind: "hostname" }).state === "granted";
  const host = isNamed ? ` on host ${Deno.hostname()}` : "";
  return `process ${Deno.pid}${host}, started at ${started} UTC,`;
}

function removeIfPossible(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // it is gone already, or a folder that is no longer empty
  }
}
