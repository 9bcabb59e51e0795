import type { Channel, Message } from '../channel.ts';
import { LIMIT } from '../plan/defaults.ts';
import type { Receiver } from '../plan/plan.ts';
import type { Recorder } from '../record/recorder.ts';
import { deliveryRow, type Happened } from '../record/rows.ts';
import { laneKey, type Target } from '../route/target.ts';
import type { Threads } from '../route/threads.ts';
import { backOffMs } from './back-off.ts';
import { type Delivery, threadOf } from './delivery.ts';
import { gone, happenedOf, interrupted, late, neverTold } from './happened.ts';
import type { Journal } from './journal.ts';
import { Lane } from './lane.ts';
import { Queues } from './queues.ts';

export interface DelivererOptions {
  readonly journal: Journal;
  readonly threads: Threads;
  readonly recorder: Recorder;
  /** The channel that reaches a target, or why there is none any more. */
  readonly open: (target: Target) => Channel | { readonly gone: string };
  readonly receiver: (name: string) => Receiver | undefined;
  /** The message as it is sent now. */
  readonly sent: (message: Message) => Message;
  readonly attemptMs: number;
  readonly breakMs: number;
  readonly now: () => number;
  readonly random: () => number;
}

const KIND = 'd';
const PREFIX = `${KIND}:`;
/** A broken channel is asked about again at least so often. */
const LEAST_WAIT_MS = 20;

