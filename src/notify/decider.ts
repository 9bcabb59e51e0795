import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type AlertBook, isActive, type KnownAlert, saidOf, type Telling } from './alert.ts';
import type { Journal } from './deliver/journal.ts';
import { Digests, digestGroup, digestOf } from './escalate/digests.ts';
import { Escalations } from './escalate/escalations.ts';
import type { NotifyPlan, Person } from './plan/plan.ts';
import type { Suppressions } from './record/suppressions.ts';
import { type Decided, decideGroup, messageTo } from './route/decide.ts';
import { goesOn, type Threads } from './route/threads.ts';
import { routeAlerts, type Stopped, targetsOfReceivers } from './route/wanted.ts';

export interface DeciderOptions {
  readonly journal: Journal;
  readonly threads: Threads;
  readonly suppressions: Suppressions;
  readonly alerts: AlertBook;
  readonly plan: () => NotifyPlan;
  readonly people: () => readonly Person[];
  readonly log: Log;
}

const ASK_MUTED_MS = 5000;
const LOOK_FOR_ENDED_MS = 60_000;
/** Reasons for which an escalation, and what a time of day has held, waits. */
const QUIET: ReadonlySet<string> = new Set(['silenced', 'maintenance', 'inhibited']);

/** Decides what is said to whom: when the evaluator tells of alerts, and when something is due. */
export class Decider {
  readonly #options: DeciderOptions;
  readonly #escalations: Escalations;
  readonly #digests: Digests;
  /** Groups of which a route tells nothing at this time of day. */
  readonly #muted = new Map<string, readonly string[]>();
  #askedMutedMs = Number.NEGATIVE_INFINITY;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: DeciderOptions) {
    this.#options = options;
    this.#escalations = new Escalations(options.journal);
    this.#digests = new Digests(options.journal);
  }

  /** What a group of alerts that nothing holds back says to each target. */
  decide(telling: Telling, repeatMs: number, now: number): Decided[] {
    const context = this.#context(now);
    const { timeZone } = context.plan;
    const routing = routeAlerts(telling.alerts, context);
    this.#noteStopped(telling.alerts, routing.stopped, now);
    const mutedIds = routing.stopped
      .filter(({ reason }) => reason === 'muted')
      .map(({ alert }) => alert.id);
    if (mutedIds.length > 0) this.#muted.set(telling.key, mutedIds);
    else this.#muted.delete(telling.key);
    for (const { digest, target, alerts } of routing.later) {
      const told = this.#options.threads.get(target, digestGroup(digest))?.told;
      const news = alerts.filter((alert) => told?.[alert.id]?.said !== saidOf(alert));
      if (news.length > 0) this.#digests.collect(digest, target, news, now);
    }
    for (const alert of telling.alerts.filter((each) => !isActive(each)))
      this.#collectEnd(alert, now);
    for (const { alert, escalation } of routing.escalated) {
      this.#escalations.begin(alert.id, escalation, telling.key, now);
    }
    const threads = this.#options.threads.ofGroup(telling.key);
    return decideGroup(telling, routing.now, threads, repeatMs, { now, timeZone });
  }

  /** The end of an alert goes into the digest that told of it, or will. */
  #collectEnd(alert: KnownAlert, now: number): void {
    this.#digests.update(alert);
    for (const { target, groupKey, told } of this.#options.threads.ofAlert(alert.id)) {
      const digest = digestOf(groupKey);
      if (digest !== undefined && goesOn(told[alert.id]))
        this.#digests.collect(digest, target, [alert], now);
    }
  }

  #noteStopped(alerts: readonly KnownAlert[], stopped: readonly Stopped[], now: number): void {
    const byAlert = Map.groupBy(stopped, ({ alert }) => alert.id);
    for (const alert of alerts) {
      this.#options.suppressions.note(alert, 'route', byAlert.get(alert.id) ?? [], now);
    }
  }

  /** What is due now: digests, escalations, and what a time of day has held. */
  due(now: number): Decided[] {
    const digests = this.#dueDigests(now);
    if (!this.#options.alerts.isRestored) return digests;
    return [...digests, ...this.#dueEscalations(now), ...this.#dueMuted(now)];
  }

  #context(now: number) {
    return { plan: this.#options.plan(), people: this.#options.people(), now };
  }

  #dueEscalations(now: number): Decided[] {
    const { alerts } = this.#options;
    const isHeld = (id: string) => alerts.heldOf(id).some(({ reason }) => QUIET.has(reason));
    const context = this.#context(now);
    const { plan } = context;
    const due = this.#escalations.due(plan.escalations, (id) => alerts.find(id), isHeld, now);
    return due.flatMap(({ groupKey, receivers, level, alerts: escalated }) => {
      const stopped: Stopped[] = [];
      const wanted = targetsOfReceivers(escalated, receivers, context, stopped);
      for (const { alert, ...why } of stopped) {
        this.#options.suppressions.note(alert, `level ${level}`, [why], now);
      }
      const occasion = { kind: 'escalation', level, timeZone: plan.timeZone, now } as const;
      return wanted.map((each) => {
        const before = this.#options.threads.get(each.target, groupKey);
        return messageTo(each.target, groupKey, each.alerts, before, occasion);
      });
    });
  }

  #dueDigests(now: number): Decided[] {
    const { timeZone, digests } = this.#options.plan();
    return this.#digests.take(digests, now).map(({ digest, target, alerts }) => {
      const groupKey = digestGroup(digest);
      const before = this.#options.threads.get(target, groupKey);
      const occasion = { kind: 'digest', level: 0, timeZone, now } as const;
      return messageTo(target, groupKey, Object.values(alerts), before, occasion);
    });
  }

  /** Asks again for groups that a time of day has held: it may be over. */
  #dueMuted(now: number): Decided[] {
    if (now < this.#askedMutedMs + ASK_MUTED_MS) return [];
    this.#askedMutedMs = now;
    const { alerts: book } = this.#options;
    return [...this.#muted].flatMap(([key, ids]) => {
      const alerts = ids
        .flatMap((id) => book.find(id) ?? [])
        .filter(
          (alert) =>
            isActive(alert) && !book.heldOf(alert.id).some(({ reason }) => QUIET.has(reason)),
        );
      if (alerts.length === 0) {
        this.#muted.delete(key);
        return [];
      }
      return this.decide({ key, alerts }, Number.POSITIVE_INFINITY, now);
    });
  }

  /**
   * What has ended, and whose end was never told: the process was killed, or a silence held it for
   * too long. Looked for each minute. Never rejects.
   */
  async ended(now: number): Promise<Telling[]> {
    const { alerts: book, threads, log } = this.#options;
    if (!book.isRestored || now < this.#lookedMs + LOOK_FOR_ENDED_MS) return [];
    this.#lookedMs = now;
    const tellings: Telling[] = [];
    try {
      for (const id of [...threads.alerts]) {
        if (book.find(id) || book.heldOf(id).length > 0) continue;
        const stored = await book.stored(id);
        if (!stored) continue;
        // What a row tells of an alert that goes on nowhere is not how it ended.
        const alert: KnownAlert = { ...stored, state: 'resolved' };
        const groups = new Set(threads.ofAlert(id).map(({ groupKey }) => groupKey));
        const direct = [...groups].filter((key) => digestOf(key) === undefined);
        if (direct.length < groups.size) this.#collectEnd(alert, now);
        for (const key of direct) tellings.push({ key, alerts: [alert] });
      }
    } catch (error) {
      this.#lookedMs = Number.NEGATIVE_INFINITY;
      log.warn(`The ends of alerts could not be looked for yet: ${reasonOf(error)}`);
    }
    return tellings;
  }
}
