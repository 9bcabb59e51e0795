import { DAY_MS } from '../../core/duration.ts';
import { createError } from '../../core/errors.ts';
import type { Role } from '../../core/people.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import type { ReadRows } from '../../storage/questdb/questdb-reader.ts';
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
import { generateApiKey, isMatchingSecret, parseApiKey } from './api-key-secret.ts';
import type { AuditLogger } from './audit-logger.ts';

/** How long in ms the keys of the last look are believed while QuestDB does not answer. */
const MAX_STALENESS_MS = 60_000;
/**
 * The same for those who send measurements. A service cannot be told to keep its measurements for
 * hours, and whoever holds a key that was revoked meanwhile can only add to its own organization:
 * losing data is the greater harm.
 */
const MAX_INGEST_STALENESS_MS = DAY_MS;

/**
 * Whether what was read at `readAt` still decides about a key. Without this limit a server that is
 * cut off from QuestDB would let a revoked key in for ever.
 *
 * @param role undefined for a key that was not among those read
 */
export function isKeyDataFresh(
  role: Role | undefined,
  readAt: number | undefined,
  now: number,
): boolean {
  if (readAt === undefined) return false;
  // A look from the future: the clock was set back, and its age is not known.
  return Math.abs(now - readAt) <= (role === 'INGEST' ? MAX_INGEST_STALENESS_MS : MAX_STALENESS_MS);
}

export interface ApiKeyStoreOptions {
  /** Best over a connection of its own: behind slow queries the next look would come too late. */
  readonly read: ReadRows;
  readonly add: AddRows;
  /** Resolves when what was added is stored. */
  readonly flush: () => Promise<void>;
  readonly audit: AuditLogger;
  readonly now?: () => number;
}

/** Who changes something, for the audit log. */
export interface Actor {
  /** Subject of a principal, or who used the command line. */
  readonly author: string;
  readonly address?: string | undefined;
}

/** Whose key it is, or why it opens nothing: for good, or because nobody can tell at the moment. */
export type ApiKeyCheckResult = { key: ApiKey } | { rejected: string } | { unavailable: string };

const ALL_KEYS_QUERY = sql`SELECT timestamp, id, state, name, role, organization_id, properties, hash,
  expires_at, author ${fromTable('api_keys')} ORDER BY timestamp, seq`;

/** The keys of the installation: made, checked, listed and revoked. */
export class ApiKeyStore {
  readonly #options: ApiKeyStoreOptions;
  readonly #now: () => number;
  readonly #cache: StateTableCache<ApiKey>;

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

  /** Reads all keys. @throws PS_UNAVAILABLE */
  load(): Promise<void> {
    return this.#cache.refresh();
  }

  /** Keeps them up to date. */
  startRefreshing(): void {
    this.#cache.startPolling();
  }

  close(): void {
    this.#cache.close();
  }

  /** Whether any key was ever made; undefined while nobody knows. */
  get hasAnyKey(): boolean | undefined {
    const { values: all, lastReadMs: readAt } = this.#cache;
    if (all.length > 0) return true;
    return readAt === undefined ? undefined : false;
  }

  /** The keys that `scope` shows, oldest first; those last known while QuestDB is away. */
  async list({ organizations }: TenantScope): Promise<ApiKey[]> {
    await this.load().catch(() => {});
    return this.#cache.values
      .filter(({ organizationId: name }) => {
        return organizations === 'all' || (name !== undefined && organizations.includes(name));
      })
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Whose key `text` is. Never rejects. */
  async check(text: string): Promise<ApiKeyCheckResult> {
    const sent = parseApiKey(text);
    if (!sent) return { rejected: 'the key is mistyped or cut off' };
    const isFresh = () => {
      return isKeyDataFresh(this.#cache.find(sent.id)?.role, this.#cache.lastReadMs, this.#now());
    };
    if (!this.#cache.find(sent.id) || !isFresh()) await this.#cache.refreshThrottled();
    if (!isFresh()) return { unavailable: 'keys cannot be checked while QuestDB does not answer' };
    const key = this.#cache.find(sent.id);
    if (!key || !isMatchingSecret(key.hash, sent.secret)) return { rejected: 'the key is unknown' };
    const state = getKeyState(key, this.#now());
    return state === 'active' ? { key } : { rejected: `the key is ${state}` };
  }

  /**
   * Makes a key, and returns when every server can find it.
   *
   * @returns the key, and its text, which nobody can show again
   * @throws PS_KEY_INVALID; PS_UNAVAILABLE, PS_FLUSH_TIMEOUT while QuestDB is away
   */
  async create(request: CreateKeyRequest, actor: Actor): Promise<{ key: ApiKey; text: string }> {
    await this.load();
    const now = this.#now();
    const active = this.#cache.values.filter((key) => getKeyState(key, now) === 'active');
    const reason = validateKeyRequest(request, active.length, now);
    if (reason !== undefined) throw createError('PS_KEY_INVALID', { reason });
    const { text, ...made } = generateApiKey();
    const key: ApiKey = { ...request, ...made, createdAt: now, author: actor.author };
    this.#options.add('api_keys', [toCreatedRow(key)]);
    this.#audit('key.create', key, actor);
    await this.#options.flush();
    this.#cache.setLocal(key.id, key);
    await this.#cache.waitUntilStored(key.id);
    return { key, text };
  }

  /**
   * Ends a key for good: here at once, on other servers when they look next.
   *
   * @throws PS_KEY_NOT_FOUND; PS_UNAVAILABLE when the key is not known here and QuestDB is away;
   * PS_FLUSH_TIMEOUT when it has ended here, and elsewhere not before QuestDB is back
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
