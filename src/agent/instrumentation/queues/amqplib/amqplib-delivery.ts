import type { Tenant } from '../../context/tenant-context.ts';
import { toArrivalMs } from '../message-attempts.ts';
import { MESSAGE_HEADER, parseMessageHeader } from '../message-header.ts';
import { toQueueTemplate } from '../queue-name-template.ts';

const MAX_ID_LENGTH = 128;

/** A message that amqplib delivers. amqplib creates the object for each delivery. */
export interface AmqpMessage {
  readonly fields: {
    readonly deliveryTag: number;
    readonly redelivered?: boolean;
    readonly exchange?: string;
    readonly routingKey?: string;
  };
  readonly properties: {
    readonly headers?: Record<string, unknown> | undefined;
    readonly messageId?: unknown;
    readonly priority?: unknown;
  };
  readonly content?: unknown;
}

/** What a delivery shows about its message. */
interface ReadDelivery {
  /** ID of the message. Undefined if it has none. */
  readonly id: string | undefined;
  readonly createdMs: number | undefined;
  /** When the message became ready, in ms since the epoch. Undefined if unknown. */
  readonly readyMs: number | undefined;
  /** Whether the producer hasn't recorded the arrival of the message in this queue. */
  readonly isArrival: boolean;
  /** Number of attempts, including this one. */
  readonly attempts: number;
  readonly priority: number | undefined;
  readonly delay: number | undefined;
  readonly tenant: Tenant | undefined;
}

/** An entry of the header `x-death`: how often a queue has dead-lettered the message. */
interface Death {
  readonly queue?: unknown;
  readonly count?: unknown;
  readonly time?: { readonly value?: unknown };
}

/**
 * Reads a delivery, and removes the agent's header from the message.
 *
 * @param queue name of the queue
 */
export function readDelivery(message: AmqpMessage, queue: string, nowMs: number): ReadDelivery {
  const { fields, properties } = message;
  const { headers = {}, messageId, priority } = properties;
  const origin = parseMessageHeader(headers[MESSAGE_HEADER], nowMs);
  delete headers[MESSAGE_HEADER];
  const { redelivered = false, exchange, routingKey = '' } = fields;
  const deaths: readonly Death[] = Array.isArray(headers['x-death']) ? headers['x-death'] : [];
  const isDead = deaths.length > 0;
  const isFromProducer =
    exchange === '' && !isDead && toQueueTemplate(routingKey) === toQueueTemplate(queue);
  // A negative delay was already applied.
  const delay = Math.abs(toCount(headers['x-delay'])) || undefined;
  const sentMs = origin?.sentMs === undefined ? undefined : origin.sentMs + (delay ?? 0);
  const arrivalMs = toArrivalMs(isDead ? toDeathMs(deaths) : sentMs, nowMs);
  const deliveries = Math.max(toCount(headers['x-delivery-count']), redelivered ? 1 : 0);
  const isTextId = typeof messageId === 'string' && messageId.length <= MAX_ID_LENGTH;
  return {
    id: origin?.id ?? (isTextId && messageId !== '' ? messageId : undefined),
    createdMs: arrivalMs,
    readyMs: redelivered || isDead ? undefined : arrivalMs,
    isArrival: !redelivered && !(origin?.hasArrived === true && isFromProducer),
    attempts: 1 + deliveries + countDeaths(deaths, queue),
    priority: typeof priority === 'number' ? priority : undefined,
    delay,
    tenant: origin?.tenant,
  };
}

/** Returns how often the queue has dead-lettered the message. */
function countDeaths(deaths: readonly Death[], queue: string): number {
  return deaths
    .filter((death) => death?.queue === queue)
    .reduce((sum, { count }) => sum + toCount(count), 0);
}

/** Returns when the message was dead-lettered. The newest entry comes first, and has the time in seconds. */
function toDeathMs([newest]: readonly Death[]): number | undefined {
  const { value } = newest?.time ?? {};
  return typeof value === 'number' ? value * 1000 : undefined;
}

function toCount(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}
