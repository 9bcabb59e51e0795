import {
  type Alert,
  type AlertGroup,
  type AlertLookup,
  isActive,
  toAlertStateKey,
} from '../../../core/alerts/alert.ts';
import { errorMessage } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import type { Person } from '../../../core/people.ts';
import type { NotificationConfig } from '../config/notification-config.ts';
import type { NotificationJournal } from '../delivery/notification-journal.ts';
import type { SuppressionRecorder } from '../record/suppression-recorder.ts';
import {
  findReceiverTargets,
  type RoutingSuppression,
  routeAlerts,
} from '../routing/route-alerts.ts';
import { DigestStore, parseDigestGroupKey, toDigestGroupKey } from './digest-store.ts';
import { EscalationStore } from './escalation-store.ts';
import { createPlannedMessage, type PlannedMessage, planGroupMessages } from './group-messages.ts';
import { isOngoing, type NotificationThreadStore } from './notification-thread-store.ts';

export interface NotificationPlannerOptions {
  readonly journal: NotificationJournal;
  readonly threads: NotificationThreadStore;
  readonly suppressionRecorder: SuppressionRecorder;
  readonly alerts: AlertLookup;
  readonly config: () => NotificationConfig;
  readonly people: () => readonly Person[];
  readonly log: Logger;
}

const MUTED_CHECK_INTERVAL_MS = 5000;
const ENDED_CHECK_INTERVAL_MS = 60_000;
/** Reasons for which an escalation, and what a time of day has held, waits. */
const DEFERRING_REASONS: ReadonlySet<string> = new Set(['silenced', 'maintenance', 'inhibited']);

/** Decides what is said to whom: when the evaluator tells of alerts, and when something is due. */
export class NotificationPlanner {
  readonly #options: NotificationPlannerOptions;
  readonly #escalations: EscalationStore;
  readonly #digests: DigestStore;
  /** Groups of which a route tells nothing at this time of day. */
  readonly #muted = new Map<string, readonly string[]>();
  #mutedCheckedMs = Number.NEGATIVE_INFINITY;
  #endedCheckedMs = Number.NEGATIVE_INFINITY;

  constructor(options: NotificationPlannerOptions) {
    this.#options = options;
    this.#escalations = new EscalationStore(options.journal);
    this.#digests = new DigestStore(options.journal);
  }

  /** What a group of alerts that nothing holds back says to each target. */
  planGroup(telling: AlertGroup, repeatMs: number, now: number): PlannedMessage[] {
    const context = this.#context(now);
    const { timeZone } = context.config;
    const routing = routeAlerts(telling.alerts, context);
    this.#recordSuppressed(telling.alerts, routing.suppressed, now);
    const mutedIds = routing.suppressed
      .filter(({ reason }) => reason === 'muted')
      .map(({ alert }) => alert.id);
    if (mutedIds.length > 0) this.#muted.set(telling.key, mutedIds);
    else this.#muted.delete(telling.key);
    for (const { digest, target, alerts } of routing.digested) {
      const told = this.#options.threads.get(target, toDigestGroupKey(digest))?.told;
      const news = alerts.filter((alert) => told?.[alert.id]?.said !== toAlertStateKey(alert));
      if (news.length > 0) this.#digests.collect(digest, target, news, now);
    }
    for (const alert of telling.alerts.filter((each) => !isActive(each)))
      this.#addEndToDigests(alert, now);
    for (const { alert, escalation } of routing.escalated) {
      this.#escalations.start(alert.id, escalation, telling.key, now);
    }
    const threads = this.#options.threads.listByGroup(telling.key);
    return planGroupMessages(telling, routing.immediate, threads, repeatMs, { now, timeZone });
  }

