import { type JobAttempt, JobAttempts, type QueueJob } from '../job-attempts.ts';
import { limitSize } from '../job-ready-times.ts';
import type { QueueRecorder } from '../queue-recorder.ts';
import type { MessageHeader, SqsMessage } from './sqs-messages.ts';
import { parseQueueUrl } from './sqs-queue-url.ts';

/** Maximum visibility timeout of SQS. Used until the timeout of a queue is known. */
const MAX_VISIBILITY_S = 12 * 3600;
/** A clock of a producer that differs by more than this from the clock of SQS isn't used. */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;

/** Checking all open attempts takes about 1 ms. */
const EXPIRE_INTERVAL_MS = 1000;

/** Settings of a queue that SQS reports. */
export interface SqsQueueSettings {
  /** Default visibility timeout in seconds. */
  readonly visibilityTimeout?: number | undefined;
  /** Number of receives after which SQS moves a message to the dead letter queue. */
  readonly maxReceiveCount?: number | undefined;
}

interface OpenAttempt {
  readonly attempt: JobAttempt;
  readonly queueUrl: string;
  readonly messageKey: string;
  /** Own visibility timeout of the attempt in ms. Undefined if the queue's applies. */
  timeoutMs: number | undefined;
  /** When the timeout started, in ms from `performance.now()`. */
  timeoutStartMs: number;
}

/**
 * Records the attempts to process SQS messages, from the receive to the delete. SQS has no handlers, so the visibility
 * timeout shows that an attempt failed. Receipt handles are stored only as hashes.
 */
export class SqsAttempts {
  readonly #attempts: JobAttempts;
  /** Open attempts by the hash of the receipt handle, oldest first. */
  readonly #open = new Map<string, OpenAttempt>();
  /** Hash of the last receipt handle of each message. */
  readonly #handles = new Map<string, string>();
  /** When messages became visible again, in ms since the epoch. */
  readonly #readyTimes = new Map<string, number>();
  readonly #settings = new Map<string, SqsQueueSettings>();
  /** When the open attempts were last checked, in ms from `performance.now()`. */
  #expireMs = Number.NEGATIVE_INFINITY;

  constructor(recorder: QueueRecorder) {
    this.#attempts = new JobAttempts(recorder);
  }

