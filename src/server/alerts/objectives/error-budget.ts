import { HOUR_MS } from '../../../core/duration.ts';
import { countBadEvents, type EventCounts, type TimedCounts } from './event-counts.ts';

/** The error budget of an objective: the events that can fail within its period. */
export interface ErrorBudget {
  /** Share of good events, in percent. Undefined without events. */
  readonly achieved: number | undefined;
  /** Number of events that were allowed to fail. */
  readonly allowedEvents: number;
  /** Number of events that can still fail. Negative if the budget is exceeded. */
  readonly remainingEvents: number;
  /** In percent of the budget, at most 100. Negative if the budget is exceeded. */
  readonly remainingPercent: number;
}

/**
 * Computes the error budget. Without events, the whole budget remains.
 *
 * @param target required share of good events, in percent, less than 100
 */
export function computeErrorBudget(counts: EventCounts, target: number): ErrorBudget {
  const { good, total } = counts;
  const allowedEvents = total * getAllowedShare(target);
  const remainingEvents = allowedEvents - countBadEvents(counts);
  return {
    achieved: total > 0 ? (100 * good) / total : undefined,
    allowedEvents,
    remainingEvents,
    remainingPercent: total > 0 ? (100 * remainingEvents) / allowedEvents : 100,
  };
}

/**
 * Returns how fast events use the error budget. At 1, the budget lasts exactly for the objective's
 * period. Without events, returns 0: missing traffic doesn't use the budget.
 *
 * @param target required share of good events, in percent, less than 100
 */
export function computeBurnRate(counts: EventCounts, target: number): number {
  if (counts.total <= 0) return 0;
  return countBadEvents(counts) / counts.total / getAllowedShare(target);
}

/** Returns the share of events that can fail, from 0 to 1. Rounded, so that 99.9 gives exactly 0.001. */
export function getAllowedShare(target: number): number {
  return Number(((100 - target) / 100).toFixed(12));
}

/**
 * Returns the time at which the budget runs out if the events continue at the current rate. In the meantime,
 * old failures leave the period, and free their part of the budget.
 *
 * @param hours events of the period by hour, in order of time, without gaps
 * @param recent events of the last `recentMs`, which continue at the same rate
 * @param target required share of good events, in percent
 * @param now start of the prediction, in ms since the epoch
 * @returns ms since the epoch; `now` if the budget has run out; undefined if it doesn't run out within
 * one period
 */
export function predictExhaustionMs(
  hours: readonly TimedCounts[],
  recent: EventCounts,
  recentMs: number,
  target: number,
  now: number,
): number | undefined {
  const allowed = getAllowedShare(target);
  let total = hours.reduce((sum, counts) => sum + counts.total, 0);
  let bad = hours.reduce((sum, counts) => sum + countBadEvents(counts), 0);
  if (total <= 0) return undefined;
  if (bad > allowed * total) return now;
  const perHour = HOUR_MS / recentMs;
  const newTotal = recent.total * perHour;
  const newBad = countBadEvents(recent) * perHour;
  if (newBad <= allowed * newTotal) return undefined;
  let marginBefore = allowed * total - bad;
  for (const [i, oldest] of hours.entries()) {
    total += newTotal - oldest.total;
    bad += newBad - countBadEvents(oldest);
    const margin = allowed * total - bad;
    if (margin < 0) {
      const share = marginBefore / (marginBefore - margin);
      return Math.round(now + (i + share) * HOUR_MS);
    }
    marginBefore = margin;
  }
  return undefined;
}
