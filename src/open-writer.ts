import { discover } from './config/discovery.ts';
import type { Started } from './config/environment.ts';
import type { WriteTarget } from './config/target.ts';
import type { Log } from './log.ts';
import { migrateTables } from './questdb/migrate.ts';
import type { DroppedRows } from './write/dropped.ts';
import { Writer } from './write/writer.ts';

export interface OpenWriterOptions {
  started: Started;
  log: Log;
  dropped: DroppedRows;
  /** Default: the configured one, that of the server of this machine, or one in the data folder. */
  spoolDir: string | undefined;
  target: () => WriteTarget | undefined;
}

/** Makes the write road of a process, as its settings want it. */
export function openWriter({ started, log, dropped, spoolDir, target }: OpenWriterOptions): Writer {
  const { settings, discoveryFile } = started;
  const { retention } = settings;
  const found = discover(discoveryFile)?.spoolDir;
  const inDataDir = `${settings.PERFORMANCE_DATA_DIR}/spool`;
  return new Writer({
    target,
    dropped,
    log,
    retentionDays: retention.rawDays,
    spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? spoolDir ?? found ?? inDataDir,
    spoolMaxBytes: settings.PERFORMANCE_SPOOL_MAX_BYTES,
    bufferSize: settings.PERFORMANCE_BUFFER_SIZE,
    flushIntervalMs: settings.PERFORMANCE_FLUSH_INTERVAL,
    prepare: async (to) => {
      await migrateTables(to, retention);
    },
  });
}
