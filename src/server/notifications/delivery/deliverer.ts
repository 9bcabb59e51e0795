import { withTimeout } from '../../../core/concurrency.ts';
import type { Channel, DeliveryOutcome, Message } from '../channels/channel.ts';
import { isUnavailable, type UnavailableChannel } from '../channels/channel-resolver.ts';
import { DEFAULT_LIMIT, type Receiver } from '../config/notification-config.ts';
import type { NotificationThreadStore } from '../planning/notification-thread-store.ts';
import {
  type AttemptResult,
  type NotificationRecorder,
  toDeliveryRow,
} from '../record/notification-recorder.ts';
import { type Target, toChannelKey } from '../routing/notification-target.ts';
import { ChannelLimiter } from './channel-limiter.ts';
import { type Delivery, getDeliveryThreadKey } from './delivery.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { NotificationJournal } from './notification-journal.ts';

export interface DelivererOptions {
  readonly journal: NotificationJournal;
  readonly threads: NotificationThreadStore;
  readonly recorder: NotificationRecorder;
  /** The channel that reaches a target, or why there is none any more. */
  readonly resolveChannel: (target: Target) => Channel | UnavailableChannel;
  readonly getReceiver: (name: string) => Receiver | undefined;
  /** The message as it is sent now. */
  readonly prepareMessage: (message: Message) => Message;
  readonly attemptTimeoutMs: number;
  readonly circuitBreakMs: number;
  readonly now: () => number;
  readonly random: () => number;
}

const DELIVERY_KIND = 'd';
const DELIVERY_KEY_PREFIX = `${DELIVERY_KIND}:`;
/** A broken channel is asked about again at least so often. */
const MIN_WAIT_MS = 20;

/** Brings messages to their targets, however often it takes within their deadline. */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #limiters = new Map<string, { lane: ChannelLimiter; queues: KeyedQueue<Delivery> }>();
  #ended: Delivery[] = [];
  #forgetting: Promise<void> | undefined;
  #closed = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Notes a message that was decided. It is on its way with `send`, once the journal is on disk. */
  persist(delivery: Delivery): void {
    this.#options.journal.put(DELIVERY_KEY_PREFIX + delivery.id, delivery);
  }

  send(delivery: Delivery): void {
    this.#getLimiter(delivery.target).queues.add(getDeliveryThreadKey(delivery), delivery);
  }

  /** Goes on with what the process before has left. @returns how many messages */
  resume(): number {
    const left = this.#options.journal.entries(DELIVERY_KIND).map(([, value]) => value as Delivery);
    for (const delivery of left) {
      if (delivery.end) this.#recordEnd(delivery);
      else this.send(this.#recordInterruption(delivery));
    }
    return left.length;
  }

  /** Says so where nobody knows what became of the last attempt. */
  #recordInterruption({ begun, ...delivery }: Delivery): Delivery {
    if (!begun) return delivery;
    const noted = this.#recordAttempt(delivery, createInterruptedResult(begun));
    this.#options.journal.put(DELIVERY_KEY_PREFIX + noted.id, noted);
    return noted;
  }

  /** Begins no attempt any more; what is under way ends, or goes on with the next start. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    const busy = [...this.#limiters.values()].map(({ queues }) => queues.waitUntilIdle());
    await withTimeout(withinMs, Promise.all(busy), () => undefined);
    for (const { lane, queues } of this.#limiters.values()) {
      queues.close();
      lane.close();
    }
    await withTimeout(withinMs, this.#forgetting ?? Promise.resolve(), () => undefined);
  }

  #getLimiter(target: Target) {
    const key = toChannelKey(target);
    const known = this.#limiters.get(key);
    if (known) return known;
    const {
      getReceiver: receiver,
      attemptTimeoutMs: attemptMs,
      circuitBreakMs: breakMs,
      now,
    } = this.#options;
    const limit = () => receiver(target.receiver)?.limit ?? DEFAULT_LIMIT;
    const lane = new ChannelLimiter({
      limit,
      attemptTimeoutMs: attemptMs,
      circuitBreakMs: breakMs,
      now,
    });
    const queues: KeyedQueue<Delivery> = new KeyedQueue((delivery) =>
      this.#processDelivery(delivery, lane),
    );
    const made = { lane, queues };
    this.#limiters.set(key, made);
    return made;
  }

  /** @returns when to go on, and with what; undefined when the delivery has ended */
  async #processDelivery(
    delivery: Delivery,
    lane: ChannelLimiter,
  ): Promise<{ item: Delivery; waitMs: number } | undefined> {
    const { now, random, resolveChannel: open, journal, threads } = this.#options;
    if (this.#closed) return { item: delivery, waitMs: MIN_WAIT_MS };
    const message = this.#withoutNeverNotified(delivery);
    if (!message) return this.#endDelivery(delivery, createNeverNotifiedResult(delivery, now()));
    const left = delivery.deadlineMs - now();
    if (left <= 0) return this.#endDelivery(delivery, createDeadlineResult(delivery, now()));
    const { notBeforeMs, ...rest } = delivery;
    if (notBeforeMs !== undefined) {
      return { item: rest, waitMs: Math.min(Math.max(0, notBeforeMs - now()), left) };
    }
    const channel = open(delivery.target);
    if (isUnavailable(channel)) {
      return this.#endDelivery(delivery, createReceiverGoneResult(channel.reason, now()));
    }
    const { recipient } = channel;
    const barred = lane.tryAcquire();
    if (barred) {
      const { reason } = barred;
      const happened = { status: 'retrying', reason, detail: undefined, recipient, atMs: now() };
      const first = delivery.barred !== reason;
      const noted = first
        ? { ...this.#recordAttempt(delivery, happened), barred: reason }
        : delivery;
      return { item: noted, waitMs: Math.min(barred.waitMs, left) };
    }
    const begun: Delivery = { ...delivery, attempt: delivery.attempt + 1, barred: undefined };
    threads.markAttempted(begun.target, message.groupKey, getIds(message.alerts));
    // Killed at each start, it would be sent at each start: after a kill, too, it waits longer each time.
    const notBefore = now() + computeBackoffMs(begun.attempt, random());
    const under = { begun: { atMs: now(), recipient }, notBeforeMs: notBefore };
    journal.put(DELIVERY_KEY_PREFIX + begun.id, { ...begun, ...under });
    await journal.flush();
    const outcome = await lane.attempt(channel, this.#options.prepareMessage(message));
    if (outcome === undefined) {
      journal.put(DELIVERY_KEY_PREFIX + delivery.id, delivery);
      return { item: { ...begun, attempt: delivery.attempt }, waitMs: MIN_WAIT_MS };
    }
    const happened = toAttemptResult(outcome, recipient, now());
    if (outcome.status !== 'retryable') return this.#endDelivery(begun, happened);
    const waitMs = computeBackoffMs(begun.attempt, random(), outcome.retryAfterMs);
    if (now() + waitMs >= begun.deadlineMs) {
      return this.#endDelivery(begun, { ...happened, status: 'failed', reason: 'deadline' });
    }
    const noted = this.#recordAttempt(begun, happened);
    journal.put(DELIVERY_KEY_PREFIX + noted.id, { ...noted, notBeforeMs: now() + waitMs });
    return { item: noted, waitMs };
  }

  /** Of the end of alerts only who was told of them hears, or may have been. */
  #withoutNeverNotified({ message, target }: Delivery): Message | undefined {
    // A digest tells also of what has come and gone since the last.
    if (message.kind === 'digest' || message.kind === 'test') return message;
    const told = this.#options.threads.get(target, message.groupKey)?.told ?? {};
    const alerts = message.alerts.filter(
      ({ id, state }) => state !== 'resolved' || told[id]?.reached,
    );
    if (alerts.length === message.alerts.length) return message;
    return alerts.length === 0 ? undefined : { ...message, alerts };
  }

  #recordAttempt(delivery: Delivery, happened: AttemptResult): Delivery {
    this.#options.recorder.record(toDeliveryRow(delivery, happened));
    return { ...delivery, rows: delivery.rows + 1 };
  }

  /** From here on nothing is sent again, whenever the process ends. */
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
    const over = message.alerts.filter(({ state }) => state === 'resolved');
    threads.removeAlerts(target, message.groupKey, getIds(over));
    this.#ended.push(delivery);
    this.#forgetting ??= this.#forgetEnded().finally(() => {
      this.#forgetting = undefined;
    });
  }

  /** Forgets what has ended once its rows are safe. */
  async #forgetEnded(): Promise<void> {
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
 * Time in ms until the next attempt, after `attempts` have failed: exponential with full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), but never before the
 * other side asked for.
 *
 * @param random from 0 to 1
 */
