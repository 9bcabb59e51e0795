/*
 * IDs of the places in which rows are stored. An agent that writes rows and sends OTLP adds the ID of its store to the
 * resource. The server of this store then ignores the OTLP metrics, so that each request is counted once.
 */
import { hostname } from 'node:os';
import { createHash } from '../lazy-crypto.ts';
import { isLoopbackHost } from '../loopback.ts';
import { getExternalQuestdbTargets, type QuestdbTargets } from './questdb-targets.ts';
import { readDiscoveryFile } from './server-discovery.ts';
import type { StartupConfig } from './startup-config.ts';

const ID_LENGTH = 16;

/**
 * Returns the ID of the store to which an agent writes: the configured QuestDB, or the local server. Undefined if there
 * is neither. Never throws.
 */
export function findStoreId({
  settings,
  discoveryFile,
}: Pick<StartupConfig, 'settings' | 'discoveryFile'>): string | undefined {
  const external = getExternalQuestdbTargets(settings);
  if (external) return getQuestdbStoreId(external);
  const server = readDiscoveryFile(discoveryFile);
  if (!server) return undefined;
  // Several servers can share an external QuestDB.
  return server.dataDir === undefined
    ? getQuestdbStoreId(server.questdb)
    : getSpoolStoreId(server.spoolDir);
}

/**
 * Returns the ID of the store of a server with an embedded QuestDB. It stays the same after a restart of the server.
 *
 * @param spoolDir absolute path of the spool folder in the discovery file
 */
export function getSpoolStoreId(spoolDir: string, host: string = hostname()): string {
  return toId(['spool', host, spoolDir]);
}

/** Returns the ID of the QuestDB at an address. Different credentials and loopback names don't matter. */
export function getQuestdbStoreId(
  { write }: Pick<QuestdbTargets, 'write'>,
  host: string = hostname(),
): string {
  const url = new URL(write.url);
  if (!isLoopbackHost(url.hostname)) return toId(['questdb', url.origin]);
  return toId(['questdb', host, url.protocol, url.port]);
}

function toId(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, ID_LENGTH);
}
