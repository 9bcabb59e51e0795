import { createIdGenerator } from '../../../../core/schema/row-ids.ts';
import { getCurrentTenant } from '../../context/tenant-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { QueueJob } from '../job-attempts.ts';
import type { JobContext } from '../job-code.ts';
import { limitSize } from '../job-ready-times.ts';
import type { MessageAttempt, MessageAttempts } from '../message-attempts.ts';
import { formatMessageHeader, MESSAGE_HEADER } from '../message-header.ts';
import type { Publishing, PublishRecorder } from '../publish-recorder.ts';
import { toQueueTemplate } from '../queue-name-template.ts';
import { ConnectionScopeField } from './amqplib-connections.ts';
import { type AmqpMessage, readDelivery } from './amqplib-delivery.ts';
import type { AmqpConnection } from './amqplib-depth.ts';

/** Maximum number of unacknowledged or unconfirmed messages of a channel to remember. */
const MAX_MESSAGES = 20_000;

/** A channel of amqplib. */
export interface AmqpChannel {
  readonly connection: AmqpConnection;
  /** Delivery tag of the first unconfirmed message. */
  readonly lwm: number;
  readonly unconfirmed: readonly unknown[];
}

/** Fields and properties of a message that is published. amqplib creates the object for each message. */
export interface PublishFields {
  readonly exchange: unknown;
  readonly routingKey: unknown;
  readonly mandatory?: unknown;
  readonly priority?: unknown;
  readonly headers?: Record<string, unknown>;
}

/** A message that was delivered and not yet acknowledged. */
export interface Delivery {
  readonly attempt: MessageAttempt;
  /** Key in the map of redeliveries. */
  readonly key: string;
  /** Error of the consumer's code. */
  error: unknown;
}

/** A message that is being published. */
export interface PublishCall {
  readonly publishing: Publishing;
  /** Delivery tag of the confirmation. Undefined without confirmations. */
  readonly tag: number | undefined;
  /** The message in its queue, if the producer knows the queue. */
  arrival: QueueJob | undefined;
}

interface ChannelState {
  readonly scope: string;
  readonly deliveries: Map<number, Delivery>;
  readonly unconfirmed: Map<number, PublishCall>;
}

/** Stores the state of a channel on the channel. */
class ChannelField extends ExistingObject {
  #state: ChannelState;

  private constructor(channel: object, state: ChannelState) {
    super(channel);
    this.#state = state;
  }

  static find(channel: object): ChannelState | undefined {
    return #state in channel ? channel.#state : undefined;
  }

  static get(channel: AmqpChannel): ChannelState {
    const known = ChannelField.find(channel);
    if (known !== undefined) return known;
    const scope = ConnectionScopeField.get(channel.connection);
    const state = { scope, deliveries: new Map(), unconfirmed: new Map() };
    new ChannelField(channel, state);
    return state;
  }
}

/** When a message was returned to its queue. */
interface Redelivery {
  readonly attempts: number;
  readonly readyMs: number;
}

/** Why an attempt failed, if the consumer's code didn't throw. */
function createReason(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  // The stack is the agent's.
  error.stack = undefined as unknown as string;
  return error;
}

const REJECTED = createReason('MessageRejected', 'the consumer rejected the message');
const CLOSED = createReason(
  'ChannelClosed',
  'the channel was closed before the message was acknowledged',
);
const UNCONFIRMED = createReason('MessageNotConfirmed', 'the server did not confirm the message');

export interface AmqpMessagesOptions {
  readonly attempts: MessageAttempts;
  readonly publisher: PublishRecorder;
  readonly usesHeaders: boolean;
  readonly includeData: boolean;
  /** Called for each queue of a message that this process publishes or consumes. */
  readonly onQueue: (connection: AmqpConnection, scope: string, queue: string) => void;
}

/** Records the messages of channels. The methods must be called in guarded code. */
export class AmqpMessages {
  readonly #options: AmqpMessagesOptions;
  readonly #redeliveries = new Map<string, Redelivery>();
  readonly #nextId = createIdGenerator();

  constructor(options: AmqpMessagesOptions) {
    this.#options = options;
  }

  /** Starts a `publish`. */
  startPublish(channel: AmqpChannel, args: readonly unknown[], isConfirmed: boolean): PublishCall {
    const [exchange, routingKey] = args;
    const isQueue = exchange === '';
    const destination = toQueueTemplate(String(isQueue ? routingKey : exchange));
    return {
      publishing: this.#options.publisher.start(destination),
      tag: isConfirmed ? channel.lwm + channel.unconfirmed.length : undefined,
      arrival: undefined,
    };
  }

