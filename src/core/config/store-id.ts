/*
 * IDs of the places in which rows are stored. An agent that writes rows and sends OTLP adds the ID of its store to the
 * resource. The server of this store then ignores the OTLP metrics, so that each request is counted once.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createHash } from '../lazy-crypto.ts';
import { isLoopbackHost } from '../loopback.ts';
import { getExternalQuestdbTargets, type QuestdbTargets } from './questdb-targets.ts';
import { readDiscoveryFile } from './server-discovery.ts';
import type { StartupConfig } from './startup-config.ts';

const ID_LENGTH = 16;
/** Different on each machine, even if their names are the same. Changes when the machine is restarted. */
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/**
 * Returns the ID of the store to which an agent writes: the configured QuestDB, or the local server. Undefined if there
 * is neither, or if QuestDB is on another machine. Never throws.
 */
export function findStoreId({
  settings,
  discoveryFile,
}: Pick<StartupConfig, 'settings' | 'discoveryFile'>): string | undefined {
  const external = getExternalQuestdbTargets(settings);
  if (external) return getQuestdbStoreId(external);
  const server = readDiscoveryFile(discoveryFile);
  return server && getSpoolStoreId(server.spoolDir);
}

/**
 * Returns the ID of the store of a server on this machine. It stays the same after a restart of the server.
 *
 * @param spoolDir absolute path of the spool folder in the discovery file
 */
export function getSpoolStoreId(spoolDir: string, machine: string = getMachine()): string {
  return toId(['spool', machine, spoolDir]);
}

/**
 * Returns the ID of a QuestDB on this machine. Different credentials and loopback names don't matter. Undefined for other
 * addresses: in different networks, the same address can belong to different databases, and data would be lost.
 */
export function getQuestdbStoreId(
  { write }: Pick<QuestdbTargets, 'write'>,
  machine: string = getMachine(),
): string | undefined {
  const url = new URL(write.url);
  return isLoopbackHost(url.hostname)
    ? toId(['questdb', machine, url.protocol, url.port])
    : undefined;
}

function getMachine(): string {
  return `${hostname()} ${readBootId()}`;
}

/** Containers of a machine have the same boot ID, but different host names. */
function readBootId(): string {
  try {
    return readFileSync(BOOT_ID_FILE, 'latin1').trim();
  } catch {
    return '';
  }
}

function toId(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, ID_LENGTH);
}
