import type { Alert, AlertGroup, EvaluatedAlert } from '../../core/alerts/alert.ts';
import { EventFeed } from '../../core/event-feed.ts';
import { formatNumber } from '../../core/format.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import { type Transition, toAlert } from './evaluation/alert-transition.ts';
import type { AlertExplainer } from './explanation/alert-explainer.ts';
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
  /** The rules that run now. */
  readonly getRuleSet: () => AlertRuleSet;
  readonly findRule: (name: string) => AlertRule | undefined;
  /** Whom to tell of what is not held back. */
  readonly notify: (telling: AlertGroup) => void;
  /** Hears after each look at all alerts why they are, or are not, told now. */
  readonly onEvaluated: (alerts: Iterable<EvaluatedAlert>) => void;
}

/** Passes on what alerts do: to the table and the log, to the explainer, and to who is to be told. */
export class AlertDispatcher {
  readonly #options: AlertDispatcherOptions;

  constructor(options: AlertDispatcherOptions) {
    this.#options = options;
  }

  /** @returns whether the alert has changed, and not only its explanation */
  handleTransition(transition: Transition, before: Transition | undefined): boolean {
    const {
      recorder: journal,
      gate: quiet,
      explainer,
      getRuleSet: set,
      findRule: ruleNamed,
    } = this.#options;
    journal.record(transition, before);
    if (before?.seq === transition.seq) return false;
    quiet.recordTransition(transition, this.#toAlert(transition), set());
    const rule = ruleNamed(transition.rule);
    if (rule) explainer.enqueue(transition, before, rule);
    return true;
  }

  /** What was passed on before the process started. */
  restoreTransition(past: Transition): void {
    const { gate: quiet, getRuleSet: set } = this.#options;
    quiet.restoreTransition(past, this.#toAlert(past), set());
  }

  /** Tells what may be told at `now` of the alerts that go on, and of those that have ended. */
  dispatch(live: Iterable<LiveAlert>, now: number): void {
    const {
      gate: quiet,
      silences,
      getRuleSet: set,
      notify: tell,
      onEvaluated: looked,
    } = this.#options;
    const alerts = [...live].map(({ transition, value }) => this.#toAlert(transition, value));
    for (const telling of quiet.evaluate(alerts, set(), silences.listActive(now), now))
      tell(telling);
    looked(quiet.listEvaluated());
  }

  #toAlert(transition: Transition, value?: number): Alert {
    return toAlert(transition, this.#options.findRule(transition.rule), value);
  }
}

export interface TransitionRecorderOptions {
  readonly add: AddRows;
  /** Sends what was added, without waiting for the next interval. */
  readonly flush: () => Promise<void>;
  readonly log: Logger;
}

/** Writes what alerts do: as rows at once, into the log, and to whoever listens. */
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

  /** Tells what is behind `position` and still known, then all that comes. @returns what ends it */
  subscribe(
    position: string | undefined,
    listener: (transition: Transition, position: string) => void,
  ): () => void {
    return this.#feed.subscribe(position, listener);
  }

  /** One flush for all that is noted in the same turn. What it can't send stays in the spool. */
  #flushSoon(): void {
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#flushing = undefined;
      return this.#options.flush().catch(() => {});
    });
  }
}

/** `alert error-rate PENDING => FIRING high: value 12.5, threshold 10 {"service":"booking"}`. */
function formatTransition(transition: Transition, before: Transition | undefined): string {
  const { rule, state, severity, value, threshold, labels, cause } = transition;
  const from = before?.state.toUpperCase() ?? 'INACTIVE';
  const rose = before && before.state === state && before.severity !== severity;
  const was = rose ? ` ${before.severity}` : '';
  const figures = [
    value === undefined ? undefined : `value ${formatNumber(value)}`,
    threshold === undefined ? undefined : `threshold ${formatNumber(threshold)}`,
    cause,
  ].filter((text) => text !== undefined);
  const what = `alert ${rule} ${from}${was} => ${state.toUpperCase()} ${severity}`;
  return `${what}: ${figures.join(', ')} ${labels}`;
}
