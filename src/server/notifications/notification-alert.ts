import { getSeverityRank } from '../../core/schema/enums.ts';
import type { AlertBase } from '../alerts/service/alert-views.ts';
import type { Message, MessageAlert } from './channels/channel.ts';

/** An alert as whoever evaluates it hands it over. Times in ms since the epoch. */
export interface Alert extends AlertBase {
  readonly startedMs: number;
  readonly firedMs: number | undefined;
  readonly changedMs: number;
}

/** Why an alert is not told now. */
export interface Suppression {
  readonly reason: string;
  readonly by: string;
  readonly detail: string;
  readonly untilMs: number | undefined;
}

/** Alerts that are told together now, as JSON of the labels that they share. */
export interface AlertGroup {
  readonly key: string;
  readonly alerts: readonly Alert[];
}

/** What is known of alerts at the moment. */
export interface AlertLookup {
  /** Whether what was before the start is known again. */
  readonly isRestored: boolean;
  /** Undefined of one that does not go on. */
  find(id: string): Alert | undefined;
  getSuppressions(id: string): readonly Suppression[];
  /** The last that is stored of an alert, whatever became of it. @throws PS_UNAVAILABLE */
  findStored(id: string): Promise<Alert | undefined>;
}

/** The labels that matchers see: Alertmanager's `alertname` and `severity` beside the alert's own. */
export function getMatchLabels({
  labels,
  rule,
  severity,
}: Alert): Readonly<Record<string, string>> {
  return { ...labels, alertname: rule, severity };
}

export function isActive({ state }: Pick<AlertBase, 'state'>): boolean {
  return state === 'firing' || state === 'acknowledged';
}

/** An alert that says this again says nothing new. */
export function toAlertStateKey({
  state,
  severity,
}: Pick<AlertBase, 'state' | 'severity'>): string {
  return `${state} ${severity}`;
}

const NO_LINKS = { view: undefined, acknowledge: undefined, silence: undefined };

/** As a message tells it; links are added when it is sent. */
export function toMessageAlert({ changedMs, ...alert }: Alert): MessageAlert {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const endedMs = alert.state === 'resolved' ? changedMs : undefined;
  return { ...alert, endedMs, organizationId, propertyId, links: NO_LINKS };
}

/** Those that go on before those that have ended, and the worst first. */
export function sortWorstFirst<A extends Pick<AlertBase, 'id' | 'state' | 'severity'>>(
  alerts: readonly A[],
): A[] {
  const over = ({ state }: A) => (state === 'resolved' ? 1 : 0);
  return alerts.toSorted(
    (a, b) =>
      over(a) - over(b) ||
      getSeverityRank(b.severity) - getSeverityRank(a.severity) ||
      (a.id < b.id ? -1 : 1),
  );
}

export function computeMessageStatus(
  alerts: readonly Pick<AlertBase, 'state'>[],
): Message['status'] {
  return alerts.every(({ state }) => state === 'resolved') ? 'resolved' : 'firing';
}
