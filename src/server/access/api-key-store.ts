import { DAY_MS } from '../../core/duration.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { Role } from '../../core/person-and-roles.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import type { ReadRows } from '../../storage/questdb/postgres-wire-reader.ts';
import { StateTableCache } from '../../storage/questdb/state-table-cache.ts';
import { fromTable, sql } from '../../storage/sql/sql-builder.ts';
import {
  type ApiKey,
  type CreateKeyRequest,
  createKeyNotFoundError,
  getKeyState,
  parseKeyRows,
  toCreatedRow,
  toRevokedRow,
  validateKeyRequest,
} from './api-key-record.ts';
import {
  generateApiKey,
  isMatchingSecret,
  parseApiKey,
  toGeneratedApiKey,
} from './api-key-secret.ts';
import type { AuditLogger } from './audit-logger.ts';
import { assertWithinQuota, type OwnedObject, type Quota } from './quota.ts';

/** How long the last loaded keys stay valid while QuestDB doesn't respond. */
const MAX_STALENESS_MS = 60_000;
/**
 * How long loaded INGEST keys stay valid while QuestDB doesn't respond. Services can't buffer
 * measurements for hours, and a revoked key can only add data to its own organization. Data loss
 * would be worse.
 */
const MAX_INGEST_STALENESS_MS = DAY_MS;

/**
 * Keys that are neither revoked nor expired. Every server keeps them in memory. The limit per key
 * doesn't apply to administrators of all tenants.
 */
const ACTIVE_KEY_QUOTA: Quota = {
  what: 'active keys',
  perKey: 50,
  perOrganization: 100,
  perServer: 1000,
};
/** Revoked and expired keys stay stored, so the number of new keys is limited too. */
const NEW_KEY_QUOTA: Quota = {
  what: 'new keys within 24 hours',
  perKey: 200,
  perOrganization: 400,
  perServer: 4000,
};

/**
 * Returns whether keys loaded at `readAt` are recent enough to check a key. Without this limit, a
 * server that can't reach QuestDB would accept a revoked key forever.
 *
 * @param role undefined if the key isn't among the loaded keys
 */
export function isKeyDataFresh(
  role: Role | undefined,
  readAt: number | undefined,
  now: number,
): boolean {
  if (readAt === undefined) return false;
  // If `readAt` is in the future, the clock was set back and the age is unknown.
  return Math.abs(now - readAt) <= (role === 'INGEST' ? MAX_INGEST_STALENESS_MS : MAX_STALENESS_MS);
}

export interface ApiKeyStoreOptions {
  /** Should use a dedicated connection, so that slow queries don't delay refreshes. */
  readonly read: ReadRows;
  readonly add: AddRows;
  /** Resolves when all added rows are stored. */
  readonly flush: () => Promise<void>;
  readonly audit: AuditLogger;
  readonly now?: () => number;
}

/** Author of a change, for the audit log. */
export interface Actor {
  /** Subject of a principal, or the user of the command line. */
  readonly author: string;
  readonly address?: string | undefined;
  /** Organization that the author is limited to. Undefined for administrators of all tenants. */
  readonly organizationId?: string | undefined;
}

/** A valid key, or the reason why the key was rejected or can't be checked right now. */
export type ApiKeyCheckResult = { key: ApiKey } | { rejected: string } | { unavailable: string };

const ALL_KEYS_QUERY = sql`SELECT timestamp, id, state, name, role, organization_id, properties, hash,
  expires_at, author ${fromTable('api_keys')} ORDER BY timestamp, seq`;

/** Creates, checks, lists, and revokes the API keys of the installation. */
export class ApiKeyStore {
  readonly #options: ApiKeyStoreOptions;
  readonly #now: () => number;
  readonly #cache: StateTableCache<ApiKey>;
  /** Keys that are being stored. They count toward the quotas. */
  readonly #pending = new Set<ApiKey>();

