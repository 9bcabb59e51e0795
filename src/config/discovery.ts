import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writeOwnerFile } from './owner-file.ts';
import { isAlive, type ProcessMark } from './processes.ts';
import type { Environment } from './settings.ts';
import type { QuestdbTargets } from './target.ts';

/** What a running server tells the services of the same user on the same machine. */
export interface Discovery {
  readonly process: ProcessMark;
  /** Address of the server's own HTTP endpoints. */
  readonly serverUrl: string;
  readonly questdb: QuestdbTargets;
  /** Absolute path under which the services' rows wait. */
  readonly spoolDir: string;
  /** Absolute path of the data folder; undefined when QuestDB is not the server's own. */
  readonly dataDir?: string | undefined;
}

export function discoveryFile(env: Environment): string {
  const folder = env.XDG_RUNTIME_DIR || join(env.HOME || homedir(), '.local', 'state');
  return join(folder, 'perfscope', 'server.json');
}

/** Writes the file for this user only. It holds the writer's password. */
export function announce(file: string, discovery: Discovery): void {
  writeOwnerFile(file, JSON.stringify(discovery));
}

/** The running server's announcement; undefined when there is none, or its process is gone. */
export function discover(file: string): Discovery | undefined {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as Discovery;
    return isAlive(found.process) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the announcement if it is still `pid`'s own. */
export function withdraw(file: string, pid: number): void {
  if (discover(file)?.process.pid === pid) rmSync(file, { force: true });
}
