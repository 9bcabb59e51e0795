import { formatDuration } from '../../../core/format.ts';
import {
  type AlertSeverity,
  getHighestSeverity,
  getSeverityRank,
} from '../../../core/schema/enums.ts';
import {
  type AlertRule,
  getObservationWindowMs,
  isBeyond,
  type RuleThresholds,
} from '../rules/alert-rule.ts';
import {
  createFirstTransition,
  createNextTransition,
  type Transition,
} from './alert-transition.ts';
import type { GroupState } from './group-state.ts';

/** The next state of a group, and at most one transition of its alert. */
export interface StateUpdate {
  readonly state: GroupState;
  readonly transitions: readonly Transition[];
}

/** Updates the alert of a group to match its latches. */
export function updateAlert(
  state: GroupState,
  rule: AlertRule,
  thresholds: RuleThresholds,
  now: number,
): StateUpdate {
  const severities = thresholds.levels.map(({ severity }) => severity);
  const active = severities.filter((severity) => state.latches[severity]?.active);
  const breached = severities.filter((severity) => state.latches[severity]?.breached);
  const firing = getHighestSeverity(state.missing ? [...active, rule.noDataSeverity] : active);
  const pending = getHighestSeverity(breached);
  const { alert } = state;
  if (firing) return applySeverity(state, rule, thresholds, 'firing', firing, now);
  if (alert && alert.state !== 'pending') return resolveAlert(state, thresholds, undefined, now);
  if (pending) return applySeverity(state, rule, thresholds, 'pending', pending, now);
  return alert ? resolveAlert(state, thresholds, undefined, now) : { state, transitions: [] };
}

/** Opens an alert or changes its state and severity. Does nothing if neither changes. */
function applySeverity(
  state: GroupState,
  rule: AlertRule,
  thresholds: RuleThresholds,
  nextState: 'pending' | 'firing',
  severity: AlertSeverity,
  now: number,
): StateUpdate {
  const { alert } = state;
  const change = {
    state: nextState,
    severity,
    ...getValueAndThreshold(state, rule, thresholds, severity),
  };
  if (!alert) return openAlert(state, rule, change, now);
  const rise = getSeverityRank(severity) - getSeverityRank(alert.severity);
  const startsFiring = alert.state === 'pending' && nextState === 'firing';
  if (rise === 0 && !startsFiring) return { state, transitions: [] };
  if (alert.state !== 'acknowledged')
    return toStateUpdate(state, createNextTransition(alert, now, change));
  // An acknowledgment applies only to the severity at that time. If the severity increases, the
  // alert fires again.
  const acknowledgment =
    rise > 0 ? { author: undefined, comment: undefined } : ({ state: 'acknowledged' } as const);
  return toStateUpdate(state, createNextTransition(alert, now, { ...change, ...acknowledgment }));
}

/**
 * Resolves the alert of a group.
 *
 * @param cause the reason if the value didn't recover, or `undefined` to keep the alert's cause
 */
export function resolveAlert(
  state: GroupState,
  thresholds: RuleThresholds,
  cause: string | undefined,
  now: number,
): StateUpdate {
  const { alert } = state;
  if (!alert) return { state, transitions: [] };
  const last = createNextTransition(alert, now, {
    state: 'resolved',
    severity: alert.severity,
    // Without new data, the newest value is the bad value.
    value: state.absentSinceMs === undefined && cause === undefined ? state.value : undefined,
    threshold: thresholds.levels[0]?.threshold,
    cause: cause ?? alert.cause,
  });
  return { state: { ...state, alert: undefined }, transitions: [last] };
}

function openAlert(
  state: GroupState,
  rule: AlertRule,
  change: Parameters<typeof createFirstTransition>[4],
  now: number,
): StateUpdate {
  const since = Object.values(state.latches).flatMap((l) => (l.breached ? [l.sinceMs] : []));
  const startedMs = Math.max(Math.min(now, ...since), state.startedMs + 1);
  const alert = createFirstTransition(rule.name, state.labels, startedMs, now, change);
  return { state: { ...state, startedMs, alert }, transitions: [alert] };
}

function toStateUpdate(state: GroupState, alert: Transition): StateUpdate {
  return { state: { ...state, alert }, transitions: [alert] };
}

/** Returns the value and the threshold, or the cause if the alert is about missing data. */
function getValueAndThreshold(
  state: GroupState,
  rule: AlertRule,
  thresholds: RuleThresholds,
  severity: AlertSeverity,
): Pick<Transition, 'value' | 'threshold'> & { cause?: string } {
  const level = thresholds.levels.find((l) => l.severity === severity);
  const isBreached = level !== undefined && state.latches[severity]?.breached === true;
  if (state.missing && !isBreached) {
    // Data is missing if the window is empty, so the window adds to the time.
    const missingMs = rule.noDataAfterMs + getObservationWindowMs(rule);
    const cause = `no data for ${formatDuration(missingMs)}`;
    return { value: undefined, threshold: undefined, cause };
  }
  if (level === undefined) return { value: state.value, threshold: undefined };
  const { threshold } = level;
  // When the severity decreases, the value can already have recovered. So show the last bad value.
  const value = [state.value, state.breachedValue, state.alert?.value].find(
    (each) => each !== undefined && isBeyond(each, threshold, rule.direction),
  );
  const { context } = state;
  return {
    value: value ?? state.value,
    threshold,
    ...(context !== undefined && { cause: context }),
  };
}

/**
 * Acknowledges a firing alert, or replaces an acknowledged alert's comment.
 *
 * @returns `undefined` if the group has no firing alert
 */
export function acknowledge(
  state: GroupState,
  by: { readonly author: string; readonly comment: string },
  now: number,
): StateUpdate | undefined {
  const { alert } = state;
  if (!alert || alert.state === 'pending') return undefined;
  const { severity, value, threshold } = alert;
  const { author, comment } = by;
  const change = { state: 'acknowledged', severity, value, threshold, author, comment } as const;
  const next = createNextTransition(alert, now, change);
  return { state: { ...state, alert: next }, transitions: [next] };
}

/**
 * Adds the explanation to the last transition of an alert. The new transition has the same row
 * keys, so its row replaces the stored row. Later transitions of the alert keep the explanation.
 *
 * @returns `undefined` if the group has no alert
 */
export function addExplanation(state: GroupState, cause: string): StateUpdate | undefined {
  if (!state.alert) return undefined;
  const alert = { ...state.alert, cause };
  return { state: { ...state, alert }, transitions: [alert] };
}
