import { withTimeout } from '../../../core/concurrency.ts';
import type { Channel, DeliveryOutcome, Message } from '../channels/channel.ts';
import { isUnavailable, type UnavailableChannel } from '../channels/channel-resolver.ts';
import { DEFAULT_LIMIT, type Receiver } from '../config/notification-config.ts';
import type { NotificationThreadStore } from '../planning/notification-thread-store.ts';
import { type Target, toChannelKey } from '../routing/notification-target.ts';
import { ChannelLimiter } from './channel-limiter.ts';
import { DELIVERY_KIND, type Delivery, getDeliveryThreadKey } from './delivery-record.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { NotificationJournal } from './notification-journal.ts';
import {
  type AttemptResult,
  type NotificationRecorder,
  toDeliveryRow,
} from './notification-recorder.ts';

export interface DelivererOptions {
  readonly journal: NotificationJournal;
  readonly threads: NotificationThreadStore;
  readonly recorder: NotificationRecorder;
  readonly resolveChannel: (target: Target) => Channel | UnavailableChannel;
  readonly getReceiver: (name: string) => Receiver | undefined;
  /** Adds links to a message before it is sent. */
  readonly prepareMessage: (message: Message) => Message;
  readonly attemptTimeoutMs: number;
  readonly circuitBreakMs: number;
  readonly now: () => number;
  readonly random: () => number;
}

const DELIVERY_KEY_PREFIX = `${DELIVERY_KIND}:`;
/** Delay after which a blocked delivery is checked again. */
const MIN_WAIT_MS = 20;

