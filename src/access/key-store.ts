import { coded } from '../errors.ts';
import { KnownRows } from '../questdb/known-rows.ts';
import type { Read } from '../questdb/reader.ts';
import { from, sql } from '../questdb/statement.ts';
import type { Scope } from '../schema/scope.ts';
import type { Add } from '../schema/tables.ts';
import { isSecretOf, newKey, parseKey } from './api-key.ts';
import type { Audit } from './audit.ts';
import { type ApiKey, keysOf, madeRow, noSuchKey, revokedRow, stateOf } from './key-record.ts';
import { keyProblem, type NewKeyRequest } from './key-request.ts';
import { fresh } from './staleness.ts';

export interface KeyStoreOptions {
  /** Best over a connection of its own: behind slow queries the next look would come too late. */
  readonly read: Read;
  readonly add: Add;
  /** Resolves when what was added is stored. */
  readonly flush: () => Promise<void>;
  readonly audit: Audit;
  readonly now?: () => number;
}

/** Who changes something, for the audit log. */
export interface Actor {
  /** Subject of a principal, or who used the command line. */
  readonly author: string;
  readonly address?: string | undefined;
}

/** Whose key it is, or why it opens nothing: for good, or because nobody can tell at the moment. */
export type KeyCheck = { key: ApiKey } | { refused: string } | { unavailable: string };

const ALL = sql`SELECT timestamp, id, state, name, role, organization_id, properties, hash,
  expires_at, author ${from('api_keys')} ORDER BY timestamp, seq`;

/** The keys of the installation: made, checked, listed and revoked. */
export class KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #now: () => number;
  readonly #known: KnownRows<ApiKey>;

  constructor(options: KeyStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#known = new KnownRows({
      read: options.read,
      now: this.#now,
      table: 'api_keys',
      all: ALL,
      of: keysOf,
      isStored: (own, stored) => own.revokedAt === undefined || stored.revokedAt !== undefined,
    });
  }

  /** Reads all keys. @throws PS_UNAVAILABLE */
  load(): Promise<void> {
    return this.#known.look();
  }

  /** Keeps them up to date. */
  watch(): void {
    this.#known.watch();
  }

  close(): void {
    this.#known.close();
  }

  /** Whether any key was ever made; undefined while nobody knows. */
  get anyMade(): boolean | undefined {
    const { all, readAt } = this.#known;
    if (all.length > 0) return true;
    return readAt === undefined ? undefined : false;
  }

  /** The keys that `scope` shows, oldest first; those last known while QuestDB is away. */
  async list({ organizations }: Scope): Promise<ApiKey[]> {
    await this.load().catch(() => {});
    return this.#known.all
      .filter(({ organizationId: name }) => {
        return organizations === 'all' || (name !== undefined && organizations.includes(name));
      })
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Whose key `text` is. Never rejects. */
  async check(text: string): Promise<KeyCheck> {
    const sent = parseKey(text);
    if (!sent) return { refused: 'the key is mistyped or cut off' };
    const isFresh = () => {
      return fresh(this.#known.find(sent.id)?.role, this.#known.readAt, this.#now());
    };
    if (!this.#known.find(sent.id) || !isFresh()) await this.#known.lookAgain();
    if (!isFresh()) return { unavailable: 'keys cannot be checked while QuestDB does not answer' };
    const key = this.#known.find(sent.id);
    if (!key || !isSecretOf(key.hash, sent.secret)) return { refused: 'the key is unknown' };
    const state = stateOf(key, this.#now());
    return state === 'active' ? { key } : { refused: `the key is ${state}` };
  }

  /**
   * Makes a key, and returns when every server can find it.
   *
   * @returns the key, and its text, which nobody can show again
   * @throws PS_KEY_INVALID; PS_UNAVAILABLE, PS_FLUSH_TIMEOUT while QuestDB is away
   */
  async create(request: NewKeyRequest, actor: Actor): Promise<{ key: ApiKey; text: string }> {
    await this.load();
    const now = this.#now();
    const active = this.#known.all.filter((key) => stateOf(key, now) === 'active');
    const reason = keyProblem(request, active.length, now);
    if (reason !== undefined) throw coded('PS_KEY_INVALID', { reason });
    const { text, ...made } = newKey();
    const key: ApiKey = { ...request, ...made, createdAt: now, author: actor.author };
    this.#options.add('api_keys', [madeRow(key)]);
    this.#audit('key.create', key, actor);
    await this.#options.flush();
    this.#known.remember(key.id, key);
    await this.#known.untilRead(key.id);
    return { key, text };
  }

  /**
   * Ends a key for good: here at once, on other servers when they look next.
   *
   * @throws PS_KEY_NOT_FOUND; PS_UNAVAILABLE when the key is not known here and QuestDB is away;
   * PS_FLUSH_TIMEOUT when it has ended here, and elsewhere not before QuestDB is back
   */
  async revoke(id: string, actor: Actor): Promise<ApiKey> {
    if (!this.#known.find(id)) await this.load();
    const key = this.#known.find(id);
    if (!key) throw noSuchKey(id);
    if (key.revokedAt !== undefined) return key;
    const row = revokedRow(key, this.#now(), actor.author);
    const revoked = { ...key, revokedAt: row.timestamp };
    this.#known.remember(id, revoked);
    this.#options.add('api_keys', [row]);
    this.#audit('key.revoke', key, actor);
    await this.#options.flush();
    await this.#known.untilRead(id);
    return revoked;
  }

  #audit(action: string, key: ApiKey, actor: Actor): void {
    const { id: object, organizationId, name, role, properties, expiresAt } = key;
    const detail = { name, role, properties, expiresAt };
    this.#options.audit({ ...actor, action, object, organizationId, detail });
  }
}
