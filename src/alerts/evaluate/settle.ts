import { formatDuration } from '../../schema/format.ts';
import type { AlertSeverity } from '../../schema/metric-type.ts';
import { rankOf, worst } from '../../schema/severity.ts';
import type { Judgement, Rule } from '../rules/rule.ts';
import type { GroupState } from './group-state.ts';
import { followed, opened, type Transition } from './transition.ts';

/** A group's next state, and what the alert did on the way there: nothing, or one transition. */
export interface Step {
  readonly state: GroupState;
  readonly transitions: readonly Transition[];
}

/** Makes the alert say what the latches say. */
export function settle(state: GroupState, rule: Rule, judgement: Judgement, now: number): Step {
  const severities = judgement.levels.map(({ severity }) => severity);
  const active = severities.filter((severity) => state.levels[severity]?.active);
  const breached = severities.filter((severity) => state.levels[severity]?.breached);
  const firing = worst(state.missing ? [...active, rule.noDataSeverity] : active);
  const pending = worst(breached);
  const { alert } = state;
  if (firing) return tell(state, rule, judgement, 'firing', firing, now);
  if (alert && alert.state !== 'pending') return resolve(state, judgement, undefined, now);
  if (pending) return tell(state, rule, judgement, 'pending', pending, now);
  return alert ? resolve(state, judgement, undefined, now) : { state, transitions: [] };
}

/** Begins an alert, or lets it follow what the latches say; one that goes on unchanged is silent. */
function tell(
  state: GroupState,
  rule: Rule,
  judgement: Judgement,
  wanted: 'pending' | 'firing',
  severity: AlertSeverity,
  now: number,
): Step {
  const { alert } = state;
  const change = { state: wanted, severity, ...figures(state, rule, judgement, severity) };
  if (!alert) return begin(state, rule, change, now);
  const rise = rankOf(severity) - rankOf(alert.severity);
  const begins = alert.state === 'pending' && wanted === 'firing';
  if (rise === 0 && !begins) return { state, transitions: [] };
  if (alert.state !== 'acknowledged') return follow(state, followed(alert, now, change));
  // Who acknowledged it knew of the milder alert: a worse one calls again.
  const known =
    rise > 0 ? { author: undefined, comment: undefined } : ({ state: 'acknowledged' } as const);
  return follow(state, followed(alert, now, { ...change, ...known }));
}

/** Ends the group's alert. `cause` says why, where it was not its value. */
export function resolve(
  state: GroupState,
  judgement: Judgement,
  cause: string | undefined,
  now: number,
): Step {
  const { alert } = state;
  if (!alert) return { state, transitions: [] };
  const last = followed(alert, now, {
    state: 'resolved',
    severity: alert.severity,
    value: state.value,
    threshold: judgement.recovery ?? judgement.levels[0]?.threshold,
    cause: cause ?? alert.cause,
  });
  return { state: { ...state, alert: undefined }, transitions: [last] };
}

function begin(
  state: GroupState,
  rule: Rule,
  change: Parameters<typeof opened>[4],
  now: number,
): Step {
  const since = Object.values(state.levels).flatMap((l) => (l.breached ? [l.sinceMs] : []));
  const startedMs = Math.max(Math.min(now, ...since), state.startedMs + 1);
  const alert = opened(rule.name, state.labels, startedMs, now, change);
  return { state: { ...state, startedMs, alert }, transitions: [alert] };
}

function follow(state: GroupState, alert: Transition): Step {
  return { state: { ...state, alert }, transitions: [alert] };
}

/** Value and threshold, or what to say of data that are missing. */
function figures(
  state: GroupState,
  rule: Rule,
  judgement: Judgement,
  severity: AlertSeverity,
): Pick<Transition, 'value' | 'threshold'> & { cause?: string } {
  const level = judgement.levels.find((l) => l.severity === severity);
  const byValue = level !== undefined && state.levels[severity]?.breached === true;
  if (state.missing && !byValue) {
    const cause = `no data for ${formatDuration(rule.noDataAfterMs)}`;
    return { value: undefined, threshold: undefined, cause };
  }
  return { value: state.value, threshold: level?.threshold };
}
