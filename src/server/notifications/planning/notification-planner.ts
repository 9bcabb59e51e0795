import {
  type Alert,
  type AlertGroup,
  type AlertLookup,
  isActive,
  toAlertStateKey,
} from '../../../core/alerts/alert.ts';
import type { Logger } from '../../../core/log.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { Person } from '../../../core/person-and-roles.ts';
import { getRecipientLimit, type NotificationConfig } from '../config/notification-config.ts';
import { listUnattemptedAlertIds } from '../delivery/delivery-record.ts';
import type { JournalEntries } from '../delivery/notification-journal.ts';
import type { SuppressionRecorder } from '../delivery/notification-recorder.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';
import {
  findReceiverTargets,
  type RoutingSuppression,
  routeAlerts,
  type TargetAlerts,
} from '../routing/route-alerts.ts';
import { DigestStore, parseDigestGroupKey, toDigestGroupKey } from './due-digests.ts';
import { EscalationStore } from './due-escalations.ts';
import {
  createPlannedMessage,
  createSummaryMessage,
  type PlannedMessage,
  planGroupMessages,
  toMessageAlert,
} from './group-messages.ts';
import { isOngoing, type NotificationThreadStore } from './notification-thread-store.ts';
import { RecipientLimiter } from './recipient-limiter.ts';

export interface NotificationPlannerOptions {
  readonly journal: JournalEntries;
  readonly threads: NotificationThreadStore;
  readonly suppressionRecorder: Pick<SuppressionRecorder, 'record'>;
  readonly alerts: AlertLookup;
  readonly config: () => NotificationConfig;
  readonly people: () => readonly Person[];
  readonly log: Logger;
}

const MUTED_CHECK_INTERVAL_MS = 5000;
const RESOLVED_CHECK_INTERVAL_MS = 60_000;
/** Suppression reasons that delay escalations and muted groups. */
const DEFERRING_REASONS: ReadonlySet<string> = new Set(['silenced', 'maintenance', 'inhibited']);

/** Plans messages when the evaluator reports a group, and when an escalation or digest is due. */
export class NotificationPlanner {
  readonly #options: NotificationPlannerOptions;
  readonly #escalations: EscalationStore;
  readonly #digests: DigestStore;
  readonly #recipientLimiter: RecipientLimiter;
  /** Alert IDs of groups that a route mutes now, by group key. */
  readonly #muted = new Map<string, readonly string[]>();
  #mutedCheckedMs = Number.NEGATIVE_INFINITY;
  #resolvedCheckedMs = Number.NEGATIVE_INFINITY;

  constructor(options: NotificationPlannerOptions) {
    this.#options = options;
    this.#escalations = new EscalationStore(options.journal);
    this.#digests = new DigestStore(options.journal);
    this.#recipientLimiter = new RecipientLimiter(options.journal);
  }

  /** Plans the messages for a group whose alerts are not suppressed. */
  planGroup(group: AlertGroup, repeatMs: number, now: number): PlannedMessage[] {
    const context = this.#context(now);
    const { timeZone } = context.config;
    const { threads } = this.#options;
    const routing = routeAlerts(group.alerts, context);
    this.#recordSuppressed(group.alerts, routing.suppressed, now);
    const mutedIds = routing.suppressed
      .filter(({ reason }) => reason === 'muted')
      .map(({ alert }) => alert.id);
    if (mutedIds.length > 0) this.#muted.set(group.key, mutedIds);
    else this.#muted.delete(group.key);
    for (const { digest, target, alerts } of routing.digested) {
      const notified = threads.get(target, toDigestGroupKey(digest))?.notified;
      const changed = alerts.filter(
        (alert) => notified?.[alert.id]?.stateKey !== toAlertStateKey(alert),
      );
      if (changed.length > 0) this.#digests.collect(digest, target, changed, now);
    }
    for (const alert of group.alerts.filter((each) => !isActive(each)))
      this.#addResolvedToDigests(alert, now);
    for (const { alert, escalation } of routing.escalated) {
      this.#escalations.start(alert.id, escalation, group.key, now);
    }
    const plan = planGroupMessages(
      group,
      routing.immediate,
      threads.listByGroup(group.key),
      repeatMs,
      { now, timeZone },
      this.#routeMissedAlerts(group.alerts, now),
    );
    for (const thread of plan.threads) threads.put(thread);
    return this.#limitRecipients(plan.messages, now);
  }

