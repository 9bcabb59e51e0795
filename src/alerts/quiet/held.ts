import type { Alert } from '../present.ts';

/** Why an alert is not told now. */
type HeldReason =
  | 'silenced'
  | 'maintenance'
  | 'inhibited'
  | 'flapping'
  | 'group_wait'
  | 'group_interval'
  | 'duplicate'
  | 'never_told';

/** A stage's word on one alert that it holds back. */
export interface Held {
  readonly reason: HeldReason;
  /** What holds it: a silence's id, an inhibition's name, another alert's id, a group's key. */
  readonly by: string;
  /** For people. */
  readonly detail: string;
  /** Until when, in ms since the epoch, where that is known. */
  readonly untilMs: number | undefined;
}

/** What the stages look at. */
export type QuietAlert = Pick<Alert, 'id' | 'rule' | 'state' | 'severity' | 'labels'>;

/** The labels that matchers see: Alertmanager's `alertname` and `severity` beside the alert's own. */
export function matchable(alert: QuietAlert): Readonly<Record<string, string>> {
  return { ...alert.labels, alertname: alert.rule, severity: alert.severity };
}

export function isActive({ state }: QuietAlert): boolean {
  return state === 'firing' || state === 'acknowledged';
}
