import type { WriteTarget } from '../core/config/questdb-targets.ts';
import { readDiscoveryFile } from '../core/config/server-discovery.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import type { Logger } from '../core/log.ts';
import { migrateTables } from '../storage/migrations/migrate.ts';
import type { DroppedRowCounter } from '../storage/write/dropped-rows.ts';
import { RowWriter } from '../storage/write/row-writer.ts';

export interface CreateWriterOptions {
  config: StartupConfig;
  log: Logger;
  dropped: DroppedRowCounter;
  /** Default: the configured one, that of the server of this machine, or one in the data folder. */
  spoolDir: string | undefined;
  target: () => WriteTarget | undefined;
}

/** Makes the write road of a process, as its settings want it. */
export function createWriter({
  config: started,
  log,
  dropped,
  spoolDir,
  target,
}: CreateWriterOptions): RowWriter {
  const { settings, discoveryFile } = started;
  const { retention } = settings;
  const found = readDiscoveryFile(discoveryFile)?.spoolDir;
  const inDataDir = `${settings.PERFORMANCE_DATA_DIR}/spool`;
  return new RowWriter({
    target,
    dropped,
    log,
    retentionDays: retention.rawDays,
    spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? spoolDir ?? found ?? inDataDir,
    spoolMaxBytes: settings.PERFORMANCE_SPOOL_MAX_BYTES,
    bufferSize: settings.PERFORMANCE_BUFFER_SIZE,
    flushIntervalMs: settings.PERFORMANCE_FLUSH_INTERVAL,
    ensureTables: async (to) => {
      await migrateTables(to, retention);
    },
  });
}
