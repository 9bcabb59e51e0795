import { DAY_MS, HOUR_MS } from '../../core/duration.ts';
import { createError, type PerfscopeError } from '../../core/perfscope-error.ts';
import { redact } from '../../core/redact.ts';
import type { ApiKeyRow } from '../../core/schema/tables/api-keys-table.ts';
import type { Row } from '../../storage/questdb/postgres-wire-reader.ts';
import { API_KEY_PREFIX } from './api-key-secret.ts';
import { isRole } from './permissions.ts';
import { type Grant, validateGrant } from './principal.ts';

/** An API key without its secret. Times are in ms since the epoch. */
export interface ApiKey extends Grant {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the secret, in hex. */
  readonly hash: string;
  readonly createdAt: number;
  /** Subject of the principal that created the key. */
  readonly author: string;
  readonly expiresAt?: number | undefined;
  readonly revokedAt?: number | undefined;
}

/** The public part of a key. Times are ISO 8601. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly organizationId: string | null;
  /** Null for all properties of the organization. */
  readonly properties: readonly string[] | null;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly author: string;
}

export interface CreateKeyRequest extends Grant {
  /** Describes the purpose of the key. */
  readonly name: string;
  /** Expiration time, in ms since the epoch. Undefined if the key doesn't expire. */
  readonly expiresAt?: number | undefined;
}

const MAX_KEY_NAME_LENGTH = 100;
const EXPIRY_UNIT_MS = { h: HOUR_MS, d: DAY_MS, w: 604_800_000, y: 31_536_000_000 } as const;
const MAX_EXPIRY_YEARS = 10;

export function toKeyView(key: ApiKey, now: number): KeyView {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    organizationId: key.organizationId ?? null,
    properties: key.properties ?? null,
    state: getKeyState(key, now),
    createdAt: new Date(key.createdAt).toISOString(),
    expiresAt: toIsoTime(key.expiresAt),
    revokedAt: toIsoTime(key.revokedAt),
    author: key.author,
  };
}

export function getKeyState({ revokedAt, expiresAt }: ApiKey, now: number): KeyView['state'] {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active';
}

/** @param id ID from the caller, who might have sent the whole key by mistake */
export function createKeyNotFoundError(id: string): PerfscopeError {
  return createError('PS_KEY_NOT_FOUND', { id: redact(id, 100) });
}

/** Returns the row for a new key. */
export function toCreatedRow(key: ApiKey): ApiKeyRow {
  return { ...toKeyColumns(key), timestamp: key.createdAt, seq: 1, state: 'active' };
}

/**
 * Returns the row for a revoked key. Its time is never earlier than the time of the key's first
 * row, even if clocks differ.
 */
export function toRevokedRow(key: ApiKey, at: number, author: string): ApiKeyRow {
  const timestamp = Math.max(at, key.createdAt);
  return { ...toKeyColumns(key), timestamp, seq: 2, state: 'revoked', author };
}

/**
 * Builds keys from rows sorted by (timestamp, seq). Invalid rows are ignored, so they give no access.
 */
export function parseKeyRows(rows: readonly Row[]): Map<string, ApiKey> {
  const keys = new Map<string, ApiKey>();
  for (const row of rows) {
    const id = String(row.id);
    const key = keys.get(id) ?? parseKeyRow(row);
    if (!key) continue;
    keys.set(id, row.state === 'active' ? key : { ...key, revokedAt: toMs(row.timestamp) ?? 0 });
  }
  return keys;
}

/** Returns the reason why a key can't be created, or undefined if the request is valid. */
export function validateKeyRequest(request: CreateKeyRequest, now: number): string | undefined {
  const { name, expiresAt } = request;
  if (name.trim() === '' || name.length > MAX_KEY_NAME_LENGTH || /\p{C}/u.test(name)) {
    return `the name must have 1 to ${MAX_KEY_NAME_LENGTH} printable characters`;
  }
  // A key pasted as a name would be visible in lists and rows.
  if (name.includes(API_KEY_PREFIX)) return 'the name looks like a key';
  if (
    expiresAt !== undefined &&
    !(expiresAt > now && expiresAt <= now + MAX_EXPIRY_YEARS * EXPIRY_UNIT_MS.y)
  ) {
    return `the expiration time must be in the future and within ${MAX_EXPIRY_YEARS} years`;
  }
  return validateGrant(request);
}

/**
 * Parses an expiration: a duration such as `90d`, `12h`, `4w`, or `1y`, or an ISO 8601 time.
 *
 * @returns ms since the epoch, or undefined if the text is invalid
 */
export function parseExpiry(text: string, now: number): number | undefined {
  const [, amount, unit] = /^(\d{1,5})([hdwy])$/.exec(text) ?? [];
  if (unit !== undefined)
    return now + Number(amount) * EXPIRY_UNIT_MS[unit as keyof typeof EXPIRY_UNIT_MS];
  const time = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

function toKeyColumns(key: ApiKey) {
  const { id, name, role, organizationId, properties, hash, expiresAt, author } = key;
  const propertiesJson = properties ? JSON.stringify(properties) : '';
  return { id, name, role, organizationId, hash, expiresAt, author, properties: propertiesJson };
}

function parseKeyRow(row: Row): ApiKey | undefined {
  const { role } = row;
  const createdAt = toMs(row.timestamp);
  const properties = parseProperties(row.properties);
  if (!isRole(role) || createdAt === undefined || properties === null) return undefined;
  return {
    role,
    createdAt,
    properties,
    id: String(row.id),
    name: String(row.name ?? ''),
    hash: String(row.hash ?? ''),
    author: String(row.author ?? ''),
    organizationId: typeof row.organization_id === 'string' ? row.organization_id : undefined,
    expiresAt: toMs(row.expires_at),
  };
}

/** @returns undefined if the column is empty; null if it's invalid */
function parseProperties(json: unknown): readonly string[] | undefined | null {
  if (json === null || json === undefined || json === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(String(json));
    const valid = Array.isArray(parsed) && parsed.every((name) => typeof name === 'string');
    return valid ? parsed : null;
  } catch {
    return null;
  }
}

function toMs(time: unknown): number | undefined {
  return time instanceof Date ? time.getTime() : undefined;
}

function toIsoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
