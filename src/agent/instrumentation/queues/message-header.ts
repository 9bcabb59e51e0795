import type { Tenant } from '../context/tenant-context.ts';

/** Name of the header. It exists only between the agents of the producer and the consumer. */
export const MESSAGE_HEADER = 'perfscope';

const VERSION = '1';
const MAX_LENGTH = 2048;
/** Same limit as for the tenants of requests. */
const MAX_TENANT_LENGTH = 128;
const MAX_CLOCK_AHEAD_MS = 60_000;
const ID = /^[\w-]{1,64}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern detects control characters.
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** Whether the producer recorded the arrival of the message in its queue. */
const ARRIVED = 'a';

/** What the producer's agent knows about a message. */
export interface MessageOrigin {
  /** When the message was sent, in ms since the epoch. Undefined if unknown. */
  readonly sentMs: number | undefined;
  /** Unique ID of the message. Default: none. */
  readonly id?: string | undefined;
  /** Whether the producer recorded the arrival of the message in its queue. */
  readonly hasArrived: boolean;
  readonly tenant: Tenant | undefined;
}

/** Returns the content of the header. Tenants that are too long are left out. */
export function formatMessageHeader({ sentMs, id, hasArrived, tenant }: MessageOrigin): string {
  const head = `${VERSION};${sentMs ?? ''};${id ?? ''};${hasArrived ? ARRIVED : ''}`;
  if (tenant === undefined) return head;
  const { organizationId, propertyId, userId } = tenant;
  return `${head};${encode(organizationId)};${encode(propertyId)};${encode(userId)}`;
}

/**
 * Reads the header of a message. Any program can send messages, so invalid parts are ignored.
 *
 * @param content text or bytes
 * @returns undefined if the header isn't valid
 */
export function parseMessageHeader(content: unknown, nowMs: number): MessageOrigin | undefined {
  const text = Buffer.isBuffer(content) && content.length <= MAX_LENGTH ? String(content) : content;
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined;
  const [version, sent = '', id = '', flags, ...tenantIds] = text.split(';');
  if (version !== VERSION) return undefined;
  const sentMs = /^\d{1,15}$/.test(sent) ? Number(sent) : Number.NaN;
  return {
    sentMs: sentMs <= nowMs + MAX_CLOCK_AHEAD_MS ? sentMs : undefined,
    id: ID.test(id) ? id : undefined,
    hasArrived: flags === ARRIVED,
    tenant: tenantIds.length === 3 ? toTenant(tenantIds.map(decode)) : undefined,
  };
}

function toTenant([organizationId, propertyId, userId]: (string | undefined)[]) {
  const isKnown = (organizationId ?? propertyId ?? userId) !== undefined;
  return isKnown ? { organizationId, propertyId, userId } : undefined;
}

function encode(id: string | undefined): string {
  return id === undefined || !isValid(id) ? '' : encodeURIComponent(id.toWellFormed());
}

function decode(text: string): string | undefined {
  try {
    const id = decodeURIComponent(text);
    return isValid(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

function isValid(id: string): boolean {
  return id !== '' && id.length <= MAX_TENANT_LENGTH && !CONTROL_CHARACTERS.test(id);
}
