import { DroppedRowCounter } from '../../src/storage/spool/dropped-rows.ts';
import { RowWriter } from '../../src/storage/write/row-writer.ts';
import type { RowWriterOptions } from '../../src/storage/write/row-writer-options.ts';

/**
 * Creates a row writer. By default, it knows no QuestDB, logs nothing, and has a long flush interval.
 */
export function createRowWriter(
  options: Partial<RowWriterOptions> & Pick<RowWriterOptions, 'spoolDir'>,
): RowWriter {
  return new RowWriter({
    spoolMaxBytes: 1e9,
    retentionDays: 30,
    bufferSize: 1000,
    flushIntervalMs: 3_600_000,
    target: () => undefined,
    ensureTables: async () => {},
    dropped: new DroppedRowCounter(),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    ...options,
  });
}
