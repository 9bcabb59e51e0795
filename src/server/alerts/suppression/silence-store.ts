import { HOUR_MS } from '../../../core/duration.ts';
import type { Logger } from '../../../core/log.ts';
import { createError } from '../../../core/perfscope-error.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { SilenceRow } from '../../../core/schema/tables/silences-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { assertWithinQuota, type OwnedObject, type Quota } from '../../access/quota.ts';
import { loadSilenceRows } from '../state/alert-queries.ts';
import type { Silence } from './silence.ts';
import {
  countInstructions,
  createSilence,
  endSilence,
  parseSilenceRows,
  type SilenceInput,
} from './silence-rows.ts';

const MAX_LOGGED_IDS = 5;
/** Time after which written rows are readable, in ms. */
const WRITE_VISIBILITY_MS = 60_000;

/** Silences that haven't ended. The server evaluates each of them for each alert. */
const SILENCE_QUOTA: Quota = {
  what: 'active silences',
  perKey: 100,
  perOrganization: 300,
  perServer: 2000,
};
/** Ended silences stay stored, and every server reads the table every 3 s. */
const NEW_SILENCE_QUOTA: Quota = {
  what: 'new silences within an hour',
  perKey: 300,
  perOrganization: 900,
  perServer: 5000,
};
/** RE2 instructions of the regular expressions in silences that haven't ended. */
const PATTERN_QUOTA: Quota = {
  what: 'instructions in the regular expressions of active silences',
  perKey: 2500,
  perOrganization: 5000,
  perServer: 50_000,
};

type StoredSilence = {
  readonly silence: Silence;
  readonly seq: number;
  readonly changedMs: number;
};

/** Silences that haven't ended: the rows of the table, and changes that aren't readable yet. */
export class SilenceStore {
  readonly #queryClient: QueryClient;
  readonly #add: AddRows;
  readonly #flush: () => Promise<void>;
  readonly #log: Pick<Logger, 'warn'> | undefined;
  #silences = new Map<string, StoredSilence>();
  /** Silences that this server created within an hour. */
  #created: (OwnedObject & { readonly createdMs: number })[] = [];
  /** Rows that contain no valid silence, by ID and sequence number. They are parsed once. */
  #invalid: ReadonlySet<string> = new Set();

  constructor(
    queryClient: QueryClient,
    add: AddRows,
    flush: () => Promise<void>,
    log?: Pick<Logger, 'warn'>,
  ) {
    this.#queryClient = queryClient;
    this.#add = add;
    this.#flush = flush;
    this.#log = log;
  }

  /**
   * Reads the table. If the read fails, the known silences don't change.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  async refresh(now: number): Promise<void> {
    const rows = await loadSilenceRows(this.#queryClient, now);
    const storedSilences = this.#parseRows(rows, now).map(
      (each) => [each.silence.id, { ...each, changedMs: Number.NEGATIVE_INFINITY }] as const,
    );
    const next = new Map<string, StoredSilence>(storedSilences);
    for (const [id, changed] of this.#silences) {
      const stored = next.get(id);
      const isRecent = changed.changedMs > now - WRITE_VISIBILITY_MS;
      if (isRecent && changed.seq > (stored?.seq ?? 0)) next.set(id, changed);
    }
    this.#silences = next;
  }

  /** Parses the rows that have changed, and logs one warning about new invalid rows. */
  #parseRows(rows: readonly SilenceRow[], now: number): { silence: Silence; seq: number }[] {
    const invalid = new Set<string>();
    const parsed = parseSilenceRows(rows, now, {
      findParsed: (id, seq) => {
        const known = this.#silences.get(id);
        return known?.seq === seq ? known.silence : undefined;
      },
      isInvalid: (id, seq) => this.#invalid.has(`${id} ${seq}`),
      onInvalid: (id, seq) => void invalid.add(`${id} ${seq}`),
    });
    const added = [...invalid].filter((key) => !this.#invalid.has(key));
    this.#invalid = invalid;
    if (added.length > 0) {
      const ids = added.slice(0, MAX_LOGGED_IDS).map((key) => key.split(' ')[0]);
      const more = added.length > MAX_LOGGED_IDS ? ', …' : '';
      this.#log?.warn(
        `Some stored silences have no effect, because they are invalid or their regular expressions are too large. Create them again with smaller expressions. IDs: ${ids.join(', ')}${more}`,
      );
    }
    return parsed;
  }

  /** Lists the silences that haven't ended at `now`. */
  listActive(now: number): Silence[] {
    return [...this.#silences.values()]
      .map(({ silence }) => silence)
      .filter(({ endsMs }) => endsMs > now);
  }

  /** Lists the silences of the scope's tenants. Silences without a tenant require an unrestricted scope. */
  listVisible(scope: TenantScope, now: number): Silence[] {
    return this.listActive(now).filter((silence) => canChange(silence, scope));
  }

  /**
   * Creates a silence. Resolves when the silence is stored in QuestDB or the spool.
   *
   * @throws PS_QUOTA_REACHED if the author, the organization, or the server has too many silences
   */
  async create(
    entry: SilenceInput,
    by: { author: string; organization?: string | undefined; property?: string | undefined },
    now: number,
  ): Promise<Silence> {
    const { silence, row } = createSilence(entry, by, now);
    const active = this.listActive(now);
    assertWithinQuota(SILENCE_QUOTA, active, silence, 'End silences');
    assertWithinQuota(
      PATTERN_QUOTA,
      active.map(toPatternSize),
      toPatternSize(silence),
      'End silences',
    );
    this.#created = this.#created.filter(({ createdMs }) => createdMs > now - HOUR_MS);
    assertWithinQuota(NEW_SILENCE_QUOTA, this.#created, silence, 'Wait up to an hour');
    this.#created.push({ ...by, createdMs: now });
    this.#silences.set(silence.id, { silence, seq: 1, changedMs: now });
    this.#add('silences', [row]);
    await this.#flush().catch(() => {});
    return silence;
  }

  /**
   * Ends a silence now.
   *
   * @throws PS_NOT_FOUND if no such silence is active within `scope`
   */
  async end(id: string, author: string, scope: TenantScope, now: number): Promise<Silence> {
    const known = this.#silences.get(id);
    const hasEnded = known && known.silence.endsMs <= now;
    if (!known || hasEnded || !canChange(known.silence, scope)) {
      throw createError('PS_NOT_FOUND', { item: 'silence', id });
    }
    const { silence, row } = endSilence(known.silence, author, known.seq, now);
    this.#silences.set(id, { silence, seq: known.seq + 1, changedMs: now });
    this.#add('silences', [row]);
    await this.#flush().catch(() => {});
    return silence;
  }
}

function canChange({ organization, property }: Silence, scope: TenantScope): boolean {
  const { organizations, properties } = scope;
  const isOwn =
    organizations === 'all' || (organization !== undefined && organizations.includes(organization));
  return (
    isOwn && (properties === 'all' || (property !== undefined && properties.includes(property)))
  );
}

/** Returns the size of a silence's regular expressions, for the quota. */
function toPatternSize({ matchers, author, organization }: Silence): OwnedObject {
  return { author, organization, size: countInstructions(matchers) };
}