/** Delivers messages to their targets, with retries until their deadline. */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #pipelines = new Map<string, { limiter: ChannelLimiter; queue: KeyedQueue<Delivery> }>();
  /** Ended deliveries that are still in the journal. */
  #ended: Delivery[] = [];
  #removing: Promise<void> | undefined;
  #closed = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Adds a delivery to the journal. Call `send` after the journal was flushed. */
  persist(delivery: Delivery): void {
    this.#options.journal.put(DELIVERY_KEY_PREFIX + delivery.id, delivery);
  }

  send(delivery: Delivery): void {
    this.#getPipeline(delivery.target).queue.add(getDeliveryThreadKey(delivery), delivery);
  }

  /** Resumes the previous process's deliveries. Returns the number of resumed deliveries. */
  resume(): number {
    const pending = this.#options.journal
      .entries(DELIVERY_KIND)
      .map(([, value]) => value as Delivery);
    for (const delivery of pending) {
      if (delivery.end) this.#recordEnd(delivery);
      else this.send(this.#recordInterruption(delivery));
    }
    return pending.length;
  }

  /** If the previous process was killed during an attempt, records that its outcome is unknown. */
  #recordInterruption({ begun, ...delivery }: Delivery): Delivery {
    if (!begun) return delivery;
    const recorded = this.#recordAttempt(delivery, createInterruptedResult(begun));
    this.#options.journal.put(DELIVERY_KEY_PREFIX + recorded.id, recorded);
    return recorded;
  }

  /** Starts no more attempts. Unfinished deliveries are resumed after the next start. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    const busy = [...this.#pipelines.values()].map(({ queue }) => queue.waitUntilIdle());
    await withTimeout(withinMs, Promise.all(busy), () => undefined);
    for (const { limiter, queue } of this.#pipelines.values()) {
      queue.close();
      limiter.close();
    }
    await withTimeout(withinMs, this.#removing ?? Promise.resolve(), () => undefined);
  }

  /** Returns the queue and the limiter of the target's channel. */
  #getPipeline(target: Target) {
    const key = toChannelKey(target);
    const existing = this.#pipelines.get(key);
    if (existing) return existing;
    const { getReceiver, attemptTimeoutMs, circuitBreakMs, now } = this.#options;
    const limiter = new ChannelLimiter({
      limit: () => getReceiver(target.receiver)?.limit ?? DEFAULT_LIMIT,
      attemptTimeoutMs,
      circuitBreakMs,
      now,
    });
    const queue = new KeyedQueue<Delivery>((delivery) => this.#processDelivery(delivery, limiter));
    const pipeline = { limiter, queue };
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  /** Makes an attempt if possible. Returns when to continue, or `undefined` if the delivery ended. */
  async #processDelivery(
    delivery: Delivery,
    limiter: ChannelLimiter,
  ): Promise<{ item: Delivery; waitMs: number } | undefined> {
    const { now, random, resolveChannel, journal, threads } = this.#options;
    if (this.#closed) return { item: delivery, waitMs: MIN_WAIT_MS };
    const message = this.#withoutNeverNotified(delivery);
    if (!message) return this.#endDelivery(delivery, createNeverNotifiedResult(delivery, now()));
    const remainingMs = delivery.deadlineMs - now();
    if (remainingMs <= 0) return this.#endDelivery(delivery, createDeadlineResult(delivery, now()));
    const { notBeforeMs, ...rest } = delivery;
    if (notBeforeMs !== undefined) {
      return { item: rest, waitMs: Math.min(Math.max(0, notBeforeMs - now()), remainingMs) };
    }
    const channel = resolveChannel(delivery.target);
    if (isUnavailable(channel)) {
      return this.#endDelivery(delivery, createReceiverGoneResult(channel.reason, now()));
    }
    const { recipient } = channel;
    const blocked = limiter.tryAcquire();
    if (blocked) {
      const { reason } = blocked;
      const result = { status: 'retrying', reason, detail: undefined, recipient, atMs: now() };
      const isNewReason = delivery.barred !== reason;
      const item = isNewReason
        ? { ...this.#recordAttempt(delivery, result), barred: reason }
        : delivery;
      return { item, waitMs: Math.min(blocked.waitMs, remainingMs) };
    }
    const started: Delivery = { ...delivery, attempt: delivery.attempt + 1, barred: undefined };
    threads.markAttempted(started.target, message.groupKey, getIds(message.alerts));
    // Also back off after an interrupted attempt. Otherwise, a server that crashes at each start
    // would send the message at each start.
    const retryMs = now() + computeBackoffMs(started.attempt, random());
    const inProgress = { begun: { atMs: now(), recipient }, notBeforeMs: retryMs };
    journal.put(DELIVERY_KEY_PREFIX + started.id, { ...started, ...inProgress });
    await journal.flush();
    const outcome = await limiter.attempt(channel, this.#options.prepareMessage(message));
    if (outcome === undefined) {
      journal.put(DELIVERY_KEY_PREFIX + delivery.id, delivery);
      return { item: { ...started, attempt: delivery.attempt }, waitMs: MIN_WAIT_MS };
    }
    const result = toAttemptResult(outcome, recipient, now());
    if (outcome.status !== 'retryable') return this.#endDelivery(started, result);
    const waitMs = computeBackoffMs(started.attempt, random(), outcome.retryAfterMs);
    if (now() + waitMs >= started.deadlineMs) {
      return this.#endDelivery(started, { ...result, status: 'failed', reason: 'deadline' });
    }
    const recorded = this.#recordAttempt(started, result);
    journal.put(DELIVERY_KEY_PREFIX + recorded.id, { ...recorded, notBeforeMs: now() + waitMs });
    return { item: recorded, waitMs };
  }

  /**
   * Removes resolved alerts from the message if no attempt was made to send them while they fired.
   * Returns `undefined` if no alert is left.
   */
  #withoutNeverNotified({ message, target }: Delivery): Message | undefined {
    // Digests and summaries also include alerts that fired and resolved since the last message.
    if (['digest', 'summary', 'test'].includes(message.kind)) return message;
    const notified = this.#options.threads.get(target, message.groupKey)?.notified ?? {};
    const alerts = message.alerts.filter(
      ({ id, state }) => state !== 'resolved' || notified[id]?.attempted,
    );
    if (alerts.length === message.alerts.length) return message;
    return alerts.length === 0 ? undefined : { ...message, alerts };
  }

  #recordAttempt(delivery: Delivery, result: AttemptResult): Delivery {
    this.#options.recorder.record(toDeliveryRow(delivery, result));
    return { ...delivery, rows: delivery.rows + 1 };
  }

  /** Writes the final result to the journal, so that a restart doesn't send the message again. */
  async #endDelivery(delivery: Delivery, end: AttemptResult): Promise<undefined> {
    const { journal } = this.#options;
    const ended = { ...delivery, end: end as Delivery['end'] };
    journal.put(DELIVERY_KEY_PREFIX + ended.id, ended);
    await journal.flush();
    this.#recordEnd(ended);
    return undefined;
  }

  #recordEnd(delivery: Delivery): void {
    const { recorder, threads } = this.#options;
    const { message, target, end } = delivery;
    if (end) recorder.record(toDeliveryRow(delivery, end));
    const resolved = message.alerts.filter(({ state }) => state === 'resolved');
    threads.removeAlerts(target, message.groupKey, getIds(resolved));
    this.#ended.push(delivery);
    this.#removing ??= this.#removeEnded().finally(() => {
      this.#removing = undefined;
    });
  }

  /** Removes ended deliveries from the journal after their rows are safely stored. */
  async #removeEnded(): Promise<void> {
    while (this.#ended.length > 0) {
      const ended = this.#ended;
      this.#ended = [];
      await this.#options.recorder.flush();
      for (const { id } of ended) this.#options.journal.delete(DELIVERY_KEY_PREFIX + id);
      await this.#options.journal.flush();
    }
  }
}

