import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createChildEnvironment } from '../../core/config/startup-config.ts';
import { createError } from '../../core/errors.ts';
import { execSql } from './questdb-http.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 3000;
/**
 * glibc gives freed memory back instead of keeping it for each thread: a third of what is resident
 * after large questions. https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html
 */
const MALLOC_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_MMAP_THRESHOLD_: '131072',
};

export interface LaunchOptions {
  java: string;
  jar: string;
  /** QuestDB's root folder, with `conf/server.conf` written. */
  root: string;
  logFile: string;
  heapMb: number;
}

/** Starts the Java process. Its output goes to `logFile`. */
export function launchQuestdb(options: LaunchOptions): ChildProcess {
  const log = openSync(options.logFile, 'w', 0o600);
  // QuestDB unpacks libraries of 9 MB there, which a killed one leaves behind.
  const temporary = join(options.root, 'java-tmp');
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const flags = ['-Xms32m', `-Xmx${options.heapMb}m`, '-XX:+UseSerialGC'];
  // Heap that a burst has needed goes back to the machine.
  flags.push('-XX:MinHeapFreeRatio=10', '-XX:MaxHeapFreeRatio=30');
  flags.push(`-Djava.io.tmpdir=${temporary}`);
  const main = ['-p', options.jar, '-m', 'io.questdb/io.questdb.ServerMain', '-d', options.root];
  try {
    // A process group of its own: Ctrl-C must not reach it before the last rows are written.
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
 * Resolves when the child answers a query.
 *
 * @throws PS_QUESTDB_START_FAILED when it ends, or has not answered within a minute.
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
    failure ??= `it ended with ${signal ?? `code ${code}`}: ${readLastLines(logFile)}`;
  });
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline && failure === undefined) {
    try {
      await execSql(target, 'SELECT 1', 2000);
      return;
    } catch {
      await delay(100);
    }
  }
  throw createError('PS_QUESTDB_START_FAILED', {
    reason: failure ?? `no answer within ${READY_TIMEOUT_MS / 1000} s`,
    logFile,
  });
}

/** Asks the child to end, and ends it if it has not within three seconds. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(force);
}

/** Whether QuestDB ended because a port was taken. */
export function hasPortConflict(logFile: string): boolean {
  return readFileSync(logFile, 'utf8').includes('could not bind socket');
}

function readLastLines(logFile: string): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').slice(-3).join(' | ').slice(-500);
}
