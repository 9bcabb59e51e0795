import { formatDuration, formatNumber, formatPercent } from '../../../../core/format.ts';
import type { CauseKind, CauseUnit } from './cause.ts';
import type { Onset } from './find-onset.ts';

/** How a signal becomes a cause. */
export interface CauseDefinition {
  /**
   * Position in the chain of effects. A version or more requests come first, then dependencies, hosts, and queues,
   * then errors, and then slow endpoints. Causes are sorted by this number first.
   */
  readonly rank: number;
  readonly unit: CauseUnit;
  /** Returns whether a change is large enough to be a cause. */
  readonly isRelevant: (onset: Onset) => boolean;
  /** Returns the text of the cause. */
  readonly format: (subject: string, onset: Onset) => string;
}

const MAX_SUBJECT_LENGTH = 120;

/** Shortens a statement or an endpoint, and puts it in backquotes. */
function quote(subject: string): string {
  const isLong = subject.length > MAX_SUBJECT_LENGTH;
  return `\`${isLong ? `${subject.slice(0, MAX_SUBJECT_LENGTH)}…` : subject}\``;
}

/** A rate before a change is unknown if it was measured for less than this. One step of the analysis is longer. */
const MIN_MINUTES_BEFORE = 0.15;

/** The usage before a change is unknown with fewer samples. */
const MIN_SAMPLES_BEFORE = 2;

/** A stuck queue completes at most this share of its jobs. Running jobs end after the others have stopped. */
const MAX_STUCK_SHARE = 0.05;
/** With fewer expected jobs, it can be chance that none was completed. */
const MIN_MISSING_JOBS = 10;

/**
 * Returns whether a rate changed by more than chance: by at least `deviations` standard deviations of the difference of
 * two Poisson rates. A rate that was measured for a short time is less certain.
 */
function isBeyondChance({ before, now, beforeWeight, nowWeight }: Onset, deviations: number) {
  if (beforeWeight < MIN_MINUTES_BEFORE) return false;
  const computeVariance = (rate: number, minutes: number) =>
    Math.max(rate * minutes, 1) / minutes ** 2;
  const variance = computeVariance(before, beforeWeight) + computeVariance(now, nowWeight);
  return Math.abs(now - before) >= deviations * Math.sqrt(variance);
}

/** Returns whether a duration rose by a factor of 1.5 and by a minimum. */
function isSlower({ before, now }: Onset, minimumMs: number): boolean {
  return now >= 1.5 * before && now - before >= minimumMs;
}

function formatFrom({ before, beforeWeight }: Onset, format: (value: number) => string): string {
  return beforeWeight === 0 ? 'not seen before' : `up from ${format(before)}`;
}

const perMinute = (value: number) => `${formatNumber(value)}/min`;

/** The definition of each kind that is a series. Versions and restarts are events. */
export const CAUSE_DEFINITIONS: Readonly<
  Record<Exclude<CauseKind, 'version' | 'restart'>, CauseDefinition>
