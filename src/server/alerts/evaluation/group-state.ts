import type { Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import {
  type AlertRule,
  getObservationWindowMs,
  type RuleThresholds,
  type ThresholdLevel,
} from '../rules/alert-rule.ts';
import type { Transition } from './alert-transition.ts';
import type { Observation } from './observation.ts';

export type Latches = Readonly<Partial<Record<AlertSeverity, Latch>>>;

/**
 * What is known of one group of a rule. `alert` is what the table `alerts` knows too; the rest are
 * clocks, which a restart sets anew.
 */
export interface GroupState {
  readonly labels: Labels;
  /** The last transition of the alert that goes on; undefined: all is well. */
  readonly alert: Transition | undefined;
  /** The newest value that was judged. */
  readonly value: number | undefined;
  readonly latches: Latches;
  /** Whether missing data are an alert now (`noData: alert`). */
  readonly missing: boolean;
  /** Data up to this time have been judged. The latches live on this clock, not on the wall's. */
  readonly clockMs: number;
  /** Measurements of the last observation. */
  readonly count: number;
  readonly absentSinceMs: number | undefined;
  /** When the group was last evaluated; undefined after a restart. */
  readonly evaluatedMs: number | undefined;
  /** Whether the last evaluation was passed over because the clock had jumped. */
  readonly jumped: boolean;
  /** When the latest alert of the group began, so that the next one gets an id of its own. */
  readonly startedMs: number;
}

export function createGroupState(labels: Labels): GroupState {
  return {
    labels,
    alert: undefined,
    value: undefined,
    latches: {},
    missing: false,
    clockMs: Number.NEGATIVE_INFINITY,
    count: 0,
    absentSinceMs: undefined,
    evaluatedMs: undefined,
    jumped: false,
    startedMs: Number.NEGATIVE_INFINITY,
  };
}

/** Whether data of the group have been seen since the process started, or are known from before. */
export function hasReported({ clockMs }: GroupState): boolean {
  return Number.isFinite(clockMs);
}

/** The same state after a time of `byMs` that does not count. */
export function shiftGroupState(state: GroupState, byMs: number): GroupState {
  const levels = Object.entries(state.latches).map(([s, latch]) => [s, shiftLatch(latch, byMs)]);
  return { ...state, latches: Object.fromEntries(levels), clockMs: state.clockMs + byMs };
}

/**
 * Lets an observation, or that there is none, move the latches. Data that say nothing new leave
 * them as they are: a window that slides over late data must neither fire nor resolve.
 */
export function updateLatches(
  before: GroupState,
  observation: Observation | undefined,
  rule: AlertRule,
  judgement: RuleThresholds,
  now: number,
): GroupState {
  const value = observation?.value;
  if (observation === undefined || value === undefined || Number.isNaN(value)) {
    return applyMissingData(before, rule, judgement, now);
  }
  const newestMs = Math.min(observation.newestMs, now);
  const { count } = observation;
  const seen = { ...before, count, absentSinceMs: undefined };
  // Rows of a slower instance may be older than the newest; then at least there are more of them.
  if (newestMs <= before.clockMs && count <= before.count) return seen;
  const few = count < judgement.minimumCount;
  if (few && rule.noData === 'keep') return seen;
  const gapMs = newestMs - before.clockMs;
  // Nothing is known of a gap that is longer than the window, so nothing lasted through it.
  const bridged =
    gapMs > getObservationWindowMs(rule) && Number.isFinite(gapMs)
      ? shiftGroupState(seen, gapMs)
      : seen;
  const clockMs = Math.max(newestMs, before.clockMs);
  const breaches = (level: ThresholdLevel) =>
    !few && isBeyondThreshold(value, level, bridged.latches, rule, judgement);
  return {
    ...bridged,
    value,
    clockMs,
    missing: false,
    latches: updateLevelLatches(bridged.latches, judgement, rule, clockMs, breaches),
  };
}

function applyMissingData(
  before: GroupState,
  rule: AlertRule,
  judgement: RuleThresholds,
  now: number,
): GroupState {
  const absentSinceMs = before.absentSinceMs ?? now;
  const state = { ...before, absentSinceMs, count: 0 };
  if (now - absentSinceMs < rule.noDataAfterMs || rule.noData === 'keep') return state;
  // Only of a group that was seen to report can it be said that it used to.
  if (rule.noData === 'alert') return { ...state, missing: state.missing || hasReported(state) };
  const clockMs = Math.max(now, before.clockMs);
  return {
    ...state,
    clockMs,
    latches: updateLevelLatches(before.latches, judgement, rule, clockMs, () => false),
  };
}

function updateLevelLatches(
  before: Latches,
  judgement: RuleThresholds,
  rule: AlertRule,
  atMs: number,
  breached: (level: ThresholdLevel) => boolean,
): Latches {
  const { forMs, keepFiringForMs } = rule;
  return Object.fromEntries(
    judgement.levels.map((level) => [
      level.severity,
      updateLatch(before[level.severity], breached(level), atMs, forMs, keepFiringForMs),
    ]),
  );
}

/** Between recovery and first threshold an alert that fires goes on, and none begins. */
function isBeyondThreshold(
  value: number,
  level: ThresholdLevel,
  latches: Latches,
  rule: AlertRule,
  { levels, recovery }: RuleThresholds,
): boolean {
  const holds = level === levels[0] && latches[level.severity]?.active === true;
  const limit = holds ? (recovery ?? level.threshold) : level.threshold;
  return rule.direction === 'above' ? value > limit : value < limit;
}

/** Whether a level is breached, since when it is or is not, and whether an alert has it. */
interface Latch {
  readonly breached: boolean;
  /** Since when `breached` has been what it is, in ms of data time. */
  readonly sinceMs: number;
  readonly active: boolean;
}

/**
 * The latch after one more look at its level: it goes on when the level has been breached for
 * `riseMs`, and off when it has not been for `fallMs`.
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
  const was = before?.active ?? false;
  const active = breached ? was || lastedMs >= riseMs : was && lastedMs < fallMs;
  // Of thousands of groups few change: a new latch for each look would soon be garbage.
  const same = before?.breached === breached && before.active === active;
  return same ? before : { breached, sinceMs, active };
}

/** The same latch on a clock that is set forward (or, negative, back) by `byMs`. */
function shiftLatch(latch: Latch, byMs: number): Latch {
  return { ...latch, sinceMs: latch.sinceMs + byMs };
}
