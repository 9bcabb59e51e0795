import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writePrivateFile } from '../private-file.ts';
import { isProcessAlive, type ProcessIdentity } from '../process-identity.ts';
import type { QuestdbTargets } from './questdb-targets.ts';
import type { EnvironmentVariables } from './settings.ts';

/** What a running server tells the services of the same user on the same machine. */
export interface ServerDiscovery {
  readonly process: ProcessIdentity;
  /** Address of the server's own HTTP endpoints. */
  readonly serverUrl: string;
  readonly questdb: QuestdbTargets;
  /** Absolute path under which the services' rows wait. */
  readonly spoolDir: string;
  /** Absolute path of the data folder; undefined when QuestDB is not the server's own. */
  readonly dataDir?: string | undefined;
}

export function getDiscoveryFilePath(env: EnvironmentVariables): string {
  const folder = env.XDG_RUNTIME_DIR || join(env.HOME || homedir(), '.local', 'state');
  return join(folder, 'perfscope', 'server.json');
}

/** Writes the file for this user only. It holds the writer's password. */
export function writeDiscoveryFile(file: string, discovery: ServerDiscovery): void {
  writePrivateFile(file, JSON.stringify(discovery));
}

/** The running server's announcement; undefined when there is none, or its process is gone. */
export function readDiscoveryFile(file: string): ServerDiscovery | undefined {
  try {
    const found = JSON.parse(readFileSync(file, 'utf8')) as ServerDiscovery;
    return isProcessAlive(found.process) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the announcement if it is still `pid`'s own. */
export function removeDiscoveryFile(file: string, pid: number): void {
  if (readDiscoveryFile(file)?.process.pid === pid) rmSync(file, { force: true });
}