> = {
  requests: {
    rank: 1,
    unit: '1/min',
    isRelevant: (onset) => onset.now >= 1.8 * onset.before && isBeyondChance(onset, 6),
    format: (subject, onset) =>
      `requests of ${quote(subject)} rose to ${perMinute(onset.now)}, ${formatFrom(onset, perMinute)}`,
  },
  arrivals: {
    rank: 1,
    unit: '1/min',
    isRelevant: (onset) =>
      onset.now >= 3 * onset.before && onset.nowTotal >= 50 && isBeyondChance(onset, 6),
    format: (subject, onset) =>
      `${formatNumber(onset.nowTotal)} jobs arrived in queue ${quote(subject)} (${perMinute(onset.now)}, ${formatFrom(onset, perMinute)})`,
  },
  failed_calls: {
    rank: 2,
    unit: '%',
    isRelevant: ({ before, now, nowTotal }) => now - before >= 10 && nowTotal >= 300,
    format: (subject, onset) =>
      `${formatPercent(onset.now)} of calls to ${quote(subject)} are failing, ${formatFrom(onset, formatPercent)}`,
  },
  statement_time: {
    rank: 2,
    unit: 'ms',
    isRelevant: (onset) => isSlower(onset, 50) && onset.nowWeight >= 3,
    format: (subject, onset) =>
      `statement ${quote(subject)} takes ${formatDuration(onset.now)}, ${formatFrom(onset, formatDuration)}`,
  },
  stuck_queue: {
    rank: 2,
    unit: '1/min',
    isRelevant: ({ before, now, nowWeight }) =>
      now <= MAX_STUCK_SHARE * before && before * nowWeight >= MIN_MISSING_JOBS,
    format: (subject, { before }) =>
      `queue ${quote(subject)} stopped completing jobs, before: ${perMinute(before)}`,
  },
  cpu: {
    rank: 2,
    unit: '%',
    isRelevant: ({ before, now, beforeWeight }) =>
      beforeWeight >= MIN_SAMPLES_BEFORE && now >= 70 && now - before >= 15,
    format: (subject, onset) =>
      `CPU of host ${quote(subject)} is at ${formatPercent(onset.now)}, ${formatFrom(onset, formatPercent)}`,
  },
  memory: {
    rank: 2,
    unit: '%',
    isRelevant: ({ before, now, beforeWeight }) =>
      beforeWeight >= MIN_SAMPLES_BEFORE && now >= 80 && now - before >= 10,
    format: (subject, onset) =>
      `memory of host ${quote(subject)} is at ${formatPercent(onset.now)}, ${formatFrom(onset, formatPercent)}`,
  },
  event_loop: {
    rank: 3,
    unit: 'ms',
    isRelevant: ({ before, now, beforeWeight }) =>
      beforeWeight >= MIN_SAMPLES_BEFORE && now >= 100 && now >= 3 * before,
    format: (subject, onset) =>
      `the event loop of ${quote(subject)} is blocked for ${formatDuration(onset.now)}, ${formatFrom(onset, formatDuration)}`,
  },
  call_time: {
    rank: 3,
    unit: 'ms',
    isRelevant: (onset) => isSlower(onset, 100) && onset.nowWeight >= 3,
    format: (subject, onset) =>
      `calls to ${quote(subject)} take ${formatDuration(onset.now)}, ${formatFrom(onset, formatDuration)}`,
  },
  breaker: {
    rank: 3,
    unit: '1',
    isRelevant: ({ before, now }) => now >= 0.3 && now - before >= 0.3,
    format: (subject) => `the circuit breaker ${quote(subject)} opened`,
  },
  connection_wait: {
    rank: 3,
    unit: 'ms',
    isRelevant: (onset) => isSlower(onset, 50),
    format: (_subject, onset) =>
      `requests wait ${formatDuration(onset.now)} for a database connection, ${formatFrom(onset, formatDuration)}`,
  },
  errors: {
    rank: 4,
    unit: '%',
    isRelevant: ({ before, now, nowTotal }) => now - before >= 5 && nowTotal >= 300,
    format: (subject, onset) =>
      `${formatPercent(onset.now)} of requests to ${quote(subject)} are failing, ${formatFrom(onset, formatPercent)}`,
  },
  job_failures: {
    rank: 4,
    unit: '%',
    isRelevant: ({ before, now, nowTotal }) => now - before >= 10 && nowTotal >= 300,
    format: (subject, onset) =>
      `${formatPercent(onset.now)} of jobs in queue ${quote(subject)} are failing, ${formatFrom(onset, formatPercent)}`,
  },
  job_time: {
    rank: 5,
    unit: 'ms',
    isRelevant: (onset) => isSlower(onset, 100) && onset.nowWeight >= 3,
    format: (subject, onset) =>
      `jobs in queue ${quote(subject)} take ${formatDuration(onset.now)}, ${formatFrom(onset, formatDuration)}`,
  },
  endpoint_time: {
    rank: 6,
    unit: 'ms',
    isRelevant: (onset) => isSlower(onset, 50) && onset.nowWeight >= 3,
    format: (subject, onset) =>
      `requests to ${quote(subject)} take ${formatDuration(onset.now)}, ${formatFrom(onset, formatDuration)}`,
  },
};

/** Formats a value of a cause with its unit. */
export function formatCauseValue(value: number, unit: CauseUnit): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === '%') return formatPercent(value);
  return unit === '1/min' ? perMinute(value) : formatNumber(value);
}
