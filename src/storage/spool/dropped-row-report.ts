import { isMainThread, threadId } from 'node:worker_threads';
import { createWarnOnce, type Logger } from '../../core/log.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { DroppedRowCounter } from './dropped-rows.ts';

/**
 * Returns a function that logs why rows were dropped, and marks them as reported. It logs each `kind` once. The
 * default of `kind` is the reason.
 */
export function createDropLog(
  dropped: DroppedRowCounter,
  log: Logger,
): (rows: number, reason: string, kind?: string) => void {
  const warnOnce = createWarnOnce(log);
  return (rows, reason, kind = reason) => {
    const { message } = createError('PS_ROWS_DROPPED', { rows, reason });
    if (warnOnce(kind, message)) dropped.markReported(rows);
  };
}

/**
 * Logs one line with the numbers of dropped rows by reason, if rows were dropped that no earlier message
 * has reported. For use after a recovery.
 */
export function reportDroppedTotal(dropped: DroppedRowCounter, log: Logger): void {
  if (!dropped.hasUnreportedRows || log.unmuted) return;
  log.warn(formatTotal(dropped));
  dropped.markReported();
}

/**
 * Does the same as {@link reportDroppedTotal} at the end of a process or a worker thread. Child processes and
 * worker threads log this line too, because no other process knows the rows that they have dropped.
 */
export function reportDroppedAtExit(dropped: DroppedRowCounter, log: Logger): void {
  if (!dropped.hasUnreportedRows) return;
  (log.unmuted ?? log).warn(formatTotal(dropped));
  dropped.markReported();
}

function formatTotal(dropped: DroppedRowCounter): string {
  const { pid } = process;
  const name = isMainThread ? `Process ${pid}` : `Worker thread ${threadId} of process ${pid}`;
  const params = { process: name, rows: dropped.total, reasons: formatReasons(dropped) };
  return createError('PS_ROWS_DROPPED_TOTAL', params).message;
}

/** Several reasons are in one sentence, so only the first sentence of each description is used. */
function formatReasons(dropped: DroppedRowCounter): string {
  const counts = [...dropped.byReason];
  const [first] = counts;
  if (first && counts.length === 1) return dropped.describe(first[0]);
  return counts
    .map(([reason, rows]) => `${rows} because ${dropped.describe(reason).split('. ')[0]}`)
    .join('; ');
}
