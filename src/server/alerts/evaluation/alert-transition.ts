import { createHash } from 'node:crypto';
import type { Alert, Labels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { AlertRule } from '../rules/alert-rule.ts';
import { toLabelsKey } from './observation.ts';

/** One change of one alert: a row of the table `alerts`. Times in ms since the epoch. */
export interface Transition {
  readonly timestamp: number;
  readonly id: string;
  /** Counts the alert's transitions from 1. */
  readonly seq: number;
  readonly rule: string;
  readonly state: AlertState;
  readonly severity: AlertSeverity;
  /** Undefined where no data are what is wrong, or the value is infinite. */
  readonly value: number | undefined;
  /** The threshold that was crossed; of a resolved alert, the one to stay within. */
  readonly threshold: number | undefined;
  /** JSON with sorted keys: what identifies the group within its rule. */
  readonly labels: string;
  /** The first explanation, or why it ended without its value's doing. */
  readonly cause: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly service: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly startedAt: number;
  readonly firedAt: number | undefined;
}

/** What a transition says anew; the rest is the alert's. */
type TransitionChange = Pick<Transition, 'state' | 'severity' | 'value' | 'threshold'> &
  Partial<Pick<Transition, 'cause' | 'author' | 'comment'>>;

/** The first transition of an alert whose data are bad since `startedAt`. */
export function createFirstTransition(
  rule: string,
  labels: Labels,
  startedAt: number,
  now: number,
  change: TransitionChange,
): Transition {
  const key = toLabelsKey(labels);
  return {
    cause: undefined,
    author: undefined,
    comment: undefined,
    ...change,
    value: toStorableValue(change.value),
    timestamp: now,
    id: computeAlertId(rule, key, startedAt),
    seq: 1,
    rule,
    labels: key,
    service: labels.service,
    organizationId: labels.organization,
    propertyId: labels.property,
    startedAt,
    firedAt: change.state === 'firing' ? now : undefined,
  };
}

/** The next transition of `alert`. A clock that was set back does not put it before the last one. */
export function createNextTransition(
  alert: Transition,
  now: number,
  change: TransitionChange,
): Transition {
  const timestamp = Math.max(now, alert.timestamp);
  return {
    ...alert,
    ...change,
    value: toStorableValue(change.value),
    timestamp,
    seq: alert.seq + 1,
    firedAt: alert.firedAt ?? (change.state === 'firing' ? timestamp : undefined),
  };
}

/** The same alert has the same id wherever and whenever it is computed. */
function computeAlertId(rule: string, key: string, startedAt: number): string {
  return createHash('sha1').update(`${rule}\n${key}\n${startedAt}`).digest('hex').slice(0, 24);
}

function toStorableValue(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/**
 * What a transition says, with what its rule adds to it today.
 *
 * @param rule undefined when there is no such rule any more
 * @param value the group's newest value, where it is known
 */
export function toAlert(
  transition: Transition,
  rule: AlertRule | undefined,
  value: number | undefined = transition.value,
): Alert {
  const { id, state, severity, threshold, cause, author, comment } = transition;
  const labels = { ...rule?.labels, ...(JSON.parse(transition.labels) as Labels) };
  const data = { rule: transition.rule, severity, value, threshold, labels };
  const annotations = Object.entries(rule?.annotations ?? {}).map(([name, template]) => [
    name,
    template(data),
  ]);
  return {
    id,
    rule: transition.rule,
    state,
    severity,
    labels,
    annotations: Object.fromEntries(annotations),
    runbook: rule?.runbook,
    value,
    threshold,
    cause,
    author,
    comment,
    startedMs: transition.startedAt,
    firedMs: transition.firedAt,
    changedMs: transition.timestamp,
  };
}
