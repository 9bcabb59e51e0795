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
import { createError, errorMessage } from '../../core/errors.ts';
import {
  getProcessIdentity,
  isProcessAlive,
  type ProcessIdentity,
} from '../../core/process-identity.ts';

/** Passwords of one embedded QuestDB, generated when its folder is made. */
export interface Credentials {
  /** HTTP and Postgres wire, may write. */
  readonly writer: { readonly user: string; readonly password: string };
  /** Postgres wire, may read. */
  readonly reader: { readonly user: string; readonly password: string };
}

export const CREDENTIALS_FILE = 'credentials.json';

/** Reads the folder's credentials, or makes them. The file is for its owner only. */
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

/** The right to use a data folder, held by one process at a time. */
export class DataDirLock {
  readonly #file: string;
  #holder: LockHolder;

  private constructor(file: string, holder: LockHolder) {
    this.#file = file;
    this.#holder = holder;
  }

  /**
   * Takes the folder for this process. A QuestDB that a killed holder left behind is ended first.
   *
   * @throws PS_DATA_DIR_HELD with who holds it; PS_DATA_DIR_UNUSABLE
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

  /** Adds what others are told about the holder. */
  update(more: Partial<Omit<LockHolder, 'process'>>): void {
    this.#holder = { ...this.#holder, ...more };
    const draft = `${this.#file}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(this.#holder), { mode: 0o600 });
    renameSync(draft, this.#file);
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}

/** Links `draft` to `file`, which fails if it exists: the lock appears whole or not at all. */
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
  throw new Error('another process takes it at the same time');
}

/** Ends a QuestDB whose server was killed: it would keep the folder's files locked. */
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

/** @throws PS_NOT_A_DATA_DIR unless the folder is empty or Perfscope has made it */
export function assertDataDir(dataDir: string): void {
  const ours = ['server.lock', CREDENTIALS_FILE, 'spool'];
  const names = readdirSync(dataDir);
  if (names.length > 0 && !names.some((name) => ours.includes(name))) {
    throw createError('PS_NOT_A_DATA_DIR', { dataDir });
  }
}

/**
 * Removes a data folder and all in it.
 *
 * @returns false when there is none.
 * @throws PS_DATA_DIR_HELD while a server uses it; PS_NOT_A_DATA_DIR when it is something else
 */
export async function deleteDataDir(dataDir: string): Promise<boolean> {
  if (!existsSync(dataDir)) return false;
  assertDataDir(dataDir);
  await DataDirLock.acquire(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
  return true;
}
