import { setTimeout as delay } from 'node:timers/promises';
import type { Read } from '../questdb/reader.ts';
import { from, sql } from '../questdb/statement.ts';
import { EVERYTHING } from '../schema/scope.ts';
import { type ApiKey, keysOf } from './key-record.ts';

/** Time in ms between two looks: a key revoked elsewhere stops here within twice this. */
const REFRESH_MS = 2000;
/** Least time in ms between two looks that wrong keys may cause. */
const LEAST_GAP_MS = 250;
/** Longest time in ms until a stored row can be read. */
const VISIBLE_WITHIN_MS = 5000;
const POLL_MS = 50;

const ALL = sql`SELECT timestamp, id, state, name, role, organization_id, properties, hash,
  expires_at, author ${from('api_keys')} ORDER BY timestamp, seq`;

/**
 * What one server knows of the keys in QuestDB. It looks there again and again, so that nobody has
 * to tell it.
 */
export class KnownKeys {
  readonly #read: Read;
  readonly #now: () => number;
  #stored: ReadonlyMap<string, ApiKey> = new Map();
  /** What this process has changed and not yet read back. */
  readonly #own = new Map<string, ApiKey>();
  /** How many rows there were when all were read. */
  #seen = '';
  #readAt: number | undefined;
  #triedAt = 0;
  #looking: Promise<void> | undefined;
  #lookingAgain: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param now ms since the epoch */
  constructor(read: Read, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** When the last look that succeeded began, in ms since the epoch; undefined before the first. */
  get readAt(): number | undefined {
    return this.#readAt;
  }

  get all(): ApiKey[] {
    return [...new Map([...this.#stored, ...this.#own]).values()];
  }

  find(id: string): ApiKey | undefined {
    return this.#own.get(id) ?? this.#stored.get(id);
  }

  /** Reads all keys. @throws PS_UNAVAILABLE */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Reads them every two seconds from now on, also after that has failed. */
  watch(): void {
    this.#timer ??= setInterval(() => void this.look().catch(() => {}), REFRESH_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /**
   * Looks once more for all who ask at the same time, so that many wrong keys do not become many
   * queries. Never rejects.
   */
  lookAgain(): Promise<void> {
    const again = async () => {
      // Bounded, because the clock may have been set back since.
      const wait = Math.min(this.#triedAt + LEAST_GAP_MS - this.#now(), LEAST_GAP_MS);
      if (wait > 0) await delay(wait, undefined, { ref: false });
      // A look that has begun already may have missed what was made since.
      await this.#looking?.catch(() => {});
      this.#lookingAgain = undefined;
      await this.look().catch(() => {});
    };
    this.#lookingAgain ??= again();
    return this.#lookingAgain;
  }

  /** What this process has changed counts here at once. */
  remember(key: ApiKey): void {
    this.#own.set(key.id, key);
  }

  /** What was stored becomes readable a little later. A change that does not in time is still made. */
  async untilRead(id: string): Promise<void> {
    const deadline = Date.now() + VISIBLE_WITHIN_MS;
    while (this.#own.has(id) && Date.now() < deadline) {
      await this.look().catch(() => {});
      if (this.#own.has(id)) await delay(POLL_MS);
    }
  }

  async #look(): Promise<void> {
    const begun = this.#now();
    this.#triedAt = begun;
    // Rows are only ever added: as long as there are no more of them, all is known.
    const [mark] = await this.#read(
      EVERYTHING,
      sql`SELECT count() AS amount, max(timestamp) AS newest ${from('api_keys')}`,
    );
    const seen = JSON.stringify(mark);
    if (seen !== this.#seen) {
      this.#stored = keysOf(await this.#read(EVERYTHING, ALL));
      this.#seen = seen;
    }
    this.#readAt = begun;
    for (const [id, own] of this.#own) {
      const stored = this.#stored.get(id);
      const isThere = stored && (own.revokedAt === undefined || stored.revokedAt !== undefined);
      if (isThere) this.#own.delete(id);
    }
  }
}