  constructor(options: ApiKeyStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#cache = new StateTableCache({
      read: options.read,
      now: this.#now,
      table: 'api_keys',
      selectAll: ALL_KEYS_QUERY,
      parseRows: parseKeyRows,
      isStored: (own, stored) => own.revokedAt === undefined || stored.revokedAt !== undefined,
    });
  }

  /** Loads all keys. @throws PS_UNAVAILABLE if QuestDB doesn't respond */
  load(): Promise<void> {
    return this.#cache.refresh();
  }

  /** Starts to reload the keys regularly. */
  startRefreshing(): void {
    this.#cache.startPolling();
  }

  close(): void {
    this.#cache.close();
  }

  /** Whether a key was ever created. Undefined until the keys are loaded. */
  get hasAnyKey(): boolean | undefined {
    const { values, lastReadMs } = this.#cache;
    if (values.length > 0) return true;
    return lastReadMs === undefined ? undefined : false;
  }

  /** Lists the keys in `scope`, oldest first. Returns cached keys if QuestDB doesn't respond. */
  async list({ organizations }: TenantScope): Promise<ApiKey[]> {
    await this.load().catch(() => {});
    return this.#cache.values
      .filter(
        ({ organizationId }) =>
          organizations === 'all' ||
          (organizationId !== undefined && organizations.includes(organizationId)),
      )
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Returns the loaded key with this text, even if the key is revoked or has expired. */
  find(text: string): ApiKey | undefined {
    const parsed = parseApiKey(text);
    const key = parsed && this.#cache.find(parsed.id);
    return key && isMatchingSecret(key.hash, parsed.secret) ? key : undefined;
  }

  /** Returns the loaded key with this ID, even if the key is revoked or has expired. */
  findById(id: string): ApiKey | undefined {
    return this.#cache.find(id);
  }

  /** Checks a key from a request. Never rejects. */
  async check(text: string): Promise<ApiKeyCheckResult> {
    const parsed = parseApiKey(text);
    if (!parsed) return { rejected: 'the key is incomplete or contains a typo' };
    const isFresh = () => {
      return isKeyDataFresh(this.#cache.find(parsed.id)?.role, this.#cache.lastReadMs, this.#now());
    };
    if (!this.#cache.find(parsed.id) || !isFresh()) await this.#cache.refreshThrottled();
    if (!isFresh()) {
      return { unavailable: 'keys cannot be checked because QuestDB does not respond' };
    }
    const key = this.#cache.find(parsed.id);
    if (!key || !isMatchingSecret(key.hash, parsed.secret))
      return { rejected: 'the key is unknown' };
    const state = getKeyState(key, this.#now());
    return state === 'active' ? { key } : { rejected: `the key is ${state}` };
  }

  /**
   * Creates a key. Resolves when every server can load the key.
   *
   * @param keyText the text of the new key, which must not exist yet. Default: a random key
   * @returns the key, and its text, which can't be retrieved later
   * @throws PS_KEY_INVALID if the request or `keyText` is invalid
   * @throws PS_QUOTA_REACHED if the author, the organization, or the server has too many keys
   * @throws PS_UNAVAILABLE or PS_FLUSH_TIMEOUT if QuestDB doesn't respond
   */
  async create(
    request: CreateKeyRequest,
    actor: Actor,
    keyText?: string,
  ): Promise<{ key: ApiKey; text: string }> {
    await this.load();
    const now = this.#now();
    const reason = validateKeyRequest(request, now);
    if (reason !== undefined) throw createError('PS_KEY_INVALID', { reason });
    const { text, ...generated } = keyText === undefined ? generateApiKey() : parseNew(keyText);
    const key: ApiKey = { ...request, ...generated, createdAt: now, author: actor.author };
    if (this.#cache.find(key.id)) {
      throw createError('PS_KEY_INVALID', { reason: `the key ID ${key.id} is in use` });
    }
    this.#assertWithinQuotas(key, actor, now);
    this.#pending.add(key);
    try {
      this.#options.add('api_keys', [toCreatedRow(key)]);
      this.#audit('key.create', key, actor);
      await this.#options.flush();
      this.#cache.setLocal(key.id, key);
    } finally {
      this.#pending.delete(key);
    }
    await this.#cache.waitUntilStored(key.id);
    return { key, text };
  }

  #assertWithinQuotas(key: ApiKey, { organizationId }: Actor, now: number): void {
    const keys = [...this.#cache.values, ...this.#pending];
    const active = keys.filter((other) => getKeyState(other, now) === 'active');
    const recent = keys.filter(({ createdAt }) => createdAt > now - DAY_MS);
    const author = organizationId === undefined ? undefined : key.author;
    const added = { ...toOwnedObject(key), author };
    assertWithinQuota(ACTIVE_KEY_QUOTA, active.map(toOwnedObject), added, 'Revoke unused keys');
    assertWithinQuota(NEW_KEY_QUOTA, recent.map(toOwnedObject), added, 'Reuse existing keys');
  }

  /**
   * Revokes a key permanently: immediately on this server, and on other servers at their next
   * refresh.
   *
   * @throws PS_KEY_NOT_FOUND if the key doesn't exist
   * @throws PS_UNAVAILABLE if the key isn't cached and QuestDB doesn't respond
   * @throws PS_FLUSH_TIMEOUT if the change isn't stored in time; other servers then accept the key
   *   until QuestDB is available again
   */
  async revoke(id: string, actor: Actor): Promise<ApiKey> {
    if (!this.#cache.find(id)) await this.load();
    const key = this.#cache.find(id);
    if (!key) throw createKeyNotFoundError(id);
    if (key.revokedAt !== undefined) return key;
    const row = toRevokedRow(key, this.#now(), actor.author);
    const revoked = { ...key, revokedAt: row.timestamp };
    this.#cache.setLocal(id, revoked);
    this.#options.add('api_keys', [row]);
    this.#audit('key.revoke', key, actor);
    await this.#options.flush();
    await this.#cache.waitUntilStored(id);
    return revoked;
  }

  #audit(action: string, key: ApiKey, actor: Actor): void {
    const { id: object, organizationId, name, role, properties, expiresAt } = key;
    const detail = { name, role, properties, expiresAt };
    this.#options.audit({ ...actor, action, object, organizationId, detail });
  }
}

function parseNew(keyText: string) {
  const generated = toGeneratedApiKey(keyText);
  if (generated) return generated;
  throw createError('PS_KEY_INVALID', { reason: 'the text is not a complete key' });
}

function toOwnedObject({ author, organizationId }: ApiKey): OwnedObject {
  return { author, organization: organizationId };
}
