import { chmodSync, existsSync, lstatSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { createWarnOnce, stderrLogger } from '../log.ts';
import { createError } from '../perfscope-error.ts';
import { isProcessAlive, isProcessIdentity, type ProcessIdentity } from '../process-identity.ts';
import { createStateFolder, writeStateFile } from '../state-file.ts';
import { assertTrustedFolder, readTrustedFile, UntrustedFileError } from '../trusted-file.ts';
import type { EnvironmentVariables } from './parse-settings.ts';
import type { QuestdbTargets } from './questdb-targets.ts';

/**
 * Header with the local token of the discovery file. Only the server's user can read that file.
 * Therefore, the token gives admin access to a server on the same machine.
 */
export const LOCAL_TOKEN_HEADER = 'X-Perfscope-Local-Token';

/** Connection details that a running server publishes for services of the same user and machine. */
export interface ServerDiscovery {
  readonly process: ProcessIdentity;
  /** Version of the server. Undefined if the server is older than this field. */
  readonly version?: string | undefined;
  /** Base URL of the server's HTTP endpoints. */
  readonly serverUrl: string;
  /** While the server has paused writes, this contains the reason. */
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

/** Returns the absolute path of the discovery file. Never throws. */
export function getDiscoveryFilePath(env: EnvironmentVariables): string {
  const folder = env.XDG_RUNTIME_DIR || join(env.HOME || findHomeFolder(), '.local', 'state');
  return join(folder, 'perfscope', 'server.json');
}

/** Containers often run with a user ID that has no home folder. They set `HOME` to the root folder. */
function findHomeFolder(): string {
  try {
    return homedir();
  } catch {
    return sep;
  }
}

/**
 * Writes the file so that only the current user can read it, because it contains a password.
 *
 * @throws PS_DISCOVERY_UNTRUSTED if the folder belongs to another user
 * @throws PS_STATE_FILE_UNUSABLE if the file can't be written
 */
export function writeDiscoveryFile(file: string, discovery: ServerDiscovery): void {
  const folder = dirname(file);
  createStateFolder(folder);
  try {
    protectFolder(folder);
  } catch (error) {
    if (!(error instanceof UntrustedFileError)) throw error;
    throw createError('PS_DISCOVERY_UNTRUSTED', { file, reason: error.message });
  }
  writeStateFile(file, JSON.stringify(discovery));
}

/** Removes the permissions of other users from a folder of the current user. */
function protectFolder(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (uid === process.geteuid?.() && (mode & 0o077) !== 0) chmodSync(folder, 0o700);
  assertTrustedFolder(folder);
}

const warnOnce = createWarnOnce(stderrLogger);

/**
 * Reads the discovery file. The agent sends rows and credentials to the addresses in the file.
 *
 * @returns undefined if there is no file, or if its server has stopped. Also undefined if the file is
 * damaged or can't be read, or if another user could have written it.
 */
export function readDiscoveryFile(file: string): ServerDiscovery | undefined {
  try {
    const stored = readStoredDiscovery(file);
    // The file of a stopped server is not used, so its other fields don't matter.
    if (isProcessIdentity(stored?.process) && !isProcessAlive(stored.process)) return undefined;
    if (isDiscovery(stored)) return stored;
    const reason = 'it does not contain the addresses of a server';
    const effect = 'No server is used. Restart the Perfscope server, which writes the file again.';
    warnOnce(file, createError('PS_STATE_FILE_DAMAGED', { file, reason, effect }).message);
    return undefined;
  } catch (error) {
    if (error instanceof UntrustedFileError) {
      const params = { file, reason: error.message };
      warnOnce(file, createError('PS_DISCOVERY_UNTRUSTED', params).message);
    }
    return undefined;
  }
}

/**
 * Returns the spool folder of a server that was killed, because it didn't delete its discovery file. Undefined if
 * the server is running, if another user could have written the file, or if the folder doesn't exist. Never throws.
 */
export function readSpoolDirOfKilledServer(file: string): string | undefined {
  try {
    const stored = readStoredDiscovery(file);
    if (!isDiscovery(stored) || isProcessAlive(stored.process)) return undefined;
    return existsSync(stored.spoolDir) ? stored.spoolDir : undefined;
  } catch {
    return undefined;
  }
}

/** @throws UntrustedFileError, or the error of the file system */
function readStoredDiscovery(file: string): Partial<ServerDiscovery> | null | undefined {
  assertTrustedFolder(dirname(file), { allowRoot: true });
  return parseJson(readTrustedFile(file, { allowRoot: true }));
}

/** Returns undefined if the text is not JSON. */
function parseJson(text: string): Partial<ServerDiscovery> | null | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isDiscovery(
  stored: Partial<ServerDiscovery> | null | undefined,
): stored is ServerDiscovery {
  const { process, serverUrl, spoolDir, questdb } = stored ?? {};
  const { host, port, user, password, database } = questdb?.read ?? {};
  const url = questdb?.write?.url;
  const texts = [serverUrl, spoolDir, url, host, user, password, database];
  return (
    isProcessIdentity(process) &&
    Number.isSafeInteger(port) &&
    texts.every((each) => typeof each === 'string') &&
    URL.canParse(String(serverUrl)) &&
    URL.canParse(String(url))
  );
}

/** Deletes the discovery file if process `pid` wrote it. */
export function removeDiscoveryFile(file: string, pid: number): void {
  if (readDiscoveryFile(file)?.process.pid === pid) rmSync(file, { force: true });
}
