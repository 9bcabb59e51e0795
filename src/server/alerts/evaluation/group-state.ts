import type { Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import {
  type AlertRule,
  getObservationWindowMs,
  isBeyond,
  type RuleThresholds,
  type ThresholdLevel,
} from '../rules/alert-rule.ts';
import type { Transition } from './alert-transition.ts';
import { computeBounds } from './confidence-bounds.ts';
import type { Observation, WaitingForData } from './observation.ts';

export type Latches = Readonly<Partial<Record<AlertSeverity, Latch>>>;

/** The state of one group of a rule. A restart restores `alert` and resets most other fields. */
export interface GroupState {
  readonly labels: Labels;
  /** The last transition of the live alert, if there is one. */
  readonly alert: Transition | undefined;
  /** The newest value that was compared with the thresholds. */
  readonly value: number | undefined;
  readonly latches: Latches;
  /** Whether missing data is an alert now (`noData: alert`). */
  readonly missing: boolean;
  /** Time of the newest evaluated data. Latches use this time instead of the system clock. */
  readonly clockMs: number;
  /** Data time since which the group has sent data without a longer gap. */
  readonly sinceMs: number;
  /** The newest value that was beyond the first threshold. Undefined after a restart. */
  readonly breachedValue: number | undefined;
  /** Time of the last evaluation in which new data was beyond a threshold, or data was missing. */
  readonly breachedMs: number | undefined;
  /** Number of measurements in the last observation. */
  readonly count: number;
  readonly absentSinceMs: number | undefined;
  /** Why the newest value couldn't be compared with the thresholds. Undefined if it could. */
  readonly waiting: WaitingForData | undefined;
  /** What the newest value means. Undefined after a restart, and for most rules. */
  readonly context?: string | undefined;
  /** Time of the last evaluation. Undefined after a restart. */
  readonly evaluatedMs: number | undefined;
  /** Whether the last evaluation was skipped because the clock jumped. */
  readonly jumped: boolean;
  /** Start of the group's latest alert. It keeps the next alert's ID unique. */
  readonly startedMs: number;
  /**
   * Only for alerts from other systems: when the alert is resolved if its sender doesn't refresh it, and
   * whether this is the default time. Undefined after a restart.
   */
  readonly expiry?: { readonly ms: number; readonly isTimeout: boolean } | undefined;
}

export function createGroupState(labels: Labels): GroupState {
  return {
    labels,
    alert: undefined,
    value: undefined,
    latches: {},
    missing: false,
    clockMs: Number.NEGATIVE_INFINITY,
    sinceMs: Number.POSITIVE_INFINITY,
    breachedValue: undefined,
    breachedMs: undefined,
    count: 0,
    absentSinceMs: undefined,
    waiting: undefined,
    evaluatedMs: undefined,
    jumped: false,
    startedMs: Number.NEGATIVE_INFINITY,
  };
}

/** Returns whether the group has ever sent data, including before the process started. */
export function hasReported({ clockMs }: GroupState): boolean {
  return Number.isFinite(clockMs);
}

/**
 * Returns whether missing data of the group is an alert. A group that never sent data isn't missing,
 * and a process that ran only briefly has probably done its work.
 */
function isEstablished(state: GroupState, { noDataMinimumAgeMs }: AlertRule): boolean {
  return hasReported(state) && state.clockMs - state.sinceMs >= noDataMinimumAgeMs;
}

/** Moves all clocks of a state forward by a duration that doesn't count toward `for`. */
export function shiftGroupState(state: GroupState, byMs: number): GroupState {
  const levels = Object.entries(state.latches).map(([s, latch]) => [s, shiftLatch(latch, byMs)]);
  return { ...state, latches: Object.fromEntries(levels), clockMs: state.clockMs + byMs };
}

/**
 * Updates the latches for an observation, or for missing data. Old data doesn't change them: a
 * window that slides over late data must neither fire nor resolve an alert.
 *
 * @param isComplete whether all rows were stored. Otherwise, missing data has no effect.
 */
export function updateLatches(
  before: GroupState,
  observation: Observation | undefined,
  rule: AlertRule,
  thresholds: RuleThresholds,
  now: number,
  isComplete: boolean,
): GroupState {
  const value = observation?.value;
  if (observation === undefined || value === undefined || Number.isNaN(value)) {
    if (!isComplete) return { ...before, absentSinceMs: undefined, count: 0 };
    return applyMissingData(before, rule, thresholds, now);
  }
  const newestMs = Math.min(observation.newestMs, now);
  const { count } = observation;
  const waiting = observation.waiting ?? getMissingCoverage(observation, rule);
  const seen = {
    ...before,
    count,
    waiting,
    context: observation.context,
    absentSinceMs: undefined,
    sinceMs: updateSince(before, newestMs - (observation.coveredMs ?? 0), rule, now),
  };
  // Rows of a slower instance can be older than the newest row, but they increase the count.
  if (newestMs <= before.clockMs && count <= before.count) return seen;
  const isTooFew = count < thresholds.minimumCount || waiting !== undefined;
  if (isTooFew && rule.noData === 'keep') return seen;
  const gapMs = newestMs - before.clockMs;
  // A gap that is longer than the window is unknown time. It doesn't count toward `for`.
  const bridged =
    gapMs > getObservationWindowMs(rule) && Number.isFinite(gapMs)
      ? shiftGroupState(seen, gapMs)
      : seen;
  const clockMs = Math.max(newestMs, before.clockMs);
  const bounds = computeBounds(value, observation, rule);
  const supported = rule.direction === 'above' ? bounds.lower : bounds.upper;
  const breaches = (level: ThresholdLevel) => {
    // A firing level continues until the value itself has recovered.
    const isActive = bridged.latches[level.severity]?.active === true;
    const compared = isActive ? value : supported;
    return !isTooFew && isBeyondThreshold(compared, level, bridged.latches, rule, thresholds);
  };
  const latches = updateLevelLatches(bridged.latches, thresholds, rule, clockMs, breaches);
  const isBreached = Object.values(latches).some(({ breached }) => breached);
  const breachedMs = isBreached ? now : before.breachedMs;
  const [first] = thresholds.levels;
  const isBeyondFirst = !isTooFew && first && isBeyond(value, first.threshold, rule.direction);
  const breachedValue = isBeyondFirst ? value : before.breachedValue;
  return { ...bridged, value, clockMs, missing: false, breachedValue, breachedMs, latches };
}

/** Returns how much data is missing until the value can be compared with the thresholds. */
function getMissingCoverage(
  { coveredMs = Number.POSITIVE_INFINITY }: Observation,
  { evidence: { minimumCoverageMs } }: AlertRule,
): WaitingForData | undefined {
  if (coveredMs >= minimumCoverageMs) return undefined;
  return { reason: 'coverage', haveMs: coveredMs, neededMs: minimumCoverageMs };
}

/** Returns since when the group has sent data. Data that was missing for `noDataAfter` restarts it. */
function updateSince(
  before: GroupState,
  oldestMs: number,
  { noDataAfterMs }: AlertRule,
  now: number,
): number {
  const { absentSinceMs, sinceMs } = before;
  const wasMissing = absentSinceMs !== undefined && now - absentSinceMs >= noDataAfterMs;
  return wasMissing ? oldestMs : Math.min(sinceMs, oldestMs);
}

function applyMissingData(
  before: GroupState,
  rule: AlertRule,
  thresholds: RuleThresholds,
  now: number,
): GroupState {
  const absentSinceMs = before.absentSinceMs ?? now;
  const state = { ...before, absentSinceMs, count: 0 };
  if (now - absentSinceMs < rule.noDataAfterMs || rule.noData === 'keep') return state;
  if (rule.noData === 'alert') {
    const missing = state.missing || isEstablished(state, rule);
    return { ...state, missing, breachedMs: missing ? now : state.breachedMs };
  }
  const clockMs = Math.max(now, before.clockMs);
  return {
    ...state,
    clockMs,
    latches: updateLevelLatches(before.latches, thresholds, rule, clockMs, () => false),
  };
}

function updateLevelLatches(
  before: Latches,
  thresholds: RuleThresholds,
  rule: AlertRule,
  atMs: number,
  breached: (level: ThresholdLevel) => boolean,
): Latches {
  const { forMs, keepFiringForMs } = rule;
  return Object.fromEntries(
    thresholds.levels.map((level) => [
      level.severity,
      updateLatch(before[level.severity], breached(level), atMs, forMs, keepFiringForMs),
    ]),
  );
}

/** Returns whether a level is breached. An active first level stays breached until recovery. */
function isBeyondThreshold(
  value: number,
  level: ThresholdLevel,
  latches: Latches,
  rule: AlertRule,
  { levels, recovery }: RuleThresholds,
): boolean {
  const isActiveFirst = level === levels[0] && latches[level.severity]?.active === true;
  const limit = isActiveFirst ? (recovery ?? level.threshold) : level.threshold;
  return isBeyond(value, limit, rule.direction);
}

/** The state of one threshold level. */
interface Latch {
  readonly breached: boolean;
  /** Time of the last change of `breached`, in ms of data time. */
  readonly sinceMs: number;
  /** Whether the level fires. */
  readonly active: boolean;
}

/**
 * Returns the next latch. The latch becomes active when a breach has lasted for `riseMs`, and
 * inactive `fallMs` after the breach has ended.
 */
function updateLatch(
  before: Latch | undefined,
  breached: boolean,
  atMs: number,
  riseMs: number,
  fallMs: number,
): Latch {
  const sinceMs = before?.breached === breached ? before.sinceMs : atMs;
  const lastedMs = atMs - sinceMs;
  const wasActive = before?.active ?? false;
  const active = breached ? wasActive || lastedMs >= riseMs : wasActive && lastedMs < fallMs;
  // There can be thousands of groups, and most don't change. Reusing the object avoids garbage.
  const isUnchanged = before?.breached === breached && before.active === active;
  return isUnchanged ? before : { breached, sinceMs, active };
}

/** Moves a latch forward by `byMs`, or back if negative. */
function shiftLatch(latch: Latch, byMs: number): Latch {
  return { ...latch, sinceMs: latch.sinceMs + byMs };
}
