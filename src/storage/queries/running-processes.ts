import { MINUTE_MS } from '../../core/duration.ts';
import type { Query } from './query-definition.ts';
import type { TimeRange } from './time-range.ts';

/** Default of the setting `SYSTEM_HEALTH_INTERVAL`. Gauges are exported more often. */
const DEFAULT_REPORT_INTERVAL_MS = MINUTE_MS;
/** A late report must not make a process disappear. */
const REPORT_INTERVALS = 3;

/**
 * Returns the last part of a query's range: three report intervals, and at least 3 min. A process that is
 * running at the end of the range has reported in this part. Sums over processes must contain only these
 * processes.
 *
 * @param nowMs a range can end in the future, but reports can't
 */
export function getRunningRange(
  { range, reportIntervalMs = 0 }: Pick<Query, 'range' | 'reportIntervalMs'>,
  nowMs: number = Date.now(),
): TimeRange {
  const lengthMs = REPORT_INTERVALS * Math.max(reportIntervalMs, DEFAULT_REPORT_INTERVAL_MS);
  const startMs = Math.min(range.toMs, nowMs) - lengthMs;
  return { fromMs: Math.max(range.fromMs, startMs), toMs: range.toMs };
}
