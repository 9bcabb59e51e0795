import type { Tenant } from '../../context/tenant-context.ts';
import type { QueueJob } from '../job-attempts.ts';
import type { JobContext } from '../job-code.ts';
import { limitSize } from '../job-ready-times.ts';
import {
  type AttemptOptions,
  type MessageAttempt,
  type MessageAttempts,
  toArrivalMs,
} from '../message-attempts.ts';
import { MESSAGE_HEADER, parseMessageHeader } from '../message-header.ts';
import { toQueueTemplate } from '../queue-name-template.ts';
import { formatKafkaScope, type KafkaConsumerGroup } from './kafkajs-cluster.ts';

/** A message that kafkajs has fetched. */
export interface KafkaMessage {
  readonly offset: string;
  readonly timestamp?: string;
  readonly value?: unknown;
  readonly headers?: Record<string, unknown>;
}

/** Messages of one partition. */
export interface KafkaBatch {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
}

/** How far a consumer is in a partition. */
interface Position {
  /** Highest offset that was processed, or -1. */
  highest: number;
  /** Offset whose last attempt failed, or -1. */
  failed: number;
  /** Number of attempts of the failed offset. */
  attempts: number;
  /** When the last attempt failed, in ms since the epoch. */
  failedMs: number;
}

/** A message whose attempt can be recorded. */
interface ReceivedMessage {
  readonly job: QueueJob;
  readonly options: AttemptOptions;
  readonly position: Position;
  readonly offset: number;
}

/** An attempt of one message. */
export interface KafkaAttempt extends ReceivedMessage {
  readonly attempt: MessageAttempt;
  readonly key: string;
}

/** Records the messages of one consumer. The methods must be called in guarded code. */
export class KafkaMessages {
  readonly #attempts: MessageAttempts;
  readonly #includeData: boolean;
  readonly #group: string;
  readonly #scope: string;
  readonly #positions = new Map<string, Position>();
  /** When the messages in progress were sent, in ms since the epoch, by partition. */
  readonly #inProgress = new Map<string, number>();

  constructor(attempts: MessageAttempts, includeData: boolean, group: KafkaConsumerGroup) {
    this.#attempts = attempts;
    this.#includeData = includeData;
    this.#group = group.groupId;
    this.#scope = formatKafkaScope(group);
  }

  /** `<group>@<broker>/` */
  get scope(): string {
    return this.#scope;
  }

  /** Name of the consumer group. */
  get group(): string {
    return this.#group;
  }

  /** Starts the attempt of a message. */
  start(topic: string, partition: number, message: KafkaMessage): KafkaAttempt {
    const received = this.#receive(topic, partition, message);
    const { job, options } = received;
    const key = toPartitionKey(topic, partition);
    this.#setInProgress(key, message);
    return { ...received, key, attempt: this.#attempts.start(job, options) };
  }

  complete({ attempt, position, offset, key }: KafkaAttempt): void {
    this.#inProgress.delete(key);
    this.#attempts.complete(attempt);
    advance(position, offset);
  }

  /** The consumer fetches the message again. */
  fail({ attempt, position, offset, key }: KafkaAttempt, error: unknown): void {
    this.#inProgress.delete(key);
    this.#attempts.fail(attempt, error, 'waiting');
    noteFailure(position, offset, attempt.job.attempts ?? 1);
  }

  /** Starts a batch, whose messages end when their offsets are resolved. */
  startBatch(batch: KafkaBatch): BatchAttempts {
    const key = toPartitionKey(batch.topic, batch.partition);
    const [first] = batch.messages;
    if (first) this.#setInProgress(key, first);
    return new BatchAttempts(batch, {
      record: (message, durationMs, failure) => {
        const { topic, partition } = batch;
        const { job, options, position, offset } = this.#receive(topic, partition, message);
        this.#attempts.record(job, options, durationMs, failure);
        if (failure) noteFailure(position, offset, job.attempts ?? 1);
        else advance(position, offset);
      },
      onNext: (message) => {
        if (message) this.#setInProgress(key, message);
        else this.#inProgress.delete(key);
      },
    });
  }

  /** Returns when the oldest message in progress of a topic was sent, in ms since the epoch. */
  getOldestMs(topic: string): number | undefined {
    let oldestMs: number | undefined;
    for (const [key, sentMs] of this.#inProgress) {
      if (key.startsWith(`${topic}\n`)) oldestMs = Math.min(oldestMs ?? sentMs, sentMs);
    }
    return oldestMs;
  }

  #setInProgress(key: string, { timestamp }: KafkaMessage): void {
    const sentMs = Number(timestamp);
    if (!(sentMs > 0)) return;
    limitSize(this.#inProgress);
    this.#inProgress.set(key, sentMs);
  }

  /** Reads a message, and removes the agent's header. */
  #receive(topic: string, partition: number, message: KafkaMessage): ReceivedMessage {
    const nowMs = Date.now();
    const tenant = takeTenant(message, nowMs);
    const position = this.#getPosition(toPartitionKey(topic, partition));
    const offset = Number(message.offset);
    const isRetry = position.failed === offset;
    const queueName = toQueueTemplate(topic);
    const createdMs = toArrivalMs(Number(message.timestamp), nowMs);
    const job = {
      queueName,
      queueScope: this.#scope,
      jobId: `${queueName === topic ? '' : `${topic}/`}${partition}-${message.offset}`,
      createdMs,
      attempts: isRetry ? position.attempts + 1 : 1,
      tenant,
      ...(this.#includeData && { data: String(message.value) }),
    };
    const readyMs = isRetry ? position.failedMs : createdMs;
    const isArrival = !isRetry && offset > position.highest;
    return { job, options: { readyMs, isArrival }, position, offset };
  }

  #getPosition(key: string): Position {
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    limitSize(this.#positions);
    const position = { highest: -1, failed: -1, attempts: 0, failedMs: 0 };
    this.#positions.set(key, position);
    return position;
  }
}

/** What {@link BatchAttempts} records. */
interface BatchRecorder {
  readonly record: (
    message: KafkaMessage,
    durationMs: number,
    failure?: { error: unknown },
  ) => void;
  /** Called with the first message that isn't resolved, if there is one. */
  readonly onNext: (message: KafkaMessage | undefined) => void;
}

/**
 * The messages of a batch. The time between two calls of `resolveOffset` is divided equally among the messages that the
 * second call resolves.
 */
export class BatchAttempts {
  readonly #messages: readonly KafkaMessage[];
  readonly #recorder: BatchRecorder;
  /** Number of resolved messages. */
  #resolved = 0;
  #lastMs = performance.now();

