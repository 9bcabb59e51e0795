import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { readDiscoveryFile } from '../../core/config/server-discovery.ts';
import type { StartupConfig } from '../../core/config/startup-config.ts';
import type { Logger } from '../../core/log.ts';
import { migrateTables } from '../migrations/migrate.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';
import { RowWriter } from './row-writer.ts';

export interface CreateWriterOptions {
  config: StartupConfig;
  log: Logger;
  dropped: DroppedRowCounter;
  /**
   * Used unless `PERFORMANCE_SPOOL_DIR` is set. Default: the spool folder of the local server, or
   * `spool` in the data folder.
   */
  spoolDir: string | undefined;
  target: () => WriteTarget | undefined;
}

/** Creates the row writer of a process from its settings. */
export function createWriter({
  config,
  log,
  dropped,
  spoolDir,
  target,
}: CreateWriterOptions): RowWriter {
  const { settings, discoveryFile } = config;
  const { retention } = settings;
  const serverSpoolDir = readDiscoveryFile(discoveryFile)?.spoolDir;
  const defaultSpoolDir = `${settings.PERFORMANCE_DATA_DIR}/spool`;
  return new RowWriter({
    target,
    dropped,
    log,
    retentionDays: retention.rawDays,
    spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? spoolDir ?? serverSpoolDir ?? defaultSpoolDir,
    spoolMaxBytes: settings.PERFORMANCE_SPOOL_MAX_BYTES,
    bufferSize: settings.PERFORMANCE_BUFFER_SIZE,
    flushIntervalMs: settings.PERFORMANCE_FLUSH_INTERVAL,
    ensureTables: async (writeTarget) => {
      await migrateTables(writeTarget, retention);
    },
  });
}