  /**
   * Updates a resolved alert in waiting digests. If a sent digest listed the alert as firing, adds
   * it to the next digest.
   */
  #addResolvedToDigests(alert: Alert, now: number): void {
    this.#digests.update(alert);
    for (const { target, groupKey, notified } of this.#options.threads.listByAlert(alert.id)) {
      const digest = parseDigestGroupKey(groupKey);
      if (digest !== undefined && isOngoing(notified[alert.id])) {
        this.#digests.collect(digest, target, [alert], now);
      }
    }
  }

  #recordSuppressed(
    alerts: readonly Alert[],
    suppressed: readonly RoutingSuppression[],
    now: number,
  ): void {
    const byAlert = Map.groupBy(suppressed, ({ alert }) => alert.id);
    for (const alert of alerts) {
      this.#options.suppressionRecorder.record(alert, 'route', byAlert.get(alert.id) ?? [], now);
    }
  }

  /** Plans due digests and escalations, and groups whose mute time has ended. */
  planDue(now: number): PlannedMessage[] {
    const scheduled = [...this.#planDigests(now), ...this.#planSummaries(now)];
    if (!this.#options.alerts.isRestored) return scheduled;
    return [...scheduled, ...this.#planEscalations(now), ...this.#planUnmuted(now)];
  }

  /** Returns the targets of the alerts that were resolved before a message about them. */
  #routeMissedAlerts(alerts: readonly Alert[], now: number): TargetAlerts[] {
    const missed = alerts.filter(
      (alert) => !isActive(alert) && this.#options.threads.listByAlert(alert.id).length === 0,
    );
    if (missed.length === 0) return [];
    const byId = new Map(missed.map((alert) => [alert.id, alert]));
    const firing = missed.map((alert): Alert => ({ ...alert, state: 'firing' }));
    return routeAlerts(firing, this.#context(now)).immediate.map(({ target, alerts: routed }) => ({
      target,
      alerts: routed.flatMap(({ id }) => byId.get(id) ?? []),
    }));
  }

  /** Returns the messages to send now. The alerts of the other messages wait for a summary. */
  #limitRecipients(planned: readonly PlannedMessage[], now: number): PlannedMessage[] {
    const { sent, held } = this.#recipientLimiter.admit(planned, this.#getRecipientLimit, now);
    for (const { target, message, thread } of held) {
      if (thread) this.#options.threads.put(thread);
      const { kind, receiver } = target;
      const detail = `too many messages over ${kind}; waits for a summary`;
      const reason = { reason: 'recipient_limit', receiver, detail };
      for (const alert of message.alerts) {
        this.#options.suppressionRecorder.record(alert, toLimitStage(target), [reason], now);
      }
    }
    return [...sent];
  }

  readonly #getRecipientLimit = ({ receiver, kind }: Target) =>
    getRecipientLimit(this.#options.config().receivers.get(receiver), kind);

  /** Plans one message for each recipient whose alerts were held back long enough. */
  #planSummaries(now: number): PlannedMessage[] {
    const { threads, suppressionRecorder } = this.#options;
    const { timeZone } = this.#options.config();
    return this.#recipientLimiter.takeDue(this.#getRecipientLimit, now).map((held) => {
      const alerts = held.map(({ alert, target, groupKey }) => {
        // The alert can be resolved while other alerts of its group are still active.
        const resolved = threads.get(target, groupKey)?.resolved[alert.id];
        threads.markAttempted(target, groupKey, [alert.id]);
        suppressionRecorder.record(alert, toLimitStage(target), [], now);
        const newest = resolved ? toMessageAlert(resolved) : alert;
        if (newest.state === 'resolved') threads.removeAlerts(target, groupKey, [alert.id]);
        return newest;
      });
      return createSummaryMessage(held[0]!.target, alerts, { timeZone, now });
    });
  }

  #context(now: number) {
    return { config: this.#options.config(), people: this.#options.people(), now };
  }

  #planEscalations(now: number): PlannedMessage[] {
    const { alerts } = this.#options;
    const isSuppressed = (id: string) =>
      alerts.getSuppressions(id).some(({ reason }) => DEFERRING_REASONS.has(reason));
    const context = this.#context(now);
    const { config } = context;
    const due = this.#escalations.takeDue(
      config.escalations,
      (id) => alerts.find(id),
      isSuppressed,
      this.#createDeliveryCheck(),
      now,
    );
    return due.flatMap(({ groupKey, receivers, level, alerts: escalated }) => {
      const suppressed: RoutingSuppression[] = [];
      const targets = findReceiverTargets(escalated, receivers, context, suppressed);
      for (const { alert, ...reason } of suppressed) {
        this.#options.suppressionRecorder.record(alert, `level ${level}`, [reason], now);
      }
      const messageContext = { kind: 'escalation', level, timeZone: config.timeZone, now } as const;
      const planned = targets.map((each) => {
        const thread = this.#options.threads.get(each.target, groupKey);
        return createPlannedMessage(each.target, groupKey, each.alerts, thread, messageContext);
      });
      return this.#limitRecipients(planned, now);
    });
  }

  /**
   * Returns a function that checks whether an alert still waits for its first message. Escalations
   * start only after that, because people can't acknowledge an alert before.
   */
  #createDeliveryCheck(): (id: string) => boolean {
    const { threads, journal } = this.#options;
    let waiting: ReadonlySet<string> | undefined;
    return (id) => {
      const wasAttempted = threads.listByAlert(id).some(({ notified }) => notified[id]?.attempted);
      if (wasAttempted) return false;
      waiting ??= new Set([
        ...this.#digests.listAlertIds(),
        ...this.#recipientLimiter.listHeldIds(),
        ...listUnattemptedAlertIds(journal),
      ]);
      return waiting.has(id);
    };
  }

  #planDigests(now: number): PlannedMessage[] {
    const { timeZone, digests } = this.#options.config();
    return this.#digests.takeDue(digests, now).map(({ digest, target, alerts }) => {
      const groupKey = toDigestGroupKey(digest);
      const thread = this.#options.threads.get(target, groupKey);
      const context = { kind: 'digest', level: 0, timeZone, now } as const;
      return createPlannedMessage(target, groupKey, Object.values(alerts), thread, context);
    });
  }

  /** Plans muted groups again, because the mute time might have ended. */
  #planUnmuted(now: number): PlannedMessage[] {
    if (now < this.#mutedCheckedMs + MUTED_CHECK_INTERVAL_MS) return [];
    this.#mutedCheckedMs = now;
    const { alerts: lookup } = this.#options;
    return [...this.#muted].flatMap(([key, ids]) => {
      const alerts = ids
        .flatMap((id) => lookup.find(id) ?? [])
        .filter(
          (alert) =>
            isActive(alert) &&
            !lookup.getSuppressions(alert.id).some(({ reason }) => DEFERRING_REASONS.has(reason)),
        );
      if (alerts.length === 0) {
        this.#muted.delete(key);
        return [];
      }
      return this.planGroup({ key, alerts }, Number.POSITIVE_INFINITY, now);
    });
  }

  /**
   * Finds resolved alerts whose resolution was not sent, because the process was killed or a silence
   * lasted too long. Runs once a minute. Never rejects.
   */
  async findUnnotifiedResolutions(now: number): Promise<AlertGroup[]> {
    const { alerts: lookup, threads, log } = this.#options;
    if (!lookup.isRestored || now < this.#resolvedCheckedMs + RESOLVED_CHECK_INTERVAL_MS) return [];
    this.#resolvedCheckedMs = now;
    const unnotified: AlertGroup[] = [];
    try {
      const waitingIds = new Set(this.#digests.listOngoingAlertIds());
      for (const id of new Set([...threads.ongoingAlertIds, ...waitingIds])) {
        const isOpen = threads.listByAlert(id).some(({ notified }) => isOngoing(notified[id]));
        if (
          !(isOpen || waitingIds.has(id)) ||
          lookup.find(id) ||
          lookup.getSuppressions(id).length > 0
        )
          continue;
        const stored = await lookup.findStored(id);
        if (!stored) continue;
        // The alert has ended, even if its last stored row has another state.
        const alert: Alert = { ...stored, state: 'resolved' };
        const groupKeys = new Set(threads.listByAlert(id).map(({ groupKey }) => groupKey));
        const nonDigestKeys = [...groupKeys].filter(
          (key) => parseDigestGroupKey(key) === undefined,
        );
        this.#addResolvedToDigests(alert, now);
        for (const key of nonDigestKeys) {
          unnotified.push({ key, alerts: [alert, ...this.#findActiveAlerts(key)] });
        }
      }
    } catch (error) {
      this.#resolvedCheckedMs = Number.NEGATIVE_INFINITY;
      log.warn(`Can't look up resolved alerts yet; retrying: ${errorMessage(error)}`);
    }
    return unnotified;
  }

  /** Returns the active alerts of a group that were notified and are not suppressed. */
  #findActiveAlerts(groupKey: string): Alert[] {
    const { alerts: lookup, threads } = this.#options;
    const ids = threads.listByGroup(groupKey).flatMap(({ notified }) => Object.keys(notified));
    return [...new Set(ids)].flatMap((id) => {
      const alert = lookup.find(id);
      return alert && isActive(alert) && lookup.getSuppressions(id).length === 0 ? [alert] : [];
    });
  }
}

function toLimitStage(target: Target): string {
  return `limit ${toTargetKey(target)}`;
}
