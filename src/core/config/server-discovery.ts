import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writePrivateFile } from '../private-file.ts';
import { isProcessAlive, type ProcessIdentity } from '../process-identity.ts';
import type { EnvironmentVariables } from './parse-settings.ts';
import type { QuestdbTargets } from './questdb-targets.ts';

/**
 * Header with the local token of the discovery file. A process that can read that file belongs to the
 * same user as the server, so it has admin access to a server on the same machine.
 */
export const LOCAL_TOKEN_HEADER = 'X-Perfscope-Local-Token';

/** Connection details that a running server publishes for services of the same user and machine. */
export interface ServerDiscovery {
  readonly process: ProcessIdentity;
  /** Version of the server. Undefined if the server is older than this field. */
  readonly version?: string | undefined;
  /** Base URL of the server's HTTP endpoints. */
  readonly serverUrl: string;
  readonly questdb: QuestdbTargets;
  /**
   * Gives admin access to direct requests from this machine. Changes at each start. Undefined if the
   * server is older than this field.
   */
  readonly localToken?: string | undefined;
  /** Absolute path of the services' spool folder. */
  readonly spoolDir: string;
  /** Absolute path of the data folder. Undefined if the server uses an external QuestDB. */
  readonly dataDir?: string | undefined;
}

export function getDiscoveryFilePath(env: EnvironmentVariables): string {
  const folder = env.XDG_RUNTIME_DIR || join(env.HOME || homedir(), '.local', 'state');
  return join(folder, 'perfscope', 'server.json');
}

/** Writes the file so that only the current user can read it, because it contains a password. */
export function writeDiscoveryFile(file: string, discovery: ServerDiscovery): void {
  writePrivateFile(file, JSON.stringify(discovery));
}

/** Reads the discovery file. Returns undefined if there is none, or if its server has stopped. */
export function readDiscoveryFile(file: string): ServerDiscovery | undefined {
  try {
    const discovery = JSON.parse(readFileSync(file, 'utf8')) as ServerDiscovery;
    return isProcessAlive(discovery.process) ? discovery : undefined;
  } catch {
    return undefined;
  }
}

/** Deletes the discovery file if process `pid` wrote it. */
export function removeDiscoveryFile(file: string, pid: number): void {
  if (readDiscoveryFile(file)?.process.pid === pid) rmSync(file, { force: true });
}