export function computeBackoffMs(attempts: number, random: number, retryAfterMs = 0): number {
  const most = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempts - 1, 30));
  return Math.max(Math.ceil(random * most), retryAfterMs);
}

function toAttemptResult(outcome: DeliveryOutcome, recipient: string, atMs: number): AttemptResult {
  if (outcome.status === 'delivered') {
    return { status: 'delivered', reason: 'delivered', detail: outcome.detail, recipient, atMs };
  }
  const { status, reason: detail } = outcome;
  const became = status === 'retryable' ? 'retrying' : 'failed';
  return { status: became, reason: status, detail, recipient, atMs };
}

/** A process ended in the middle of an attempt: nobody knows what became of it. */
function createInterruptedResult({
  atMs,
  recipient,
}: NonNullable<Delivery['begun']>): AttemptResult {
  const detail = 'the process ended during this attempt: it may have arrived, and is sent again';
  return { status: 'retrying', reason: 'interrupted', detail, recipient, atMs };
}

function createDeadlineResult({ attempt }: Delivery, atMs: number): AttemptResult {
  const detail = attempt === 0 ? 'no attempt could be made in time' : 'the last attempt failed';
  return { status: 'failed', reason: 'deadline', detail, recipient: '', atMs };
}

function createNeverNotifiedResult({ message }: Delivery, atMs: number): AttemptResult {
  const detail = `nothing was sent when ${message.alerts.length === 1 ? 'it' : 'they'} fired`;
  return { status: 'suppressed', reason: 'never_told', detail, recipient: '', atMs };
}

function createReceiverGoneResult(detail: string, atMs: number): AttemptResult {
  return { status: 'suppressed', reason: 'receiver_gone', detail, recipient: '', atMs };
}
