import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import {
  getProcessIdentity,
  isProcessAlive,
  type ProcessIdentity,
} from '../../core/process-identity.ts';

/** Users and passwords of one embedded QuestDB, generated when the data directory is created. */
export interface Credentials {
  /** Read and write access over HTTP and the PostgreSQL wire protocol. */
  readonly writer: { readonly user: string; readonly password: string };
  /** Read-only access over the PostgreSQL wire protocol. */
  readonly reader: { readonly user: string; readonly password: string };
}

export const CREDENTIALS_FILE = 'credentials.json';

/**
 * Reads the credentials of a data directory, or generates them. Only the owner can read the
 * credentials file.
 */
export function loadOrCreateCredentials(dataDir: string): Credentials {
  const file = join(dataDir, CREDENTIALS_FILE);
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Credentials;
    chmodSync(file, 0o600);
    return stored;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const credentials: Credentials = {
    writer: { user: 'perfscope', password: randomBytes(18).toString('base64url') },
    reader: { user: 'perfscope_reader', password: randomBytes(18).toString('base64url') },
  };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return credentials;
}

interface LockHolder {
  process: ProcessIdentity;
  url: string;
  questdb?: ProcessIdentity;
}

/** Lock on a data directory. Only one process at a time can hold it. */
export class DataDirLock {
  readonly #file: string;
  #holder: LockHolder;

  private constructor(file: string, holder: LockHolder) {
    this.#file = file;
    this.#holder = holder;
  }

  /**
   * Acquires the lock for this process. If the previous holder was killed, first stops the QuestDB
   * that it left running.
   *
   * @throws PS_DATA_DIR_HELD with the holder's process ID and URL
   * @throws PS_DATA_DIR_UNUSABLE if the directory can't be created or written
   */
  static async acquire(dataDir: string): Promise<DataDirLock> {
    const file = join(dataDir, 'server.lock');
    const holder: LockHolder = { process: getProcessIdentity(process.pid), url: 'starting' };
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const draft = `${file}.${process.pid}`;
      writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
      try {
        await acquireLockFile(file, draft, dataDir);
      } finally {
        rmSync(draft, { force: true });
      }
    } catch (error) {
      if ((error as { code?: string }).code === 'PS_DATA_DIR_HELD') throw error;
      throw createError('PS_DATA_DIR_UNUSABLE', { dataDir, reason: errorMessage(error) }, error);
    }
    return new DataDirLock(file, holder);
  }

  /** Updates the details in the lock file: the server's URL and the QuestDB process. */
  update(changes: Partial<Omit<LockHolder, 'process'>>): void {
    this.#holder = { ...this.#holder, ...changes };
    const draft = `${this.#file}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(this.#holder), { mode: 0o600 });
    renameSync(draft, this.#file);
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}

/**
 * Creates the lock file as a hard link to `draft`. Linking is atomic and fails if the lock exists,
 * so no process ever reads a partially written lock.
 */
async function acquireLockFile(file: string, draft: string, dataDir: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      linkSync(draft, file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readLockHolder(file);
    if (holder && isProcessAlive(holder.process)) throw createHeldError(dataDir, holder);
    if (holder?.questdb) await stopOrphanedQuestdb(holder.questdb);
    rmSync(file, { force: true });
  }
  throw new Error('another process is locking it at the same time');
}

/**
 * Stops a QuestDB process left by a killed server, because it still locks the directory's files.
 */
async function stopOrphanedQuestdb(questdb: ProcessIdentity): Promise<void> {
  for (let waitedMs = 0; isProcessAlive(questdb) && waitedMs < 10_000; waitedMs += 50) {
    if (waitedMs === 0) process.kill(questdb.pid, 'SIGTERM');
    if (waitedMs === 5000) process.kill(questdb.pid, 'SIGKILL');
    await delay(50);
  }
}

function readLockHolder(file: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LockHolder;
  } catch {
    return undefined;
  }
}

function createHeldError(dataDir: string, holder: LockHolder) {
  return createError('PS_DATA_DIR_HELD', { dataDir, pid: holder.process.pid, url: holder.url });
}

/**
 * Checks that a directory is empty or was created by Perfscope.
 *
 * @throws PS_NOT_A_DATA_DIR if it contains only other files
 */
export function assertDataDir(dataDir: string): void {
  const perfscopeFiles = ['server.lock', CREDENTIALS_FILE, 'spool'];
  const names = readdirSync(dataDir);
  if (names.length > 0 && !names.some((name) => perfscopeFiles.includes(name))) {
    throw createError('PS_NOT_A_DATA_DIR', { dataDir });
  }
}

/**
 * Deletes a data directory and its contents.
 *
 * @returns `false` if the directory does not exist
 * @throws PS_DATA_DIR_HELD if a server uses it
 * @throws PS_NOT_A_DATA_DIR if Perfscope did not create it
 */
export async function deleteDataDir(dataDir: string): Promise<boolean> {
  if (!existsSync(dataDir)) return false;
  assertDataDir(dataDir);
  await DataDirLock.acquire(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
  return true;
}
