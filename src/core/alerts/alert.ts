import { getScopePrefix } from '../queue-scope.ts';
import type { AlertSeverity } from '../schema/enums.ts';
import type { AlertState } from '../schema/tables/alerts-table.ts';
import { toLabelName } from '../vocabulary.ts';
import type { IncidentSummary } from './incident-summary.ts';

export type Labels = Readonly<Record<string, string>>;

/** Fields that all representations of an alert share. */
export interface AlertBase {
  readonly id: string;
  readonly rule: string;
  readonly state: AlertState;
  readonly severity: AlertSeverity;
  /** The labels of the group and of the rule. */
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly runbook: string | undefined;
  readonly value: number | undefined;
  readonly threshold: number | undefined;
  readonly cause: string | undefined;
  /** The person who acknowledged the alert. */
  readonly author: string | undefined;
  readonly comment: string | undefined;
}

/** A value of an alert's rule, and its text with the unit, such as `6.01 s`. */
export interface FormattedValue {
  readonly value: number;
  readonly text: string;
}

/** The values of an alert that messages show in addition to `value`. */
export interface AlertValues {
  /** The newest value. Undefined if there is no new data. */
  readonly current?: FormattedValue | undefined;
  /** The value furthest beyond the threshold while the alert fired. */
  readonly worst?: FormattedValue | undefined;
}

/** An alert in the evaluator. Times are in ms since the epoch. */
export interface Alert extends AlertBase, AlertValues {
  readonly startedMs: number;
  readonly firedMs: number | undefined;
  readonly changedMs: number;
}

/** The fields of an alert that matchers and suppression stages read. */
export type AlertSummary = Pick<Alert, 'id' | 'rule' | 'state' | 'severity' | 'labels'>;

/** Alerts of one notification group that are due to be sent. */
export interface AlertGroup {
  /** JSON object of the labels that all alerts of the group share. */
  readonly key: string;
  readonly alerts: readonly Alert[];
}

type SuppressionReason =
  | 'silenced'
  | 'maintenance'
  | 'inhibited'
  | 'flapping'
  | 'group_wait'
  | 'group_interval'
  | 'duplicate'
  | 'never_told';

/** Why an alert isn't sent now. */
export interface Suppression {
  readonly reason: SuppressionReason;
  /** A silence ID, an inhibition name, the ID of another alert, or a group key. */
  readonly by: string;
  /** Human-readable explanation. */
  readonly detail: string;
  /** When the suppression ends, in ms since the epoch, if known. */
  readonly untilMs: number | undefined;
}

/** An alert after the last evaluation. If it has no suppressions, it was sent. */
export interface EvaluatedAlert {
  readonly alert: Alert;
  readonly suppressions: readonly Suppression[];
}

/** Alert queries used by the notifier. */
export interface AlertLookup {
  /** Whether the alert states from before the restart have been read. */
  readonly isRestored: boolean;
  /** Returns an alert that hasn't been resolved, or `undefined`. */
  find(id: string): Alert | undefined;
  getSuppressions(id: string): readonly Suppression[];
  /** Returns the incident that contains an alert, or `undefined`. Default: no incidents. */
  findIncident?(id: string): IncidentSummary | undefined;
  /**
   * Returns the last stored version of an alert, even if it is resolved. An alert that isn't active anymore
   * is returned as resolved.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  findStored(id: string): Promise<Alert | undefined>;
}

/**
 * Returns the labels that the people of a tenant can read. Hosts don't belong to a tenant. So if the alert
 * belongs to one, the host and the process are omitted, and the queue's scope is reduced to its prefix.
 */
export function toReadableLabels(labels: Labels): Labels {
  if (labels.organization === undefined) return labels;
  const { instance: _instance, host: _host, queueScope, ...others } = labels;
  return queueScope === undefined ? others : { ...others, queueScope: getScopePrefix(queueScope) };
}

/**
 * Returns the labels for matchers: the alert's labels, `alertname`, and `severity`. The column of a SQL rule
 * can have another spelling, such as `organization_id`.
 */
export function getMatchLabels({
  labels,
  rule,
  severity,
}: Pick<Alert, 'rule' | 'severity' | 'labels'>): Labels {
  const matched: Record<string, string> = { ...labels, alertname: rule, severity };
  for (const [name, value] of Object.entries(labels)) matched[toLabelName(name)] ??= value;
  return matched;
}

export function isActive({ state }: Pick<Alert, 'state'>): boolean {
  return state === 'firing' || state === 'acknowledged';
}

/**
 * Returns a key computed from the state and the severity. An alert is sent again only if this key
 * changes.
 */
export function toAlertStateKey({ state, severity }: Pick<Alert, 'state' | 'severity'>): string {
  return `${state} ${severity}`;
}
