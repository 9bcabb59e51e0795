import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { join, resolve } from 'node:path';
import { LAMBDA_SPOOL_DIR } from '../../core/config/lambda-environment.ts';
import {
  getExternalQuestdbTargets,
  type PausedTarget,
  type WriteTarget,
} from '../../core/config/questdb-targets.ts';
import { readDiscoveryFile } from '../../core/config/server-discovery.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { migrateTables } from '../migrations/migrate.ts';
import { readTableIds } from '../migrations/read-schema.ts';
import type { ExecOptions } from '../questdb/exec-sql-http.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { RowWriter } from './row-writer.ts';
import type { RowWriterStates } from './row-writer-options.ts';

/** Folder in the data folder of a server that runs QuestDB itself. */
const QUESTDB_FOLDER = 'questdb';
/** Time limit for one statement, in ms. */
const STATEMENT_TIMEOUT_MS = 10_000;

export interface CreateWriterOptions {
  config: StartupConfig;
  log: Logger;
  dropped: DroppedRowCounter;
  /**
   * Used unless `PERFORMANCE_SPOOL_DIR` is set. Default: the spool folder of the local server if rows are sent to its
   * QuestDB, or else `spool` in the data folder.
   */
  spoolDir: string | undefined;
  /** Whether this process can write all tables. See `SpoolOptions`. Default: `false`. */
  isServer?: boolean | undefined;
  /** Keeps the states of cumulative series. Default: none. */
  states?: RowWriterStates | undefined;
  /** Returns the QuestDB to send rows to. While it returns a paused target, rows wait in the spool. */
  target: () => WriteTarget | PausedTarget | undefined;
}

/**
 * Returns the absolute path of a process's spool folder. See {@link CreateWriterOptions.spoolDir}.
 *
 * A server sends all rows in its spool to its own QuestDB. Therefore, a process with another
 * `PERFORMANCE_QUESTDB_URL` uses `spool-external` instead, if the data folder belongs to such a server.
 */
export function getSpoolDir(
  { settings, discoveryFile, folder, lambda }: StartupConfig,
  spoolDir: string | undefined,
): string {
  // An absolute path, because the application can change its current folder. In a deleted folder, `mkdir` with
  // a relative path would never return (Node.js 26.10), so this path can't be created either.
  const toAbsolute = (path: string) => resolve(folder ?? devNull, path);
  const path = settings.PERFORMANCE_SPOOL_DIR ?? spoolDir ?? (lambda && LAMBDA_SPOOL_DIR);
  if (path !== undefined) return toAbsolute(path);
  const server = readDiscoveryFile(discoveryFile);
  const external = getExternalQuestdbTargets(settings);
  if (server && (!external || external.write.url === server.questdb.write.url)) {
    return toAbsolute(server.spoolDir);
  }
  const dataDir = toAbsolute(settings.PERFORMANCE_DATA_DIR);
  const isOfOtherQuestdb = external !== undefined && existsSync(join(dataDir, QUESTDB_FOLDER));
  return join(dataDir, isOfOtherQuestdb ? 'spool-external' : 'spool');
}

/** Creates the row writer of a process from its settings. */
export function createWriter({
  config,
  log,
  dropped,
  spoolDir,
  isServer,
  states,
  target,
}: CreateWriterOptions): RowWriter {
  const { settings } = config;
  const { retention } = settings;
  const warnOnce = createWarnOnce(log);
  return new RowWriter({
    target,
    dropped,
    log,
    retentionDays: retention.rawDays,
    spoolDir: getSpoolDir(config, spoolDir),
    isServer,
    states,
    spoolMaxBytes: settings.PERFORMANCE_SPOOL_MAX_BYTES,
    bufferSize: settings.PERFORMANCE_BUFFER_SIZE,
    flushIntervalMs: settings.PERFORMANCE_FLUSH_INTERVAL,
    readTableIds: (writeTarget, signal) => readTableIds(writeTarget, toExecOptions(signal)),
    ensureTables: async (writeTarget, signal) => {
      const options = toExecOptions(signal);
      const { repaired, conflicts } = await migrateTables(writeTarget, retention, options);
      for (const { message } of conflicts) warnOnce(message, message);
      return repaired.length > 0;
    },
  });
}

function toExecOptions(signal: AbortSignal): ExecOptions {
  return { timeoutMs: STATEMENT_TIMEOUT_MS, keepsProcessAlive: false, signal };
}