  /** The end of an alert goes into the digest that told of it, or will. */
  #addEndToDigests(alert: Alert, now: number): void {
    this.#digests.update(alert);
    for (const { target, groupKey, told } of this.#options.threads.listByAlert(alert.id)) {
      const digest = parseDigestGroupKey(groupKey);
      if (digest !== undefined && isOngoing(told[alert.id]))
        this.#digests.collect(digest, target, [alert], now);
    }
  }

  #recordSuppressed(
    alerts: readonly Alert[],
    stopped: readonly RoutingSuppression[],
    now: number,
  ): void {
    const byAlert = Map.groupBy(stopped, ({ alert }) => alert.id);
    for (const alert of alerts) {
      this.#options.suppressionRecorder.record(alert, 'route', byAlert.get(alert.id) ?? [], now);
    }
  }

  /** What is due now: digests, escalations, and what a time of day has held. */
  planDue(now: number): PlannedMessage[] {
    const digests = this.#planDigests(now);
    if (!this.#options.alerts.isRestored) return digests;
    return [...digests, ...this.#planEscalations(now), ...this.#planUnmuted(now)];
  }

  #context(now: number) {
    return { config: this.#options.config(), people: this.#options.people(), now };
  }

  #planEscalations(now: number): PlannedMessage[] {
    const { alerts } = this.#options;
    const isHeld = (id: string) =>
      alerts.getSuppressions(id).some(({ reason }) => DEFERRING_REASONS.has(reason));
    const context = this.#context(now);
    const { config } = context;
    const due = this.#escalations.takeDue(config.escalations, (id) => alerts.find(id), isHeld, now);
    return due.flatMap(({ groupKey, receivers, level, alerts: escalated }) => {
      const stopped: RoutingSuppression[] = [];
      const wanted = findReceiverTargets(escalated, receivers, context, stopped);
      for (const { alert, ...why } of stopped) {
        this.#options.suppressionRecorder.record(alert, `level ${level}`, [why], now);
      }
      const occasion = { kind: 'escalation', level, timeZone: config.timeZone, now } as const;
      return wanted.map((each) => {
        const before = this.#options.threads.get(each.target, groupKey);
        return createPlannedMessage(each.target, groupKey, each.alerts, before, occasion);
      });
    });
  }

  #planDigests(now: number): PlannedMessage[] {
    const { timeZone, digests } = this.#options.config();
    return this.#digests.takeDue(digests, now).map(({ digest, target, alerts }) => {
      const groupKey = toDigestGroupKey(digest);
      const before = this.#options.threads.get(target, groupKey);
      const occasion = { kind: 'digest', level: 0, timeZone, now } as const;
      return createPlannedMessage(target, groupKey, Object.values(alerts), before, occasion);
    });
  }

  /** Asks again for groups that a time of day has held: it may be over. */
  #planUnmuted(now: number): PlannedMessage[] {
    if (now < this.#mutedCheckedMs + MUTED_CHECK_INTERVAL_MS) return [];
    this.#mutedCheckedMs = now;
    const { alerts: book } = this.#options;
    return [...this.#muted].flatMap(([key, ids]) => {
      const alerts = ids
        .flatMap((id) => book.find(id) ?? [])
        .filter(
          (alert) =>
            isActive(alert) &&
            !book.getSuppressions(alert.id).some(({ reason }) => DEFERRING_REASONS.has(reason)),
        );
      if (alerts.length === 0) {
        this.#muted.delete(key);
        return [];
      }
      return this.planGroup({ key, alerts }, Number.POSITIVE_INFINITY, now);
    });
  }

  /**
   * What has ended, and whose end was never told: the process was killed, or a silence held it for
   * too long. Looked for each minute. Never rejects.
   */
  async findUnnotifiedEnds(now: number): Promise<AlertGroup[]> {
    const { alerts: book, threads, log } = this.#options;
    if (!book.isRestored || now < this.#endedCheckedMs + ENDED_CHECK_INTERVAL_MS) return [];
    this.#endedCheckedMs = now;
    const tellings: AlertGroup[] = [];
    try {
      for (const id of [...threads.ongoingAlertIds]) {
        if (book.find(id) || book.getSuppressions(id).length > 0) continue;
        const stored = await book.findStored(id);
        if (!stored) continue;
        // What a row tells of an alert that goes on nowhere is not how it ended.
        const alert: Alert = { ...stored, state: 'resolved' };
        const groups = new Set(threads.listByAlert(id).map(({ groupKey }) => groupKey));
        const direct = [...groups].filter((key) => parseDigestGroupKey(key) === undefined);
        if (direct.length < groups.size) this.#addEndToDigests(alert, now);
        for (const key of direct) tellings.push({ key, alerts: [alert] });
      }
    } catch (error) {
      this.#endedCheckedMs = Number.NEGATIVE_INFINITY;
      log.warn(`The ends of alerts could not be looked for yet: ${errorMessage(error)}`);
    }
    return tellings;
  }
}
