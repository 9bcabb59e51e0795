import { DAY_MS, HOUR_MS } from '../../core/duration.ts';
import { createError, type PerfscopeError } from '../../core/errors.ts';
import { redact } from '../../core/redact.ts';
import type { ApiKeyRow } from '../../core/schema/tables/api-keys-table.ts';
import type { Row } from '../../storage/questdb/questdb-reader.ts';
import { API_KEY_PREFIX } from './api-key-secret.ts';
import { type Grant, validateGrant } from './principal.ts';
import { isRole } from './roles.ts';

/** All that is known of a key. Times are ms since the epoch. */
export interface ApiKey extends Grant {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of its secret in hex. */
  readonly hash: string;
  readonly createdAt: number;
  /** Who made it. */
  readonly author: string;
  readonly expiresAt?: number | undefined;
  readonly revokedAt?: number | undefined;
}

/** What may be shown of a key. Times are ISO 8601. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly organizationId: string | null;
  /** Null: all of the organization. */
  readonly properties: readonly string[] | null;
  readonly state: 'active' | 'expired' | 'revoked';
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly author: string;
}

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

/** @param id as it was given: somebody may have taken the whole key for its id */
export function createKeyNotFoundError(id: string): PerfscopeError {
  return createError('PS_KEY_NOT_FOUND', { id: redact(id, 100) });
}

/** The row that tells of a new key. */
export function toCreatedRow(key: ApiKey): ApiKeyRow {
  return { ...toKeyColumns(key), timestamp: key.createdAt, seq: 1, state: 'active' };
}

/** The row that tells of its end; its time is never before the first row's, whatever a clock says. */
export function toRevokedRow(key: ApiKey, at: number, author: string): ApiKeyRow {
  const timestamp = Math.max(at, key.createdAt);
  return { ...toKeyColumns(key), timestamp, seq: 2, state: 'revoked', author };
}

/**
 * The keys of all rows, which come in the order of (timestamp, seq). A row that makes no sense is
 * left out: nobody gets in by it.
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

function toKeyColumns(key: ApiKey) {
  const { id, name, role, organizationId, properties, hash, expiresAt, author } = key;
  const list = properties ? JSON.stringify(properties) : '';
  return { id, name, role, organizationId, hash, expiresAt, author, properties: list };
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

/** @returns null when it can't be read */
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

/** What somebody wants a key for. */
export interface CreateKeyRequest extends Grant {
  /** For people: what the key is for. */
  readonly name: string;
  /** ms since the epoch; undefined: never. */
  readonly expiresAt?: number | undefined;
}

/** Keys that are neither revoked nor expired. Every server holds all of them in memory. */
const MAX_ACTIVE_KEYS = 1000;
const MAX_KEY_NAME_LENGTH = 100;
const EXPIRY_UNIT_MS = { h: HOUR_MS, d: DAY_MS, w: 604_800_000, y: 31_536_000_000 } as const;
const MAX_EXPIRY_YEARS = 10;

/** Why such a key is not made; undefined when it can be. */
export function validateKeyRequest(
  request: CreateKeyRequest,
  activeKeys: number,
  now: number,
): string | undefined {
  const { name, expiresAt } = request;
  if (activeKeys >= MAX_ACTIVE_KEYS)
    return `there are ${MAX_ACTIVE_KEYS} keys already; revoke some`;
  if (name.trim() === '' || name.length > MAX_KEY_NAME_LENGTH || /\p{C}/u.test(name)) {
    return `its name must be 1 to ${MAX_KEY_NAME_LENGTH} printable characters`;
  }
  // Somebody has pasted a key where its name belongs: it would stand in rows and lists.
  if (name.includes(API_KEY_PREFIX)) return 'its name looks like a key';
  if (
    expiresAt !== undefined &&
    !(expiresAt > now && expiresAt <= now + MAX_EXPIRY_YEARS * EXPIRY_UNIT_MS.y)
  ) {
    return `it must expire in the future, and within ${MAX_EXPIRY_YEARS} years`;
  }
  return validateGrant(request);
}

/**
 * The moment that `90d`, `12h`, `4w`, `1y`, or an ISO 8601 time names, in ms since the epoch.
 *
 * @returns undefined when it names none
 */
export function parseExpiry(text: string, now: number): number | undefined {
  const [, amount, unit] = /^(\d{1,5})([hdwy])$/.exec(text) ?? [];
  if (unit !== undefined)
    return now + Number(amount) * EXPIRY_UNIT_MS[unit as keyof typeof EXPIRY_UNIT_MS];
  const time = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
