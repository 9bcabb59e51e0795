import { coded } from '../../errors.ts';
import type { Scope } from '../../schema/scope.ts';
import type { Add } from '../../schema/tables.ts';
import type { Store } from '../../windows/store.ts';
import type { Silence } from '../quiet/silence.ts';
import {
  createSilence,
  endSilence,
  restoreSilences,
  type SilenceEntry,
} from '../quiet/silence-rows.ts';
import { lastSilences } from './restore.ts';

/** Rows that were added here may not be readable yet. */
const SETTLE_MS = 60_000;

type Known = { readonly silence: Silence; readonly seq: number; readonly madeMs: number };

/** The silences that have not ended, as the table tells, and what was changed here meanwhile. */
export class SilenceBook {
  readonly #store: Store;
  readonly #add: Add;
  readonly #flush: () => Promise<void>;
  #known = new Map<string, Known>();

  constructor(store: Store, add: Add, flush: () => Promise<void>) {
    this.#store = store;
    this.#add = add;
    this.#flush = flush;
  }

  /** Reads the table. @throws PS_UNAVAILABLE; what was known stays */
  async refresh(now: number): Promise<void> {
    const rows = await lastSilences(this.#store);
    const found = restoreSilences(rows, now).map(
      (each) => [each.silence.id, { ...each, madeMs: Number.NEGATIVE_INFINITY }] as const,
    );
    const next = new Map<string, Known>(found);
    for (const [id, own] of this.#known) {
      const known = next.get(id);
      if (own.madeMs > now - SETTLE_MS && own.seq > (known?.seq ?? 0)) next.set(id, own);
    }
    this.#known = next;
  }

  /** Those that have not ended at `now`. */
  active(now: number): Silence[] {
    return [...this.#known.values()]
      .map(({ silence }) => silence)
      .filter(({ endsMs }) => endsMs > now);
  }

  /** Those of the scope's tenants; those of everybody only for who may see everybody. */
  visible(scope: Scope, now: number): Silence[] {
    return this.active(now).filter((silence) => mayChange(silence, scope));
  }

  /** Resolves when the silence is stored, or safe in the spool. */
  async create(
    entry: SilenceEntry,
    by: { author: string; organization?: string | undefined; property?: string | undefined },
    now: number,
  ): Promise<Silence> {
    const { silence, row } = createSilence(entry, by, now);
    this.#known.set(silence.id, { silence, seq: 1, madeMs: now });
    this.#add('silences', [row]);
    await this.#flush().catch(() => {});
    return silence;
  }

  /** @throws PS_NOT_FOUND when there is none that `scope` may change */
  async end(id: string, author: string, scope: Scope, now: number): Promise<Silence> {
    const known = this.#known.get(id);
    const ended = known && known.silence.endsMs <= now;
    if (!known || ended || !mayChange(known.silence, scope)) {
      throw coded('PS_NOT_FOUND', { path: `silences/${id}` });
    }
    const { silence, row } = endSilence(known.silence, author, known.seq, now);
    this.#known.set(id, { silence, seq: known.seq + 1, madeMs: now });
    this.#add('silences', [row]);
    await this.#flush().catch(() => {});
    return silence;
  }
}

function mayChange({ organization, property }: Silence, scope: Scope): boolean {
  const { organizations, properties } = scope;
  const own =
    organizations === 'all' || (organization !== undefined && organizations.includes(organization));
  return own && (properties === 'all' || (property !== undefined && properties.includes(property)));
}
