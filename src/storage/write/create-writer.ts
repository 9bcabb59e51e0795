import { devNull } from 'node:os';
import { resolve } from 'node:path';
import type { PausedTarget, WriteTarget } from '../../core/config/questdb-targets.ts';
import { readDiscoveryFile } from '../../core/config/server-discovery.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { migrateTables } from '../migrations/migrate.ts';
import { readTableIds } from '../migrations/read-schema.ts';
import type { ExecOptions } from '../questdb/exec-sql-http.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import { RowWriter } from './row-writer.ts';

/** Time limit for one statement, in ms. */
const STATEMENT_TIMEOUT_MS = 10_000;

export interface CreateWriterOptions {
  config: StartupConfig;
  log: Logger;
  dropped: DroppedRowCounter;
  /**
   * Used unless `PERFORMANCE_SPOOL_DIR` is set. Default: the spool folder of the local server, or
   * `spool` in the data folder.
   */
  spoolDir: string | undefined;
  /** Whether this process can write all tables. See `SpoolOptions`. Default: `false`. */
  isServer?: boolean | undefined;
  /** Returns the QuestDB to send rows to. While it returns a paused target, rows wait in the spool. */
  target: () => WriteTarget | PausedTarget | undefined;
}

/** Returns the spool folder of a process. See {@link CreateWriterOptions.spoolDir}. */
export function getSpoolDir(
  { settings, discoveryFile, folder }: StartupConfig,
  spoolDir: string | undefined,
): string {
  const path =
    settings.PERFORMANCE_SPOOL_DIR ??
    spoolDir ??
    readDiscoveryFile(discoveryFile)?.spoolDir ??
    `${settings.PERFORMANCE_DATA_DIR}/spool`;
  // An absolute path, because the application can change its current folder. In a deleted folder, `mkdir` with
  // a relative path would never return (Node.js 26.10), so this path can't be created either.
  return resolve(folder ?? devNull, path);
}

/** Creates the row writer of a process from its settings. */
export function createWriter({
  config,
  log,
  dropped,
  spoolDir,
  isServer,
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