  /**
   * Adds the header to a message, and notes its arrival. With the default exchange, the routing key is the queue. With
   * others, only the consumer knows the queue. A mandatory message can be returned, so the consumer records its arrival.
   */
  addHeader(channel: AmqpChannel, call: PublishCall, fields: PublishFields): void {
    const { exchange, routingKey, mandatory, headers, priority } = fields;
    const { usesHeaders, onQueue } = this.#options;
    const { scope } = ChannelField.get(channel);
    const { destination } = call.publishing;
    const isQueue = exchange === '';
    if (isQueue && isApplicationQueue(String(routingKey))) {
      onQueue(channel.connection, scope, destination);
    }
    if (!usesHeaders || headers === undefined) return;
    const [sentMs, jobId, tenant] = [Date.now(), this.#nextId(), getCurrentTenant()];
    const hasArrived = isQueue && mandatory !== true;
    headers[MESSAGE_HEADER] = formatMessageHeader({ sentMs, id: jobId, hasArrived, tenant });
    if (!hasArrived) return;
    const level = typeof priority === 'number' ? { priority } : {};
    const names = { queueName: destination, queueScope: scope };
    call.arrival = { ...names, jobId, createdMs: sentMs, tenant, ...level };
  }

  /** Called when `publish` has returned. With confirmations, the operation lasts until the confirmation. */
  endPublish(channel: AmqpChannel, call: PublishCall): void {
    const { unconfirmed } = ChannelField.get(channel);
    if (call.tag === undefined || unconfirmed.size >= MAX_MESSAGES) this.#endPublished(call);
    else unconfirmed.set(call.tag, call);
  }

  failPublish({ publishing }: PublishCall, error: unknown): void {
    this.#options.publisher.end(publishing, { error });
  }

  /** Called for a confirmation of the server. */
  confirm(channel: AmqpChannel, tag: number, isMultiple: boolean, isRejected: boolean): void {
    const { unconfirmed } = ChannelField.find(channel) ?? {};
    for (const call of takeUpTo(unconfirmed, tag, isMultiple)) {
      if (isRejected) this.failPublish(call, UNCONFIRMED);
      else this.#endPublished(call);
    }
  }

  #endPublished({ publishing, arrival }: PublishCall): void {
    const { publisher, attempts } = this.#options;
    publisher.end(publishing);
    if (arrival) attempts.recordArrival(arrival);
  }

  /**
   * Called when a message is delivered. Removes the header.
   *
   * @param queue name in `consume` or `get`
   */
  deliver(channel: AmqpChannel, queue: unknown, message: AmqpMessage, noAck: boolean): Delivery {
    const { attempts, includeData, onQueue } = this.#options;
    const { scope, deliveries } = ChannelField.get(channel);
    const name = typeof queue === 'string' && queue !== '' ? queue : 'amq.gen';
    const queueName = toQueueTemplate(name);
    if (isApplicationQueue(name)) onQueue(channel.connection, scope, name);
    const nowMs = Date.now();
    const read = readDelivery(message, name, nowMs);
    const jobId = read.id ?? this.#nextId();
    const key = `${scope}\n${name}\n${jobId}`;
    const redelivery = this.#redeliveries.get(key);
    this.#redeliveries.delete(key);
    const job = {
      queueName,
      queueScope: scope,
      jobId,
      createdMs: read.createdMs,
      attempts: redelivery ? redelivery.attempts + 1 : read.attempts,
      priority: read.priority,
      delay: read.delay,
      tenant: read.tenant,
      ...(includeData && { data: String(message.content) }),
    };
    const readyMs = redelivery?.readyMs ?? read.readyMs;
    const attempt = attempts.start(job, { readyMs, isArrival: read.isArrival });
    const delivery = { attempt, key, error: undefined };
    const { deliveryTag } = message.fields;
    if (!noAck && deliveries.size < MAX_MESSAGES) deliveries.set(deliveryTag, delivery);
    return delivery;
  }

  /** Ends the attempt of a consumer that doesn't acknowledge messages. */
  end({ attempt }: Delivery, failure: { error: unknown } | undefined): void {
    if (failure === undefined) this.#options.attempts.complete(attempt);
    else this.#options.attempts.fail(attempt, failure.error, 'failed');
  }

  /** @param tag delivery tag, or 0 for all */
  ack(channel: AmqpChannel, tag: number, isMultiple: boolean): void {
    const { deliveries } = ChannelField.find(channel) ?? {};
    for (const { attempt } of takeUpTo(deliveries, tag, isMultiple)) {
      this.#options.attempts.complete(attempt);
    }
  }

  /** @param tag delivery tag, or 0 for all */
  reject(channel: AmqpChannel, tag: number, isMultiple: boolean, isRequeued: boolean): void {
    const { deliveries } = ChannelField.find(channel) ?? {};
    for (const each of takeUpTo(deliveries, tag, isMultiple)) {
      if (isRequeued) this.#requeue(each, REJECTED);
      else this.#options.attempts.fail(each.attempt, each.error ?? REJECTED, 'failed');
    }
  }

  /** Called when a channel is closed. The server delivers its messages again. */
  close(channel: AmqpChannel): void {
    const { deliveries, unconfirmed } = ChannelField.find(channel) ?? {};
    for (const each of takeUpTo(deliveries, 0, true)) this.#requeue(each, CLOSED);
    for (const call of takeUpTo(unconfirmed, 0, true)) this.failPublish(call, UNCONFIRMED);
  }

  #requeue({ attempt, key, error }: Delivery, reason: Error): void {
    this.#options.attempts.fail(attempt, error ?? reason, 'waiting');
    limitSize(this.#redeliveries);
    const { attempts = 1 } = attempt.job;
    this.#redeliveries.set(key, { attempts, readyMs: Date.now() });
  }
}

/** Whether the application has chosen the name of a queue. */
function isApplicationQueue(name: string): boolean {
  return !name.startsWith('amq.') && toQueueTemplate(name) === name;
}

/** Returns the job whose code handles a delivery. */
export function toJobContext({ attempt }: Delivery): JobContext {
  const { queueName, tenant } = attempt.job;
  return { queueName, tenant };
}

/**
 * Removes and returns the messages with a delivery tag.
 *
 * @param isMultiple whether this applies to lower tags too
 */
function takeUpTo<T>(messages: Map<number, T> | undefined, tag: number, isMultiple: boolean): T[] {
  if (messages === undefined) return [];
  if (!isMultiple) {
    const message = messages.get(tag);
    messages.delete(tag);
    return message === undefined ? [] : [message];
  }
  const taken: T[] = [];
  for (const [each, message] of messages) {
    // Tags are in ascending order.
    if (tag !== 0 && each > tag) break;
    messages.delete(each);
    taken.push(message);
  }
  return taken;
}
