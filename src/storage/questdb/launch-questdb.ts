import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createChildEnvironment } from '../../core/config/startup-config.ts';
import { createError } from '../../core/perfscope-error.ts';
import { execSql } from './exec-sql-http.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 3000;
/**
 * Allows QuestDB to use native code and `sun.misc.Unsafe`. Java 24 and newer print warnings without
 * these options, and a later version will require them. Java 22 and older don't know the last one.
 */
const ACCESS_FLAGS = [
  '-XX:+IgnoreUnrecognizedVMOptions',
  '--enable-native-access=ALL-UNNAMED',
  '--sun-misc-unsafe-memory-access=allow',
];
/**
 * Makes glibc return freed memory to the system instead of keeping it per thread. After large
 * queries, this saves a third of the resident memory.
 * https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html
 */
const MALLOC_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
};

export interface LaunchOptions {
  java: string;
  jar: string;
  /** QuestDB's root directory. Must contain `conf/server.conf`. */
  root: string;
  logFile: string;
  heapMb: number;
}

/** Starts the Java process and sends its output to `logFile`. */
export function launchQuestdb(options: LaunchOptions): ChildProcess {
  const log = openSync(options.logFile, 'w', 0o600);
  // QuestDB unpacks 9 MB of libraries into this directory. A killed process doesn't delete them.
  const temporary = join(options.root, 'java-tmp');
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const flags = ['-Xms32m', `-Xmx${options.heapMb}m`, '-XX:+UseSerialGC'];
  // Return heap memory to the system after a burst.
  flags.push('-XX:MinHeapFreeRatio=10', '-XX:MaxHeapFreeRatio=30');
  flags.push(`-Djava.io.tmpdir=${temporary}`);
  flags.push(...ACCESS_FLAGS);
  // As a module, QuestDB needs `java.desktop`, which the runtime in the platform packages lacks.
  const main = ['-cp', options.jar, 'io.questdb.ServerMain', '-d', options.root];
  try {
    // Use a separate process group, so that Ctrl-C doesn't stop QuestDB before the last rows are
    // written.
    return spawn(options.java, [...flags, ...main], {
      stdio: ['ignore', log, log],
      detached: true,
      env: { ...createChildEnvironment(), ...MALLOC_ENVIRONMENT },
    });
  } finally {
    closeSync(log);
  }
}

/**
 * Resolves when the process responds to a query.
 *
 * @throws PS_QUESTDB_START_FAILED if the process exits or does not respond within 60 s
 */
export async function waitUntilReady(
  child: ChildProcess,
  target: WriteTarget,
  logFile: string,
): Promise<void> {
  let failure: string | undefined;
  child.once('error', (error) => {
    failure = error.message;
  });
  child.once('exit', (code, signal) => {
    failure ??= `it exited with ${signal ?? `code ${code}`}: ${readLastLines(logFile)}`;
  });
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline && failure === undefined) {
    try {
      await execSql(target, 'SELECT 1', { timeoutMs: 2000 });
      return;
    } catch {
      await delay(100);
    }
  }
  throw createError('PS_QUESTDB_START_FAILED', {
    reason: failure ?? `it was not ready within ${READY_TIMEOUT_MS / 1000} s`,
    logFile,
  });
}

/** Stops the process with SIGTERM and, if it still runs after 3 s, with SIGKILL. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(force);
}

/** Returns whether QuestDB exited because a port was in use. */
export function hasPortConflict(logFile: string): boolean {
  return readFileSync(logFile, 'utf8').includes('could not bind socket');
}

function readLastLines(logFile: string): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' | ').slice(-500);
}