  /** Stores what SQS reports about a queue. */
  setSettings(queueUrl: string, settings: SqsQueueSettings): void {
    limitSize(this.#settings);
    this.#settings.set(queueUrl, settings);
  }

  /** Records the arrival of a message whose header contains `sentMs`, so that its consumer records the same row. */
  recordSent(
    queueUrl: string,
    message: SqsMessage,
    messageId: string,
    header: MessageHeader,
  ): void {
    const { DelaySeconds = 0, MessageBody: data } = message;
    const { name: queueName, scope: queueScope } = parseQueueUrl(queueUrl);
    const { tenant, sentMs: createdMs } = header;
    const job = { queueName, queueScope, jobId: messageId, createdMs, attempts: 0, tenant, data };
    if (DelaySeconds > 0)
      this.#attempts.recordArrival({ ...job, delay: DelaySeconds * 1000 }, 'delayed');
    else this.#attempts.recordArrival(job);
  }

  /**
   * Records that an attempt starts.
   *
   * @param visibilityTimeout timeout of the request in seconds. Default: the queue's timeout.
   */
  start(
    queueUrl: string,
    message: SqsMessage,
    header: MessageHeader,
    visibilityTimeout: number | undefined,
  ): void {
    const { MessageId: jobId = '', ReceiptHandle: handle, Attributes = {}, Body: data } = message;
    if (handle === undefined) return;
    const { name: queueName, scope: queueScope } = parseQueueUrl(queueUrl);
    const messageKey = `${queueUrl}\n${jobId}`;
    // The visibility timeout of the last attempt has expired.
    const lastHandle = this.#handles.get(messageKey);
    if (lastHandle !== undefined) this.#fail(lastHandle, EXPIRED);
    const count = toNumber(Attributes.ApproximateReceiveCount) ?? 1;
    const sqsMs = toNumber(Attributes.SentTimestamp);
    const { maxReceiveCount } = this.#settings.get(queueUrl) ?? {};
    const job: QueueJob = {
      queueName,
      queueScope,
      jobId,
      createdMs: chooseCreatedMs(header.sentMs, sqsMs),
      attempts: count,
      maxAttempts: maxReceiveCount,
      tenant: header.tenant,
      data,
    };
    if (count === 1 && job.createdMs !== undefined)
      this.#attempts.recordArrival({ ...job, attempts: 0, maxAttempts: undefined });
    const readyMs = count === 1 ? sqsMs : this.#readyTimes.get(messageKey);
    this.#readyTimes.delete(messageKey);
    const attempt = this.#attempts.start(job, readyMs);
    const key = hashHandle(handle);
    limitSize(this.#open);
    limitSize(this.#handles);
    const timeoutMs = visibilityTimeout === undefined ? undefined : visibilityTimeout * 1000;
    const timeoutStartMs = attempt.startMs;
    this.#open.set(key, { attempt, queueUrl, messageKey, timeoutMs, timeoutStartMs });
    this.#handles.delete(messageKey);
    this.#handles.set(messageKey, key);
  }

  /** Records that the application deleted a message. */
  complete(handle: string | undefined): void {
    if (handle === undefined) return;
    const open = this.#take(hashHandle(handle));
    if (open) this.#attempts.complete(open.attempt);
  }

  /** Records a change of the visibility timeout. With 0 seconds, the message is returned to the queue. */
  changeVisibility(handle: string | undefined, seconds: number | undefined): void {
    if (handle === undefined || seconds === undefined) return;
    const key = hashHandle(handle);
    const open = this.#open.get(key);
    if (!open) return;
    if (seconds <= 0) {
      this.#fail(key, RETURNED);
      return;
    }
    open.timeoutMs = seconds * 1000;
    open.timeoutStartMs = performance.now();
  }

  /** Ends the attempts whose visibility timeout has expired. Does nothing if the last call was less than 1 s ago. */
  expire(): void {
    const nowMs = performance.now();
    if (nowMs < this.#expireMs + EXPIRE_INTERVAL_MS) return;
    this.#expireMs = nowMs;
    for (const [key, open] of this.#open) {
      const { visibilityTimeout = MAX_VISIBILITY_S } = this.#settings.get(open.queueUrl) ?? {};
      const timeoutMs = open.timeoutMs ?? visibilityTimeout * 1000;
      if (nowMs >= open.timeoutStartMs + timeoutMs) this.#fail(key, EXPIRED);
    }
  }

  #fail(key: string, message: string): void {
    const open = this.#take(key);
    if (!open) return;
    const { attempt, messageKey } = open;
    limitSize(this.#readyTimes);
    this.#readyTimes.set(messageKey, Date.now());
    const { attempts = 1 } = attempt.job;
    const { maxReceiveCount = Number.POSITIVE_INFINITY } = this.#settings.get(open.queueUrl) ?? {};
    this.#attempts.fail(attempt, message, attempts >= maxReceiveCount ? 'failed' : 'waiting');
  }

  #take(key: string): OpenAttempt | undefined {
    const open = this.#open.get(key);
    if (!open) return undefined;
    this.#open.delete(key);
    if (this.#handles.get(open.messageKey) === key) this.#handles.delete(open.messageKey);
    return open;
  }
}

const EXPIRED = 'The visibility timeout expired.';
const RETURNED = 'The message was returned to the queue.';

/**
 * Returns when a message was sent. Its producer records the arrival with the time in the header. Another program can copy
 * an old header into a new message.
 */
function chooseCreatedMs(headerMs: number | undefined, sqsMs: number | undefined) {
  if (headerMs === undefined || sqsMs === undefined) return headerMs ?? sqsMs;
  return Math.abs(headerMs - sqsMs) <= MAX_CLOCK_DIFFERENCE_MS ? headerMs : sqsMs;
}

function hashHandle(handle: string): string {
  // Loaded on first use, because it takes a few ms.
  return process.getBuiltinModule('node:crypto').createHash('sha1').update(handle).digest('base64');
}

function toNumber(text: string | undefined): number | undefined {
  const number = Number(text);
  return text === undefined || Number.isNaN(number) ? undefined : number;
}
