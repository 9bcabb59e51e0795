import { createHash } from 'node:crypto';
import { type Alert, isActive, type Labels, toReadableLabels } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import { type AlertRule, isBeyond } from '../rules/alert-rule.ts';
import { formatRuleValue, renderAnnotations } from './alert-texts.ts';
import { toLabelsKey } from './observation.ts';

/** One change of one alert: a row of the table `alerts`. Times are in ms since the epoch. */
export interface Transition {
  readonly timestamp: number;
  readonly id: string;
  /** Number of this transition within the alert, from 1. */
  readonly seq: number;
  readonly rule: string;
  readonly state: AlertState;
  readonly severity: AlertSeverity;
  /** Undefined if data is missing or the value is infinite. For a resolved alert, the value then. */
  readonly value: number | undefined;
  /** The threshold that was crossed. For a resolved alert, the first threshold. */
  readonly threshold: number | undefined;
  /** JSON with sorted keys that identifies the group within its rule. */
  readonly labels: string;
  /** The explanation, or why the alert was resolved although its value didn't recover. */
  readonly cause: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly service: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly startedAt: number;
  readonly firedAt: number | undefined;
  /** JSON object with the annotations of an alert from another system. Otherwise undefined. */
  readonly annotations?: string | undefined;
  /** When an alert from another system is resolved if its sender doesn't refresh it. */
  readonly endsAt?: number | undefined;
}

/** The fields that a transition sets. All other fields are copied from the alert. */
type TransitionChange = Pick<Transition, 'state' | 'severity' | 'value' | 'threshold'> &
  Partial<Pick<Transition, 'cause' | 'author' | 'comment'>>;

/** Creates the first transition of an alert. `startedAt` is when the breach began. */
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

/**
 * Creates the first transition of an alert that another system evaluates. The alert fires immediately.
 * Its ID depends on `now`, because another alert of the same group can have the same start.
 */
export function createExternalTransition(
  rule: string,
  labels: Labels,
  startedAt: number,
  now: number,
  {
    severity,
    annotations,
    endsAt,
  }: Required<Pick<Transition, 'severity' | 'annotations' | 'endsAt'>>,
): Transition {
  const change = { state: 'firing', severity, value: undefined, threshold: undefined } as const;
  const first = createFirstTransition(rule, labels, startedAt, now, change);
  return { ...first, id: computeAlertId(rule, first.labels, now), annotations, endsAt };
}

/** Creates the next transition of `alert`. Its time is never earlier than the time of `alert`. */
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

/** Computes an ID that is the same in every process and after a restart. */
function computeAlertId(rule: string, key: string, startedAt: number): string {
  return createHash('sha1').update(`${rule}\n${key}\n${startedAt}`).digest('hex').slice(0, 24);
}

function toStorableValue(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Converts a transition to an alert with the current labels and annotations of its rule. If the newest
 * value of an active alert isn't beyond the threshold, the alert will be resolved soon. Its summary
 * then shows the value that changed the alert, and the newest value.
 *
 * @param rule undefined if the rule has been removed
 * @param value the newest value of the group
 */
export function toAlert(
  transition: Transition,
  rule: AlertRule | undefined,
  value: number | undefined = transition.value,
): Alert {
  const { id, state, severity, threshold, cause, author, comment } = transition;
  const labels = { ...rule?.labels, ...(JSON.parse(transition.labels) as Labels) };
  const external = transition.annotations;
  // The people of the alert's tenant read the annotations.
  const isRecovering =
    isActive(transition) &&
    rule !== undefined &&
    value !== undefined &&
    threshold !== undefined &&
    !isBeyond(value, threshold, rule.direction);
  const annotations: Labels =
    external === undefined
      ? renderAnnotations(
          transition,
          toReadableLabels(labels),
          rule,
          isRecovering ? transition.value : value,
          isRecovering ? value : undefined,
        )
      : (JSON.parse(external) as Labels);
  return {
    id,
    rule: transition.rule,
    state,
    severity,
    labels,
    annotations,
    runbook: external === undefined ? rule?.runbook : annotations.runbook_url,
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

/**
 * Converts a transition to an alert for a message. The summary shows the value of the evaluation that
 * changed the alert. The explanation is about the same evaluation, so both agree.
 *
 * @param newest the newest value of the group
 * @param worst the worst value while the alert fired
 */
export function toNotifiedAlert(
  transition: Transition,
  rule: AlertRule | undefined,
  newest: number | undefined,
  worst: number | undefined,
): Alert {
  // An infinite value isn't stored. A resolved alert without a value has no new data.
  const value = transition.state === 'resolved' ? transition.value : (transition.value ?? newest);
  return {
    ...toAlert(transition, rule, value),
    current: formatRuleValue(rule, newest),
    worst: formatRuleValue(rule, worst),
  };
}
