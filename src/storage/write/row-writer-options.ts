import type { PausedTarget, WriteTarget } from '../../core/config/questdb-targets.ts';
import type { Logger } from '../../core/log.ts';
import type { DroppedRowCounter } from '../spool/dropped-rows.ts';
import type { SeriesStateStore } from './series-state-store.ts';
import type { ReadTableIds } from './table-watch.ts';

export type RowWriterStates = Omit<SeriesStateStore, 'series' | 'sinceMs'>;

export interface RowWriterOptions {
  spoolDir: string;
  /** Whether this process can write all tables. See `SpoolOptions`. Default: `false`. */
  isServer?: boolean | undefined;
  spoolMaxBytes: number;
  retentionDays: number;
  /** Number of rows to collect before they are sent. */
  bufferSize: number;
  /** Maximum time until rows are sent, in ms. */
  flushIntervalMs: number;
  /** Returns the current QuestDB, or undefined if none is known. */
  target: () => WriteTarget | PausedTarget | undefined;
  /**
   * Creates missing tables and columns. The signal cancels the requests.
   *
   * @returns whether something was missing
   */
  ensureTables: (target: WriteTarget, signal: AbortSignal) => Promise<boolean | undefined>;
  /** Returns the IDs of all tables, to find tables that were dropped and created again. Default: not checked. */
  readTableIds?: ReadTableIds;
  /** Keeps the states that `addDurably` receives. Default: no states. */
  states?: RowWriterStates | undefined;
  /** Counts dropped rows. */
  dropped: DroppedRowCounter;
  log: Logger;
}
