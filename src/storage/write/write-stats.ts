import type { DropReason } from '../spool/dropped-rows.ts';

/** Statistics of the write pipeline of one process. Counts start at zero with the process. */
export interface WriteStats {
  /** Number of rows that were passed to the writer. */
  readonly recordedRows: number;
  /** Number of rows in memory that are not yet in the spool. */
  readonly bufferedRows: number;
  /** Number of rows that QuestDB has acknowledged, including rows of processes that have ended. */
  readonly storedRows: number;
  /** Number of rows in the spool that QuestDB has not yet acknowledged. */
  readonly waitingRows: number;
  /** Size of these rows in bytes. */
  readonly waitingBytes: number;
  /**
   * Age of the oldest waiting row in ms: the time since the spool received it, or since its segment was
   * created. Undefined if no rows are waiting.
   */
  readonly lagMs: number | undefined;
  /** Number of requests to QuestDB that failed and were repeated. */
  readonly failedRequests: number;
  /** Number of rows in the dead letters of this process's spool folder. */
  readonly deadLetterRows: number;
  /** Free space in bytes of the disk with the spool. Undefined if it is unknown. */
  readonly freeDiskBytes: number | undefined;
  /** Numbers of rows that this process has dropped, without reasons that have not occurred. */
  readonly droppedRows: Readonly<Partial<Record<DropReason, number>>>;
}
