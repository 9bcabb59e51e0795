// Keeps QuestDB servers for the next test file. To start one takes 2 s of CPU time, and its first queries are slow.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Variable with the folder of the pool. It has a folder for each server, and the lists `free` and `used`. */
const POOL_VARIABLE = 'PERFSCOPE_TEST_QUESTDB_POOL';

/** A QuestDB that several test files use, one after the other. */
export interface SharedQuestdb {
  readonly pid: number;
  readonly ports: { readonly http: number; readonly pg: number };
  /** Folder of the server in the pool. */
  readonly folder: string;
}

/** Starts a pool. The process that it starts kills all servers when `stop` is called, or when this process ends. */
export function startQuestdbPool(): { stop: () => Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-pool-'));
  for (const name of ['free', 'used']) mkdirSync(join(folder, name));
  process.env[POOL_VARIABLE] = folder;
  const guardian: ChildProcess = spawn(
    process.execPath,
    [join(import.meta.dirname, 'remove-questdb-pool.mjs'), folder],
    { stdio: ['pipe', 'ignore', 'inherit'], detached: true },
  );
  guardian.unref();
  return {
    async stop() {
      delete process.env[POOL_VARIABLE];
      const exited = once(guardian, 'exit');
      guardian.stdin?.end();
      await exited;
    },
  };
}

/** Returns the folder of the pool. Undefined if no pool was started. */
export function findQuestdbPool(): string | undefined {
  const folder = process.env[POOL_VARIABLE];
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/** Takes a server from the pool. Returns undefined if all are used. */
export function takeQuestdb(pool: string): SharedQuestdb | undefined {
  for (const name of readdirSync(join(pool, 'free'))) {
    try {
      renameSync(join(pool, 'free', name), join(pool, 'used', name));
    } catch {
      // Another worker took the server.
      continue;
    }
    return JSON.parse(readFileSync(join(pool, 'used', name), 'utf8')) as SharedQuestdb;
  }
  return undefined;
}

/** Adds a new server, which the caller uses. */
export function addUsedQuestdb(pool: string, server: SharedQuestdb): void {
  writeFileSync(join(pool, 'used', basename(server.folder)), JSON.stringify(server));
}

/** Returns an empty server to the pool. */
export function returnQuestdb(pool: string, { folder }: SharedQuestdb): void {
  const name = basename(folder);
  renameSync(join(pool, 'used', name), join(pool, 'free', name));
}