/** Brings messages to their targets, however often it takes within their deadline. */
export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #lanes = new Map<string, { lane: Lane; queues: Queues<Delivery> }>();
  #ended: Delivery[] = [];
  #settling: Promise<void> | undefined;
  #closed = false;

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Notes a message that was decided. It is on its way with `send`, once the journal is on disk. */
  keep(delivery: Delivery): void {
    this.#options.journal.put(PREFIX + delivery.id, delivery);
  }

  send(delivery: Delivery): void {
    this.#laneOf(delivery.target).queues.add(threadOf(delivery), delivery);
  }

  /** Goes on with what the process before has left. @returns how many messages */
  resume(): number {
    const left = this.#options.journal.entries(KIND).map(([, value]) => value as Delivery);
    for (const delivery of left) {
      if (delivery.end) this.#recordEnd(delivery);
      else this.send(this.#interrupted(delivery));
    }
    return left.length;
  }

  /** Says so where nobody knows what became of the last attempt. */
  #interrupted({ begun, ...delivery }: Delivery): Delivery {
    if (!begun) return delivery;
    const noted = this.#note(delivery, interrupted(begun));
    this.#options.journal.put(PREFIX + noted.id, noted);
    return noted;
  }

  /** Begins no attempt any more; what is under way ends, or goes on with the next start. */
  async close(withinMs: number): Promise<void> {
    this.#closed = true;
    const busy = [...this.#lanes.values()].map(({ queues }) => queues.idle());
    await within(withinMs, Promise.all(busy));
    for (const { lane, queues } of this.#lanes.values()) {
      queues.close();
      lane.close();
    }
    await within(withinMs, this.#settling ?? Promise.resolve());
  }

  #laneOf(target: Target) {
    const key = laneKey(target);
    const known = this.#lanes.get(key);
    if (known) return known;
    const { receiver, attemptMs, breakMs, now } = this.#options;
    const limit = () => receiver(target.receiver)?.limit ?? LIMIT;
    const lane = new Lane({ limit, attemptMs, breakMs, now });
    const queues: Queues<Delivery> = new Queues((delivery) => this.#advance(delivery, lane));
    const made = { lane, queues };
    this.#lanes.set(key, made);
    return made;
  }

  /** @returns when to go on, and with what; undefined when the delivery has ended */
  async #advance(
    delivery: Delivery,
    lane: Lane,
  ): Promise<{ item: Delivery; waitMs: number } | undefined> {
    const { now, random, open, journal, threads } = this.#options;
    if (this.#closed) return { item: delivery, waitMs: LEAST_WAIT_MS };
    const message = this.#withoutUnknown(delivery);
    if (!message) return this.#end(delivery, neverTold(delivery, now()));
    const left = delivery.deadlineMs - now();
    if (left <= 0) return this.#end(delivery, late(delivery, now()));
    const { notBeforeMs, ...rest } = delivery;
    if (notBeforeMs !== undefined) {
      return { item: rest, waitMs: Math.min(Math.max(0, notBeforeMs - now()), left) };
    }
    const channel = open(delivery.target);
    if ('gone' in channel) return this.#end(delivery, gone(channel.gone, now()));
    const { recipient } = channel;
    const barred = lane.enter();
    if (barred) {
      const { reason } = barred;
      const happened = { status: 'retrying', reason, detail: undefined, recipient, atMs: now() };
      const first = delivery.barred !== reason;
      const noted = first ? { ...this.#note(delivery, happened), barred: reason } : delivery;
      return { item: noted, waitMs: Math.min(barred.waitMs, left) };
    }
    const begun: Delivery = { ...delivery, attempt: delivery.attempt + 1, barred: undefined };
    threads.reach(begun.target, message.groupKey, idsOf(message.alerts));
    // Killed at each start, it would be sent at each start: after a kill, too, it waits longer each time.
    const notBefore = now() + backOffMs(begun.attempt, random());
    const under = { begun: { atMs: now(), recipient }, notBeforeMs: notBefore };
    journal.put(PREFIX + begun.id, { ...begun, ...under });
    await journal.flush();
    const outcome = await lane.attempt(channel, this.#options.sent(message));
    if (outcome === undefined) {
      journal.put(PREFIX + delivery.id, delivery);
      return { item: { ...begun, attempt: delivery.attempt }, waitMs: LEAST_WAIT_MS };
    }
    const happened = happenedOf(outcome, recipient, now());
    if (outcome.status !== 'retryable') return this.#end(begun, happened);
    const waitMs = backOffMs(begun.attempt, random(), outcome.retryAfterMs);
    if (now() + waitMs >= begun.deadlineMs) {
      return this.#end(begun, { ...happened, status: 'failed', reason: 'deadline' });
    }
    const noted = this.#note(begun, happened);
    journal.put(PREFIX + noted.id, { ...noted, notBeforeMs: now() + waitMs });
    return { item: noted, waitMs };
  }

  /** Of the end of alerts only who was told of them hears, or may have been. */
  #withoutUnknown({ message, target }: Delivery): Message | undefined {
    // A digest tells also of what has come and gone since the last.
    if (message.kind === 'digest' || message.kind === 'test') return message;
    const told = this.#options.threads.get(target, message.groupKey)?.told ?? {};
    const alerts = message.alerts.filter(
      ({ id, state }) => state !== 'resolved' || told[id]?.reached,
    );
    if (alerts.length === message.alerts.length) return message;
    return alerts.length === 0 ? undefined : { ...message, alerts };
  }

  #note(delivery: Delivery, happened: Happened): Delivery {
    this.#options.recorder.note(deliveryRow(delivery, happened));
    return { ...delivery, rows: delivery.rows + 1 };
  }

  /** From here on nothing is sent again, whenever the process ends. */
  async #end(delivery: Delivery, end: Happened): Promise<undefined> {
    const { journal } = this.#options;
    const ended = { ...delivery, end: end as Delivery['end'] };
    journal.put(PREFIX + ended.id, ended);
    await journal.flush();
    this.#recordEnd(ended);
    return undefined;
  }

  #recordEnd(delivery: Delivery): void {
    const { recorder, threads } = this.#options;
    const { message, target, end } = delivery;
    if (end) recorder.note(deliveryRow(delivery, end));
    const over = message.alerts.filter(({ state }) => state === 'resolved');
    threads.end(target, message.groupKey, idsOf(over));
    this.#ended.push(delivery);
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
  }

  /** Forgets what has ended once its rows are safe. */
  async #settle(): Promise<void> {
    while (this.#ended.length > 0) {
      const ended = this.#ended;
      this.#ended = [];
      await this.#options.recorder.flush();
      for (const { id } of ended) this.#options.journal.drop(PREFIX + id);
      await this.#options.journal.flush();
    }
  }
}

function idsOf(alerts: readonly { id: string }[]): string[] {
  return alerts.map(({ id }) => id);
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
