import type { Alert, AlertLookup } from '../../../core/alerts/alert.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import { type Transition, toNotifiedAlert } from '../../alerts/evaluation/alert-transition.ts';
import type { AlertRule } from '../../alerts/rules/alert-rule.ts';
import type { AlertRuleSet } from '../../alerts/rules/load-alert-rules.ts';
import { NotificationGate } from '../../alerts/suppression/notification-gate.ts';
import type { Silence } from '../../alerts/suppression/silence.ts';
import type { NotificationConfig } from '../../notifications/config/notification-config.ts';
import type { PlannedMessage } from '../../notifications/planning/group-messages.ts';
import { NotificationPlanner } from '../../notifications/planning/notification-planner.ts';
import { NotificationThreadStore } from '../../notifications/planning/notification-thread-store.ts';
import type { Target } from '../../notifications/routing/notification-target.ts';
import { MemoryJournal } from './memory-journal.ts';
import type { ReplayedAlert } from './rule-replay.ts';

export interface NotificationReplayOptions {
  readonly ruleSet: AlertRuleSet;
  /** The silences that were active at some time of the replay. */
  readonly silences: readonly Silence[];
  readonly config: NotificationConfig;
  readonly people: readonly Person[];
}

/** A message that would have been sent. */
export interface ReplayedMessage {
  readonly atMs: number;
  readonly target: Target;
  /** Whether the message reports only resolved alerts. */
  readonly isResolution: boolean;
  /** Names of the rules whose alerts are in the message. */
  readonly rules: readonly string[];
}

/** Unchanged alerts are repeated a little early, as the notifier does. */
const REPEAT_TOLERANCE = 0.9;

/** Runs the notification stages on replayed alerts: suppression, groups, routing, escalations, and limits. */
export class NotificationReplay {
  readonly #options: NotificationReplayOptions;
  readonly #rules: ReadonlyMap<string, AlertRule>;
  readonly #gate = new NotificationGate();
  readonly #threads: NotificationThreadStore;
  readonly #planner: NotificationPlanner;
  readonly #live = new Map<string, Alert>();
  readonly messages: ReplayedMessage[] = [];
  /** Whether the next evaluation can change something although no alert is live. */
  #isBusy = false;

  constructor(options: NotificationReplayOptions) {
    this.#options = options;
    this.#rules = new Map(options.ruleSet.rules.map((rule) => [rule.name, rule]));
    const journal = new MemoryJournal();
    this.#threads = new NotificationThreadStore(journal);
    const lookup: AlertLookup = {
      isRestored: true,
      find: (id) => this.#live.get(id),
      getSuppressions: (id) => this.#gate.getSuppressions(id),
      findStored: () => Promise.resolve(undefined),
    };
    this.#planner = new NotificationPlanner({
      journal,
      threads: this.#threads,
      suppressionRecorder: { record: () => {} },
      alerts: lookup,
      config: () => options.config,
      people: () => options.people,
      log: { info: () => {}, warn: () => {}, error: () => {} },
    });
  }

  /**
   * Runs the stages after all rules were evaluated at `now`.
   *
   * @param transitions the changes of this evaluation
   * @param live all alerts that are not resolved
   */
  step(transitions: readonly Transition[], live: readonly ReplayedAlert[], now: number): void {
    const { ruleSet, silences } = this.#options;
    for (const transition of transitions) {
      this.#gate.recordTransition(transition, this.#toAlert(transition, transition.value), ruleSet);
    }
    if (transitions.length === 0 && live.length === 0 && !this.#isBusy) {
      this.#record(this.#planner.planDue(now), now);
      return;
    }
    this.#live.clear();
    for (const { transition, value } of live) {
      this.#live.set(transition.id, this.#toAlert(transition, value));
    }
    const active = silences.filter(({ startsMs, endsMs }) => startsMs <= now && now < endsMs);
    const breaches = new Map(live.map(({ transition, breachedMs }) => [transition.id, breachedMs]));
    const due = this.#gate.evaluate([...this.#live.values()], ruleSet, active, now, breaches);
    const repeatMs = REPEAT_TOLERANCE * ruleSet.notifications.repeatMs;
    for (const group of due) this.#record(this.#planner.planGroup(group, repeatMs, now), now);
    this.#record(this.#planner.planDue(now), now);
    // A resolved alert can wait for its group's next message.
    this.#isBusy = [...this.#gate.listEvaluated()].length > 0;
  }

  #toAlert(transition: Transition, value: number | undefined): Alert {
    return toNotifiedAlert(transition, this.#rules.get(transition.rule), value, undefined);
  }

  /** Records messages as sent, and does what the deliverer does after a successful attempt. */
  #record(planned: readonly PlannedMessage[], now: number): void {
    for (const { target, message, thread } of planned) {
      if (thread) this.#threads.put(thread);
      const ids = message.alerts.map(({ id }) => id);
      this.#threads.markAttempted(target, message.groupKey, ids);
      const resolvedIds = message.alerts.flatMap(({ id, state }) =>
        state === 'resolved' ? id : [],
      );
      this.#threads.removeAlerts(target, message.groupKey, resolvedIds);
      this.messages.push({
        atMs: now,
        target,
        isResolution: message.status === 'resolved',
        rules: [...new Set(message.alerts.map(({ rule }) => rule))],
      });
    }
  }
}