  constructor({ messages }: KafkaBatch, recorder: BatchRecorder) {
    this.#messages = messages;
    this.#recorder = recorder;
  }

  /** Records the messages up to an offset. */
  resolve(offset: unknown): void {
    const last = Number(offset);
    let end = this.#resolved;
    while (end < this.#messages.length && Number(this.#messages[end]!.offset) <= last) end += 1;
    this.#recordUntil(end);
  }

  /** Called when the application's function has ended. Without automatic resolving, the others are fetched again. */
  complete(resolvesAll: boolean): void {
    if (resolvesAll) this.#recordUntil(this.#messages.length);
    this.#recorder.onNext(undefined);
  }

  /** The first message that isn't resolved has failed. Whether the function has processed the next ones is unknown. */
  fail(error: unknown): void {
    const message = this.#messages[this.#resolved];
    if (message) this.#recorder.record(message, performance.now() - this.#lastMs, { error });
    this.#recorder.onNext(undefined);
  }

  #recordUntil(end: number): void {
    const count = end - this.#resolved;
    if (count <= 0) return;
    const nowMs = performance.now();
    const durationMs = (nowMs - this.#lastMs) / count;
    this.#lastMs = nowMs;
    for (const message of this.#messages.slice(this.#resolved, end)) {
      this.#recorder.record(message, durationMs);
    }
    this.#resolved = end;
    this.#recorder.onNext(this.#messages[end]);
  }
}

export function toKafkaJobContext({ job }: KafkaAttempt): JobContext {
  return { queueName: job.queueName, tenant: job.tenant };
}

/** The tenants of messages in batches, whose headers are removed before the messages are processed. */
const tenants = new WeakMap<KafkaMessage, Tenant>();

/** Removes the agent's header from a message, and remembers the tenant. */
export function removeHeader(message: KafkaMessage, nowMs: number): void {
  const { headers } = message;
  const content = headers?.[MESSAGE_HEADER];
  if (!headers || content === undefined) return;
  delete headers[MESSAGE_HEADER];
  const tenant = parseMessageHeader(content, nowMs)?.tenant;
  if (tenant) tenants.set(message, tenant);
}

/** The message can be processed again, so the tenant is remembered. */
function takeTenant(message: KafkaMessage, nowMs: number): Tenant | undefined {
  removeHeader(message, nowMs);
  return tenants.get(message);
}

function advance(position: Position, offset: number): void {
  position.highest = Math.max(position.highest, offset);
  if (position.failed === offset) position.failed = -1;
}

function noteFailure(position: Position, offset: number, attempts: number): void {
  position.highest = Math.max(position.highest, offset);
  position.failed = offset;
  position.attempts = attempts;
  position.failedMs = Date.now();
}

function toPartitionKey(topic: string, partition: number): string {
  return `${topic}\n${partition}`;
}
