import type { TimeRange } from '../../../../storage/queries/time-range.ts';
import { fillBuckets } from './find-onset.ts';
import type { SignalKind, SignalPoint, SignalSeries } from './read-signals.ts';

/** The signals around the start of an incident. */
export interface IncidentSignals {
  /** Fine series before and after the start of the incident. */
  readonly recent: readonly SignalSeries[];
  readonly range: TimeRange;
  /** Start of the first alert, in ms since the epoch. */
  readonly startedMs: number;
  readonly stepMs: number;
  /** Series of earlier hours, in steps of five minutes. */
  readonly earlier: readonly SignalSeries[];
  readonly earlierRanges: readonly TimeRange[];
  readonly earlierStepMs: number;
}

/** Kinds of series whose value is a number per minute. Buckets without measurements are zero. */
export const RATE_KINDS: ReadonlySet<SignalKind> = new Set([
  'requests',
  'all_requests',
  'arrivals',
  'finished_jobs',
]);

/** Returns the points of a series in the range, with the empty buckets of a rate. */
export function toPoints(
  { kind, points }: SignalSeries,
  { range, stepMs }: IncidentSignals,
): readonly SignalPoint[] {
  return RATE_KINDS.has(kind) ? fillBuckets(points, range, stepMs) : points;
}
