import type { QueueReading, QueueSource } from '../queue-gauges.ts';
import type { SqsQueueSettings } from './sqs-attempts.ts';
import { parseQueueUrl } from './sqs-queue-url.ts';

/** Each request costs money. */
const READ_INTERVAL_MS = 60_000;
const REQUEST_TIMEOUT_MS = 2000;
const ATTRIBUTES = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
  'VisibilityTimeout',
  'RedrivePolicy',
];
/** Errors after which a queue isn't read again. */
const FINAL_ERROR =
  /AccessDenied|NotAuthorized|NonExistentQueue|QueueDoesNotExist|InvalidClientTokenId/;
/** Maximum number of queues to remember. */
const MAX_QUEUES = 1000;

/** Requests the attributes of a queue through a client of the application. */
type GetQueueAttributes = (
  client: object,
  input: { QueueUrl: string; AttributeNames: readonly string[] },
  options: { abortSignal: AbortSignal },
) => Promise<{ Attributes?: Record<string, string> }>;

interface LastReading {
  readonly readMs: number;
  /** Undefined if the queue can't be read. */
  readonly readings: readonly QueueReading[] | undefined;
}

export interface SqsDepthOptions {
  readonly getAttributes: GetQueueAttributes;
  readonly isOpen: (client: object) => boolean;
  readonly onSettings: (queueUrl: string, settings: SqsQueueSettings) => void;
  /** Called for each poll, also without a request. */
  readonly onPoll: () => void;
  /** Whether to send requests. */
  readonly isEnabled: boolean;
}

/** Creates the part that reads the depth of SQS queues. It sends at most one request per queue and minute. */
export function createSqsDepth(options: SqsDepthOptions): QueueSource<object> {
  const lastReadings = new Map<string, LastReading>();
  return {
    system: 'aws_sqs',
    isOpen: options.isOpen,
    forget: (queueUrl) => void lastReadings.delete(queueUrl),
    async read(client, queueUrl) {
      options.onPoll();
      if (!options.isEnabled) return [];
      const last = lastReadings.get(queueUrl);
      const nowMs = performance.now();
      if (last && (last.readings === undefined || nowMs - last.readMs < READ_INTERVAL_MS))
        return last.readings ?? [];
      if (!last && lastReadings.size >= MAX_QUEUES) return [];
      try {
        const readings = await readQueue(client, queueUrl, options);
        lastReadings.set(queueUrl, { readMs: nowMs, readings });
        return readings;
      } catch (error) {
        if (!isFinal(error)) return undefined;
        lastReadings.set(queueUrl, { readMs: nowMs, readings: undefined });
        return [];
      }
    },
  };
}

async function readQueue(
  client: object,
  queueUrl: string,
  { getAttributes, onSettings }: SqsDepthOptions,
): Promise<readonly QueueReading[]> {
  const input = { QueueUrl: queueUrl, AttributeNames: ATTRIBUTES };
  const abortSignal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  const { Attributes: attributes = {} } = await getAttributes(client, input, { abortSignal });
  const get = (name: string) => Number(attributes[name] ?? 0);
  onSettings(queueUrl, {
    visibilityTimeout: attributes.VisibilityTimeout ? get('VisibilityTimeout') : undefined,
    maxReceiveCount: parseMaxReceiveCount(attributes.RedrivePolicy),
  });
  const { name, scope } = parseQueueUrl(queueUrl);
  const counts = new Map([
    ['waiting', get('ApproximateNumberOfMessages')],
    ['active', get('ApproximateNumberOfMessagesNotVisible')],
    ['delayed', get('ApproximateNumberOfMessagesDelayed')],
  ]);
  return [{ name, scope, counts }];
}

function parseMaxReceiveCount(policy: string | undefined): number | undefined {
  const [, count] = /"maxReceiveCount"\s*:\s*"?(\d+)/.exec(policy ?? '') ?? [];
  return count === undefined ? undefined : Number(count);
}

function isFinal(error: unknown): boolean {
  const { name, Code, code } = (error ?? {}) as { name?: unknown; Code?: unknown; code?: unknown };
  return [name, Code, code].some((text) => typeof text === 'string' && FINAL_ERROR.test(text));
}
