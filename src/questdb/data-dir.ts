import {
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
import { isAlive, markOf, type ProcessMark } from '../config/processes.ts';
import { coded, reasonOf } from '../errors.ts';
import { CREDENTIALS_FILE } from './credentials.ts';

interface Holder {
  process: ProcessMark;
  url: string;
  questdb?: ProcessMark;
}

/** The right to use a data folder, held by one process at a time. */
export class DataDirLock {
  readonly #file: string;
  #holder: Holder;

  private constructor(file: string, holder: Holder) {
    this.#file = file;
    this.#holder = holder;
  }

  /**
   * Takes the folder for this process. A QuestDB that a killed holder left behind is ended first.
   *
   * @throws PS_DATA_DIR_HELD with who holds it; PS_DATA_DIR_UNUSABLE
   */
  static async take(dataDir: string): Promise<DataDirLock> {
    const file = join(dataDir, 'server.lock');
    const holder: Holder = { process: markOf(process.pid), url: 'starting' };
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      const draft = `${file}.${process.pid}`;
      writeFileSync(draft, JSON.stringify(holder), { mode: 0o600 });
      try {
        await claim(file, draft, dataDir);
      } finally {
        rmSync(draft, { force: true });
      }
    } catch (error) {
      if ((error as { code?: string }).code === 'PS_DATA_DIR_HELD') throw error;
      throw coded('PS_DATA_DIR_UNUSABLE', { dataDir, reason: reasonOf(error) }, error);
    }
    return new DataDirLock(file, holder);
  }

  /** Adds what others are told about the holder. */
  tell(more: Partial<Omit<Holder, 'process'>>): void {
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
async function claim(file: string, draft: string, dataDir: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      linkSync(draft, file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readHolder(file);
    if (holder && isAlive(holder.process)) throw heldBy(dataDir, holder);
    if (holder?.questdb) await end(holder.questdb);
    rmSync(file, { force: true });
  }
  throw new Error('another process takes it at the same time');
}

/** Ends a QuestDB whose server was killed: it would keep the folder's files locked. */
async function end(questdb: ProcessMark): Promise<void> {
  for (let waitedMs = 0; isAlive(questdb) && waitedMs < 10_000; waitedMs += 50) {
    if (waitedMs === 0) process.kill(questdb.pid, 'SIGTERM');
    if (waitedMs === 5000) process.kill(questdb.pid, 'SIGKILL');
    await delay(50);
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function heldBy(dataDir: string, holder: Holder) {
  return coded('PS_DATA_DIR_HELD', { dataDir, pid: holder.process.pid, url: holder.url });
}

/** @throws PS_NOT_A_DATA_DIR unless the folder is empty or Perfscope has made it */
export function assertDataDir(dataDir: string): void {
  const ours = ['server.lock', CREDENTIALS_FILE, 'spool'];
  const names = readdirSync(dataDir);
  if (names.length > 0 && !names.some((name) => ours.includes(name))) {
    throw coded('PS_NOT_A_DATA_DIR', { dataDir });
  }
}

/**
 * Removes a data folder and all in it.
 *
 * @returns false when there is none.
 * @throws PS_DATA_DIR_HELD while a server uses it; PS_NOT_A_DATA_DIR when it is something else
 */
export async function wipe(dataDir: string): Promise<boolean> {
  if (!existsSync(dataDir)) return false;
  assertDataDir(dataDir);
  await DataDirLock.take(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
  return true;
}
