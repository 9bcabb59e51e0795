import { formatDuration } from '../../../core/format.ts';
import {
  type AlertSeverity,
  getHighestSeverity,
  getSeverityRank,
} from '../../../core/schema/enums.ts';
import type { AlertRule, RuleThresholds } from '../rules/alert-rule.ts';
import {
  createFirstTransition,
  createNextTransition,
  type Transition,
} from './alert-transition.ts';
import type { GroupState } from './group-state.ts';

/** A group's next state, and what the alert did on the way there: nothing, or one transition. */
export interface StateUpdate {
  readonly state: GroupState;
  readonly transitions: readonly Transition[];
}

/** Makes the alert say what the latches say. */
export function updateAlert(
  state: GroupState,
  rule: AlertRule,
  judgement: RuleThresholds,
  now: number,
): StateUpdate {
  const severities = judgement.levels.map(({ severity }) => severity);
  const active = severities.filter((severity) => state.latches[severity]?.active);
  const breached = severities.filter((severity) => state.latches[severity]?.breached);
  const firing = getHighestSeverity(state.missing ? [...active, rule.noDataSeverity] : active);
  const pending = getHighestSeverity(breached);
  const { alert } = state;
  if (firing) return applySeverity(state, rule, judgement, 'firing', firing, now);
  if (alert && alert.state !== 'pending') return resolveAlert(state, judgement, undefined, now);
  if (pending) return applySeverity(state, rule, judgement, 'pending', pending, now);
  return alert ? resolveAlert(state, judgement, undefined, now) : { state, transitions: [] };
}

/** Begins an alert, or lets it follow what the latches say; one that goes on unchanged is silent. */
function applySeverity(
  state: GroupState,
  rule: AlertRule,
  judgement: RuleThresholds,
  wanted: 'pending' | 'firing',
  severity: AlertSeverity,
  now: number,
): StateUpdate {
  const { alert } = state;
  const change = {
    state: wanted,
    severity,
    ...getValueAndThreshold(state, rule, judgement, severity),
  };
  if (!alert) return openAlert(state, rule, change, now);
  const rise = getSeverityRank(severity) - getSeverityRank(alert.severity);
  const begins = alert.state === 'pending' && wanted === 'firing';
  if (rise === 0 && !begins) return { state, transitions: [] };
  if (alert.state !== 'acknowledged')
    return toStateUpdate(state, createNextTransition(alert, now, change));
  // Who acknowledged it knew of the milder alert: a worse one calls again.
  const known =
    rise > 0 ? { author: undefined, comment: undefined } : ({ state: 'acknowledged' } as const);
  return toStateUpdate(state, createNextTransition(alert, now, { ...change, ...known }));
}

/** Ends the group's alert. `cause` says why, where it was not its value. */
export function resolveAlert(
  state: GroupState,
  judgement: RuleThresholds,
  cause: string | undefined,
  now: number,
): StateUpdate {
  const { alert } = state;
  if (!alert) return { state, transitions: [] };
  const last = createNextTransition(alert, now, {
    state: 'resolved',
    severity: alert.severity,
    value: state.value,
    threshold: judgement.recovery ?? judgement.levels[0]?.threshold,
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

/** Value and threshold, or what to say of data that are missing. */
function getValueAndThreshold(
  state: GroupState,
  rule: AlertRule,
  judgement: RuleThresholds,
  severity: AlertSeverity,
): Pick<Transition, 'value' | 'threshold'> & { cause?: string } {
  const level = judgement.levels.find((l) => l.severity === severity);
  const byValue = level !== undefined && state.latches[severity]?.breached === true;
  if (state.missing && !byValue) {
    const cause = `no data for ${formatDuration(rule.noDataAfterMs)}`;
    return { value: undefined, threshold: undefined, cause };
  }
  return { value: state.value, threshold: level?.threshold };
}

/**
 * Somebody takes a firing alert on, or comments on it again.
 *
 * @returns undefined when the group has no alert that fires
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
 * Adds the first explanation once it is known. The transition is the same row (same keys), to be
 * written again; later transitions of the alert carry it on.
 *
 * @returns undefined when the group has no alert now
 */
export function addExplanation(state: GroupState, cause: string): StateUpdate | undefined {
  if (!state.alert) return undefined;
  const alert = { ...state.alert, cause };
  return { state: { ...state, alert }, transitions: [alert] };
}
