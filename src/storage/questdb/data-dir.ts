import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createError, errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';
import { createPrivateFile } from '../../core/private-file.ts';
import {
  getProcessIdentity,
  isProcessAlive,
  isProcessIdentity,
  type ProcessIdentity,
} from '../../core/process-identity.ts';
import { parseStateJson, readStateFile, writeStateFile } from '../../core/state-file.ts';
import { CREDENTIALS_FILE } from './credentials.ts';

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
   * @throws PS_STATE_FILE_UNUSABLE if the lock file can't be read
   * @throws PS_DATA_DIR_UNUSABLE if the directory can't be created or locked
   */
  static async acquire(dataDir: string): Promise<DataDirLock> {
    const file = join(dataDir, 'server.lock');
    const holder: LockHolder = { process: getProcessIdentity(process.pid), url: 'starting' };
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      await acquireLockFile(file, holder, dataDir);
    } catch (error) {
      if (error instanceof PerfscopeError) throw error;
      throw createError('PS_DATA_DIR_UNUSABLE', { dataDir, reason: errorMessage(error) }, error);
    }
    return new DataDirLock(file, holder);
  }

  /**
   * Updates the details in the lock file: the server's URL and the QuestDB process.
   *
   * @throws PS_STATE_FILE_UNUSABLE if the lock file can't be written
   */
  update(changes: Partial<Omit<LockHolder, 'process'>>): void {
    this.#holder = { ...this.#holder, ...changes };
    writeStateFile(this.#file, JSON.stringify(this.#holder));
  }

  release(): void {
    rmSync(this.#file, { force: true });
  }
}

/**
 * Creates the lock file with its whole content, so no process ever reads a partially written lock. A
 * damaged lock, for example after a power cut, therefore belongs to no running process.
 */
async function acquireLockFile(file: string, own: LockHolder, dataDir: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (createPrivateFile(file, JSON.stringify(own))) return;
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

/**
 * Returns undefined if there is no lock, or if it is damaged.
 *
 * @throws PS_STATE_FILE_UNUSABLE if the lock can't be read, for example because another user holds it
 */
function readLockHolder(file: string): LockHolder | undefined {
  const content = readStateFile(file);
  if (content === undefined) return undefined;
  try {
    const { process, url, questdb } = (parseStateJson(content) ?? {}) as Partial<LockHolder>;
    if (!isProcessIdentity(process)) return undefined;
    return { process, url: String(url), ...(isProcessIdentity(questdb) && { questdb }) };
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
