import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import { ceilTo } from '../../../storage/queries/time-range.ts';

/** The burn-rate alerts, from the shortest windows to the longest. */
export const BURN_RATE_SPEEDS = ['fast', 'medium', 'slow'] as const;
export type BurnRateSpeed = (typeof BURN_RATE_SPEEDS)[number];

/** Windows of a burn-rate alert. The alert fires if the burn rate is too high in both windows. */
export interface BurnRateWindows {
  readonly longMs: number;
  /** Ends the alert soon after the problem ends. 1/12 of the long window. */
  readonly shortMs: number;
}

interface BurnRateAlert extends BurnRateWindows {
  /** Share of the error budget that an alert allows in its long window, from 0 to 1. */
  readonly budgetShare: number;
}

const REFERENCE_PERIOD_MS = 30 * 24 * HOUR_MS;

/**
 * Windows for an objective over 30 days, from table 5-8 of the chapter "Alerting on SLOs" of the SRE workbook
 * (https://sre.google/workbook/alerting-on-slos/).
 */
export const BURN_RATE_ALERTS: Readonly<Record<BurnRateSpeed, BurnRateAlert>> = {
  fast: { longMs: HOUR_MS, shortMs: 5 * MINUTE_MS, budgetShare: 0.02 },
  medium: { longMs: 6 * HOUR_MS, shortMs: 30 * MINUTE_MS, budgetShare: 0.05 },
  slow: { longMs: 72 * HOUR_MS, shortMs: 6 * HOUR_MS, budgetShare: 0.1 },
};

/**
 * Returns the burn rate that uses `budgetShare` of the error budget in `windowMs`. With a burn rate of
 * 1, the budget lasts exactly for the objective's period.
 *
 * @param budgetShare share of the budget, from 0 to 1
 * @param periodMs length of the objective's period in ms
 */
export function computeBurnRateLimit(
  budgetShare: number,
  windowMs: number,
  periodMs: number,
): number {
  return (budgetShare * periodMs) / windowMs;
}

/**
 * Returns the windows of an alert for an objective with another period. Windows are proportional to the
 * period. Burn-rate limits therefore don't change, and each alert uses the same share of the budget.
 *
 * @param periodMs length of the objective's period in ms
 * @param stepMs length of the counted steps. Windows are rounded up to whole steps.
 */
export function getBurnRateWindows(
  speed: BurnRateSpeed,
  periodMs: number,
  stepMs: number = MINUTE_MS,
): BurnRateWindows {
  const factor = periodMs / REFERENCE_PERIOD_MS;
  const { longMs, shortMs } = BURN_RATE_ALERTS[speed];
  return {
    longMs: ceilTo(Math.round(longMs * factor), stepMs),
    shortMs: ceilTo(Math.round(shortMs * factor), stepMs),
  };
}

/**
 * Returns how long a constant burn rate must last until a window without earlier failures reaches the
 * limit, in ms. Undefined if the limit is never reached.
 *
 * @param burnRate constant burn rate since the start of the problem
 * @param limit burn rate at which the alert fires
 */
export function computeDetectionMs(
  burnRate: number,
  limit: number,
  windowMs: number,
): number | undefined {
  if (!(burnRate > 0) || burnRate < limit) return undefined;
  return (limit / burnRate) * windowMs;
}

/**
 * Returns the time from the end of a problem until an alert with one window resets, in ms. A problem
 * that lasted for the whole window must leave the window again, until the rest is below the limit.
 */
export function computeResetMs(burnRate: number, limit: number, windowMs: number): number {
  if (!(burnRate > 0) || burnRate < limit) return 0;
  return (1 - limit / burnRate) * windowMs;
}