function getIds(alerts: readonly { id: string }[]): string[] {
  return alerts.map(({ id }) => id);
}

const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;

/**
 * Returns the time in ms until the next attempt. The backoff is exponential with full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), but never shorter than
 * `retryAfterMs`.
 *
 * @param attempts number of failed attempts
 * @param random number from 0 to 1
 */
export function computeBackoffMs(attempts: number, random: number, retryAfterMs = 0): number {
  const maxMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempts - 1, 30));
  return Math.max(Math.ceil(random * maxMs), retryAfterMs);
}

function toAttemptResult(outcome: DeliveryOutcome, recipient: string, atMs: number): AttemptResult {
  if (outcome.status === 'delivered') {
    return { status: 'delivered', reason: 'delivered', detail: outcome.detail, recipient, atMs };
  }
  const { status, reason: detail } = outcome;
  const rowStatus = status === 'retryable' ? 'retrying' : 'failed';
  return { status: rowStatus, reason: status, detail, recipient, atMs };
}

/** The process ended during an attempt, so its outcome is unknown. */
function createInterruptedResult({
  atMs,
  recipient,
}: NonNullable<Delivery['begun']>): AttemptResult {
  const detail =
    'the process ended during this attempt; the message might have arrived, and will be sent again';
  return { status: 'retrying', reason: 'interrupted', detail, recipient, atMs };
}

function createDeadlineResult({ attempt }: Delivery, atMs: number): AttemptResult {
  const detail =
    attempt === 0 ? 'no attempt was possible before the deadline' : 'the last attempt failed';
  return { status: 'failed', reason: 'deadline', detail, recipient: '', atMs };
}

function createNeverNotifiedResult({ message }: Delivery, atMs: number): AttemptResult {
  const detail = `nothing was sent while the ${message.alerts.length === 1 ? 'alert' : 'alerts'} fired`;
  return { status: 'suppressed', reason: 'never_told', detail, recipient: '', atMs };
}

function createReceiverGoneResult(detail: string, atMs: number): AttemptResult {
  return { status: 'suppressed', reason: 'receiver_gone', detail, recipient: '', atMs };
}
