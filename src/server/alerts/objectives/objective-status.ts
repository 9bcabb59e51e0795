import type { Labels } from '../../../core/alerts/alert.ts';
import { DAY_MS, HOUR_MS } from '../../../core/duration.ts';
import { formatDuration, formatNumber } from '../../../core/format.ts';
import { floorTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { Observation, WaitingForData } from '../evaluation/observation.ts';
import { BURN_RATE_SPEEDS, type BurnRateSpeed, getBurnRateWindows } from './burn-rate-windows.ts';
import {
  computeBurnRate,
  computeErrorBudget,
  type ErrorBudget,
  getAllowedShare,
  predictExhaustionMs,
} from './error-budget.ts';
import { countBadEvents, type EventCounts } from './event-counts.ts';
import type { ObjectiveGroup } from './event-history.ts';
import { getObjectiveLimits, getStepMs, OBJECTIVE_KINDS, type Objective } from './objective.ts';

/** `waiting` means that there is too little data to compute the error budget. */
export const OBJECTIVE_STATUSES = ['waiting', 'ok', 'exhausted'] as const;

/** The error budget of one group of an objective. */
export interface ObjectiveStatus {
  readonly labels: Labels;
  readonly status: (typeof OBJECTIVE_STATUSES)[number];
  /** Why the status is `waiting`. */
  readonly reason: string | undefined;
  readonly target: number;
  readonly thresholdMs: number | undefined;
  /** Events of the period. */
  readonly counts: EventCounts;
  /** Undefined while waiting. */
  readonly budget: ErrorBudget | undefined;
  /** The lower burn rate of both windows of each alert. Undefined if there is too little data. */
  readonly burnRates: Readonly<Record<BurnRateSpeed, number | undefined>>;
  /** When the budget runs out at the rate of the long window of `burn-rate-medium`. Undefined if it doesn't run out. */
  readonly exhaustedAtMs: number | undefined;
}

/** Reason while the server reads stored measurements, after a start or a clock jump. */
export const LOADING_REASON = 'stored measurements are still being read';

/** The budget is unknown until a group has data for this time. */
const MIN_HISTORY_MS = DAY_MS;

/** What is known about a group's events. */
interface KnownEvents {
  readonly objective: Objective;
  readonly group: ObjectiveGroup;
  /** Start of the loaded time, in ms since the epoch. Undefined if nothing is loaded. */
  readonly loadedFromMs: number | undefined;
}

/** Computes the status of one group at `now`. This is a pure function of the counted events. */
export function computeObjectiveStatus(known: KnownEvents, now: number): ObjectiveStatus {
  const { objective, group, loadedFromMs } = known;
  const { labels, history } = group;
  const { target, thresholdMs } = getObjectiveLimits(objective, labels);
  const range = getPeriodRange(objective, now);
  const counts = history.sum(range);
  const reason = explainWaiting(known, counts, range);
  const isLoaded = loadedFromMs !== undefined && loadedFromMs <= range.fromMs;
  const budget = reason === undefined ? computeErrorBudget(counts, target) : undefined;
  const rates = BURN_RATE_SPEEDS.map((speed) => [speed, computeGroupBurnRate(known, speed, now)]);
  const { longMs } = getBurnRateWindows('medium', objective.periodMs, getStepMs(objective));
  const recent = history.sum({ fromMs: range.toMs - longMs, toMs: range.toMs });
  return {
    labels,
    reason,
    target,
    thresholdMs,
    counts,
    budget,
    status: budget === undefined ? 'waiting' : budget.remainingEvents < 0 ? 'exhausted' : 'ok',
    burnRates: Object.fromEntries(rates),
    exhaustedAtMs:
      budget && isLoaded
        ? predictExhaustionMs(history.listHours(range), recent, longMs, target, now)
        : undefined,
  };
}

/** Returns the period that ends at `now`: whole steps at the end, and a whole hour at the start. */
export function getPeriodRange(objective: Objective, now: number): TimeRange {
  const toMs = floorTo(now, getStepMs(objective));
  return { fromMs: floorTo(toMs - objective.periodMs, HOUR_MS), toMs };
}

/** Returns why the budget is unknown, or `undefined` if there is enough data. */
function explainWaiting(
  { objective, group, loadedFromMs }: KnownEvents,
  { total }: EventCounts,
  range: TimeRange,
): string | undefined {
  if (loadedFromMs === undefined || loadedFromMs > range.fromMs) return LOADING_REASON;
  const { event } = OBJECTIVE_KINDS[objective.kind];
  const firstMs = group.history.findFirstMs();
  if (total === 0 || firstMs === undefined)
    return `no ${event}s in the last ${formatDuration(objective.periodMs)}`;
  const knownMs = range.toMs - firstMs;
  if (knownMs < MIN_HISTORY_MS)
    return `${formatDuration(MIN_HISTORY_MS)} of data is needed; there is ${formatDuration(knownMs)}`;
  const { target } = getObjectiveLimits(objective, group.labels);
  const needed = Math.ceil(Number((1 / getAllowedShare(target)).toFixed(6)));
  if (total >= needed) return undefined;
  return `${formatNumber(needed)} ${event}s are needed; there are ${formatNumber(total)}`;
}

/**
 * Returns the lower burn rate of the long and the short window.
 *
 * @returns `undefined` if the group has no data for the whole long window
 */
function computeGroupBurnRate(
  known: KnownEvents,
  speed: BurnRateSpeed,
  now: number,
): number | undefined {
  const sums = sumWindows(known, speed, now);
  return sums?.waiting ? undefined : sums?.burnRate;
}

/**
 * Computes the burn rate of both windows. If the first event is newer than the long window, `waiting` states how
 * much data is missing. While stored events are still being read, this isn't known.
 *
 * @returns `undefined` if nothing is known about the windows
 */
function sumWindows(
  { objective, group, loadedFromMs }: KnownEvents,
  speed: BurnRateSpeed,
  now: number,
) {
  const { labels, alertHistory: history = group.history } = group;
  const stepMs = getStepMs(objective);
  const { longMs, shortMs } = getBurnRateWindows(speed, objective.periodMs, stepMs);
  const toMs = floorTo(now, stepMs);
  const fromMs = toMs - longMs;
  const firstMs = history.findFirstMs();
  const isKnown = loadedFromMs !== undefined && loadedFromMs <= fromMs;
  if (!isKnown || firstMs === undefined) return undefined;
  const { target } = getObjectiveLimits(objective, labels);
  const long = history.sum({ fromMs, toMs });
  const short = history.sum({ fromMs: toMs - shortMs, toMs });
  const burnRate = Math.min(computeBurnRate(long, target), computeBurnRate(short, target));
  const waiting: WaitingForData | undefined =
    firstMs > fromMs
      ? { reason: 'objective', haveMs: Math.max(0, toMs - firstMs), neededMs: longMs }
      : undefined;
  return { burnRate, long, waiting };
}

/**
 * Returns the burn rate of a group as an observation of an alert rule. A few failures don't fire an alert,
 * however low the traffic is. A group whose first event is newer than the long window waits for data.
 *
 * @returns `undefined` if the objective has no such alert, or while stored events are being read
 */
export function observeBurnRate(
  known: KnownEvents,
  speed: BurnRateSpeed,
  now: number,
): Observation | undefined {
  const { objective, group } = known;
  const hasAlert =
    objective.alerts === 'page' || (objective.alerts === 'ticket' && speed === 'slow');
  if (!hasAlert || !getObjectiveLimits(objective, group.labels).enabled) return undefined;
  const sums = sumWindows(known, speed, now);
  if (!sums) return undefined;
  const { burnRate, long, waiting } = sums;
  const hasEvidence = countBadEvents(long) >= objective.minimumBadEvents;
  return {
    labels: { ...group.labels, objective: objective.name },
    value: burnRate,
    count: long.total,
    newestMs: now,
    waiting,
    bounds: { lower: hasEvidence ? burnRate : 0, upper: burnRate },
  };
}
