import { coded, type PerfscopeError } from '../errors.ts';
import type { Row } from '../questdb/reader.ts';
import type { ApiKeyRow } from '../schema/api-keys.ts';
import { scrub } from '../schema/scrub.ts';
import type { Grant } from './principal.ts';
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

export function viewOf(key: ApiKey, now: number): KeyView {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    organizationId: key.organizationId ?? null,
    properties: key.properties ?? null,
    state: stateOf(key, now),
    createdAt: new Date(key.createdAt).toISOString(),
    expiresAt: isoOf(key.expiresAt),
    revokedAt: isoOf(key.revokedAt),
    author: key.author,
  };
}

export function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): KeyView['state'] {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active';
}

/** @param id as it was given: somebody may have taken the whole key for its id */
export function noSuchKey(id: string): PerfscopeError {
  return coded('PS_KEY_NOT_FOUND', { id: scrub(id, 100) });
}

/** The row that tells of a new key. */
export function madeRow(key: ApiKey): ApiKeyRow {
  return { ...columnsOf(key), timestamp: key.createdAt, seq: 1, state: 'active' };
}

/** The row that tells of its end; its time is never before the first row's, whatever a clock says. */
export function revokedRow(key: ApiKey, at: number, author: string): ApiKeyRow {
  const timestamp = Math.max(at, key.createdAt);
  return { ...columnsOf(key), timestamp, seq: 2, state: 'revoked', author };
}

/**
 * The keys of all rows, which come in the order of (timestamp, seq). A row that makes no sense is
 * left out: nobody gets in by it.
 */
export function keysOf(rows: readonly Row[]): Map<string, ApiKey> {
  const keys = new Map<string, ApiKey>();
  for (const row of rows) {
    const id = String(row.id);
    const key = keys.get(id) ?? keyOf(row);
    if (!key) continue;
    keys.set(id, row.state === 'active' ? key : { ...key, revokedAt: msOf(row.timestamp) ?? 0 });
  }
  return keys;
}

function columnsOf(key: ApiKey) {
  const { id, name, role, organizationId, properties, hash, expiresAt, author } = key;
  const list = properties ? JSON.stringify(properties) : '';
  return { id, name, role, organizationId, hash, expiresAt, author, properties: list };
}

function keyOf(row: Row): ApiKey | undefined {
  const { role } = row;
  const createdAt = msOf(row.timestamp);
  const properties = propertiesOf(row.properties);
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
    expiresAt: msOf(row.expires_at),
  };
}

/** @returns null when it can't be read */
function propertiesOf(json: unknown): readonly string[] | undefined | null {
  if (json === null || json === undefined || json === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(String(json));
    const valid = Array.isArray(parsed) && parsed.every((name) => typeof name === 'string');
    return valid ? parsed : null;
  } catch {
    return null;
  }
}

function msOf(time: unknown): number | undefined {
  return time instanceof Date ? time.getTime() : undefined;
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
