import type { Alert, AlertGroup, EvaluatedAlert } from '../../core/alerts/alert.ts';
import { EventFeed } from '../../core/event-feed.ts';
import { formatNumber } from '../../core/format.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import { type Transition, toNotifiedAlert } from './evaluation/alert-transition.ts';
import { WorstValueStore } from './evaluation/worst-value-store.ts';
import type { AlertExplainer } from './explanation/alert-explainer.ts';
import type { IncidentAlert } from './incidents/incident.ts';
import type { IncidentTracker } from './incidents/incident-tracker.ts';
import type { AlertRule } from './rules/alert-rule.ts';
import type { AlertRuleSet } from './rules/load-alert-rules.ts';
import type { LiveAlert } from './state/alert-state-store.ts';
import type { NotificationGate } from './suppression/notification-gate.ts';
import type { SilenceStore } from './suppression/silence-store.ts';

export interface AlertDispatcherOptions {
  readonly recorder: TransitionRecorder;
  readonly gate: NotificationGate;
  readonly silences: SilenceStore;
  readonly explainer: AlertExplainer;
  readonly incidents: Pick<IncidentTracker, 'getThreadId'>;
  /** Returns the rules that are in effect. */
  readonly getRuleSet: () => AlertRuleSet;
  readonly findRule: (name: string) => AlertRule | undefined;
  /** Called with each group of alerts that is due to be sent. */
  readonly notify: (group: AlertGroup) => void;
  /** Called after each evaluation with all alerts and the reasons why they aren't sent. */
  readonly onEvaluated: (alerts: Iterable<EvaluatedAlert>) => void;
}

/** Passes alert changes to the table, the log, the explainer, and the notifier. */
export class AlertDispatcher {
  readonly #options: AlertDispatcherOptions;
  readonly #worstValues = new WorstValueStore();

  constructor(options: AlertDispatcherOptions) {
    this.#options = options;
  }

  /**
   * Handles one transition.
   *
   * @returns whether the alert changed. `false` if only its explanation changed.
   */
  handleTransition(transition: Transition, before: Transition | undefined): boolean {
    const { recorder, gate, explainer, getRuleSet, findRule } = this.#options;
    recorder.record(transition, before);
    if (before?.seq === transition.seq) return false;
    this.#recordWorst(transition, transition.value);
    gate.recordTransition(transition, this.#toAlert(transition, transition.value), getRuleSet());
    const rule = findRule(transition.rule);
    if (rule) explainer.enqueue(transition, before, rule);
    return true;
  }

  /** Restores the flap history from a transition that happened before the process started. */
  restoreTransition(past: Transition): void {
    const { gate, getRuleSet } = this.#options;
    this.#recordWorst(past, past.value);
    gate.restoreTransition(past, this.#toAlert(past, past.value), getRuleSet());
  }

  /** Returns the firing and acknowledged alerts for the grouping into incidents. */
  listIncidentAlerts(live: Iterable<LiveAlert>): IncidentAlert[] {
    const alerts: IncidentAlert[] = [];
    for (const { transition } of live) {
      const { id, rule, state, severity, startedAt } = transition;
      if (state === 'pending' || state === 'resolved') continue;
      const { labels, annotations } = this.#toAlert(transition, transition.value);
      const { summary = rule } = annotations;
      alerts.push({ id, rule, state, severity, labels, summary, startedMs: startedAt });
    }
    return alerts;
  }

  /** Sends the live and resolved alerts that are due at `now`. */
  dispatch(live: Iterable<LiveAlert>, now: number): void {
    const { gate, silences, incidents, getRuleSet, notify, onEvaluated } = this.#options;
    const all = [...live];
    const alerts = all.map(({ transition, value }) => {
      this.#recordWorst(transition, value);
      return this.#toAlert(transition, value);
    });
    this.#worstValues.retainOnly(new Set(alerts.map(({ id }) => id)));
    const breaches = new Map(all.map(({ transition, breachedMs }) => [transition.id, breachedMs]));
    const active = silences.listActive(now);
    const getIncident = (id: string) => incidents.getThreadId(id);
    const due = gate.evaluate(alerts, getRuleSet(), active, now, breaches, getIncident);
    for (const group of due) notify(group);
    onEvaluated(gate.listEvaluated());
  }

  /** The values of an alert without a threshold, such as one about missing data, are not bad. */
  #recordWorst({ id, rule, state, firedAt, threshold }: Transition, value: number | undefined) {
    if (firedAt === undefined || state === 'resolved' || threshold === undefined) return;
    const { direction = 'above' } = this.#options.findRule(rule) ?? {};
    this.#worstValues.record(id, value, direction);
  }

  #toAlert(transition: Transition, newest: number | undefined): Alert {
    const rule = this.#options.findRule(transition.rule);
    return toNotifiedAlert(transition, rule, newest, this.#worstValues.get(transition.id));
  }
}

export interface TransitionRecorderOptions {
  readonly add: AddRows;
  /** Sends the added rows without waiting for the next interval. */
  readonly flush: () => Promise<void>;
  readonly log: Logger;
}

/** Writes transitions to the table `alerts` and the log, and publishes them to subscribers. */
export class TransitionRecorder {
  readonly #options: TransitionRecorderOptions;
  readonly #feed = new EventFeed<Transition>();
  #flushing: Promise<void> | undefined;

  constructor(options: TransitionRecorderOptions) {
    this.#options = options;
  }

  readonly record = (transition: Transition, before: Transition | undefined): void => {
    this.#options.add('alerts', [{ ...transition }]);
    this.#flushSoon();
    if (before?.state !== transition.state || before.severity !== transition.severity) {
      this.#options.log.info(formatTransition(transition, before));
    }
    this.#feed.publish(transition);
  };

  /**
   * Calls `listener` with the buffered transitions after `position`, then with each new transition.
   *
   * @returns a function that ends the subscription
   */
  subscribe(
    position: string | undefined,
    listener: (transition: Transition, position: string) => void,
  ): () => void {
    return this.#feed.subscribe(position, listener);
  }

  /**
   * Flushes once for all transitions in the same event loop turn. Unsent rows stay in the spool.
   */
  #flushSoon(): void {
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#flushing = undefined;
      return this.#options.flush().catch(() => {});
    });
  }
}

/** Formats a log line: `alert error-rate PENDING => FIRING high: value 12.5, threshold 10 {"service":"booking"}`. */
function formatTransition(transition: Transition, before: Transition | undefined): string {
  const { rule, state, severity, value, threshold, labels, cause } = transition;
  const from = before?.state.toUpperCase() ?? 'INACTIVE';
  const hasNewSeverity = before && before.state === state && before.severity !== severity;
  const oldSeverity = hasNewSeverity ? ` ${before.severity}` : '';
  const details = [
    value === undefined ? undefined : `value ${formatNumber(value)}`,
    threshold === undefined ? undefined : `threshold ${formatNumber(threshold)}`,
    cause,
  ].filter((text) => text !== undefined);
  const change = `alert ${rule} ${from}${oldSeverity} => ${state.toUpperCase()} ${severity}`;
  return `${change}: ${details.join(', ')} ${labels}`;
}
