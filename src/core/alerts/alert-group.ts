import type { Alert } from '../../server/alerts/evaluation/alert-transition.ts';

/** Why an alert is not told now. */
type SuppressionReason =
  | 'silenced'
  | 'maintenance'
  | 'inhibited'
  | 'flapping'
  | 'group_wait'
  | 'group_interval'
  | 'duplicate'
  | 'never_told';

/** A stage's word on one alert that it holds back. */
export interface Suppression {
  readonly reason: SuppressionReason;
  /** What holds it: a silence's id, an inhibition's name, another alert's id, a group's key. */
  readonly by: string;
  /** For people. */
  readonly detail: string;
  /** Until when, in ms since the epoch, where that is known. */
  readonly untilMs: number | undefined;
}

/** What the stages look at. */
export type AlertSummary = Pick<Alert, 'id' | 'rule' | 'state' | 'severity' | 'labels'>;

/** The labels that matchers see: Alertmanager's `alertname` and `severity` beside the alert's own. */
export function getMatchLabels(alert: AlertSummary): Readonly<Record<string, string>> {
  return { ...alert.labels, alertname: alert.rule, severity: alert.severity };
}

export function isActive({ state }: AlertSummary): boolean {
  return state === 'firing' || state === 'acknowledged';
}
