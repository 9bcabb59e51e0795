import type { AlertFacts } from '../schema/alert-desk.ts';
import { rankOf } from '../schema/severity.ts';
import type { Message, ToldAlert } from './channel.ts';

/** An alert as whoever evaluates it hands it over. Times in ms since the epoch. */
export interface KnownAlert extends AlertFacts {
  readonly startedMs: number;
  readonly firedMs: number | undefined;
  readonly changedMs: number;
}

/** Why an alert is not told now. */
export interface Holding {
  readonly reason: string;
  readonly by: string;
  readonly detail: string;
  readonly untilMs: number | undefined;
}

/** Alerts that are told together now, as JSON of the labels that they share. */
export interface Telling {
  readonly key: string;
  readonly alerts: readonly KnownAlert[];
}

/** What is known of alerts at the moment. */
export interface AlertBook {
  /** Whether what was before the start is known again. */
  readonly isRestored: boolean;
  /** Undefined of one that does not go on. */
  find(id: string): KnownAlert | undefined;
  heldOf(id: string): readonly Holding[];
  /** The last that is stored of an alert, whatever became of it. @throws PS_UNAVAILABLE */
  stored(id: string): Promise<KnownAlert | undefined>;
}

/** The labels that matchers see: Alertmanager's `alertname` and `severity` beside the alert's own. */
export function matchable({
  labels,
  rule,
  severity,
}: KnownAlert): Readonly<Record<string, string>> {
  return { ...labels, alertname: rule, severity };
}

export function isActive({ state }: Pick<AlertFacts, 'state'>): boolean {
  return state === 'firing' || state === 'acknowledged';
}

/** An alert that says this again says nothing new. */
export function saidOf({ state, severity }: Pick<AlertFacts, 'state' | 'severity'>): string {
  return `${state} ${severity}`;
}

const NO_LINKS = { view: undefined, acknowledge: undefined, silence: undefined };

/** As a message tells it; links are added when it is sent. */
export function toldOf({ changedMs, ...alert }: KnownAlert): ToldAlert {
  const { organization: organizationId, property: propertyId } = alert.labels;
  const endedMs = alert.state === 'resolved' ? changedMs : undefined;
  return { ...alert, endedMs, organizationId, propertyId, links: NO_LINKS };
}

/** Those that go on before those that have ended, and the worst first. */
export function worstFirst<A extends Pick<AlertFacts, 'id' | 'state' | 'severity'>>(
  alerts: readonly A[],
): A[] {
  const over = ({ state }: A) => (state === 'resolved' ? 1 : 0);
  return alerts.toSorted(
    (a, b) =>
      over(a) - over(b) || rankOf(b.severity) - rankOf(a.severity) || (a.id < b.id ? -1 : 1),
  );
}

export function statusOf(alerts: readonly Pick<AlertFacts, 'state'>[]): Message['status'] {
  return alerts.every(({ state }) => state === 'resolved') ? 'resolved' : 'firing';
}
