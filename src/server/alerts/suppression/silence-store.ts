import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { durationSchema, timestampSchema } from '../../../core/config-files/config-validation.ts';
import { type Matcher, matchersSchema } from '../../../core/config-files/matcher.ts';
import { recurrenceSchema } from '../../../core/config-files/recurrence.ts';
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
      throw createError('PS_NOT_FOUND', { path: `silences/${id}` });
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

/**
 * Validates a request for a new silence.
 *
 * @throws PS_REQUEST_INVALID if the request is invalid, with each problem
 */
export function parseSilence(entry: object): SilenceInput {
  const parsed = silenceSchema.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw createError('PS_REQUEST_INVALID', { reason: z.prettifyError(parsed.error) });
}

/** Returns the size of a silence's regular expressions, for the quota. */
function toPatternSize({ matchers, author, organization }: Silence): OwnedObject {
  return { author, organization, size: countInstructions(matchers) };
}

function countInstructions(matchers: readonly Matcher[]): number {
  return matchers.reduce((sum, { instructions }) => sum + instructions, 0);
}

/** Maximum number of matchers in a new silence. */
const MAX_MATCHERS = 20;
/** Maximum number of RE2 instructions of a silence's regular expressions. */
const MAX_INSTRUCTIONS = 1000;

const silenceMatchersSchema = matchersSchema.refine(
  (matchers) => countInstructions(matchers) <= MAX_INSTRUCTIONS,
  {
    error: `must have smaller regular expressions: all of them together compile to more than ${MAX_INSTRUCTIONS} instructions`,
  },
);

/** A request for a new silence. `duration` counts from `startsAt`, or from now. */
export const silenceSchema = z
  .strictObject({
    matchers: z.array(z.unknown()).max(MAX_MATCHERS).pipe(silenceMatchersSchema),
    startsAt: timestampSchema.optional(),
    endsAt: timestampSchema.optional(),
    duration: durationSchema.optional(),
    recurrence: recurrenceSchema.optional(),
    comment: z.string().min(1).max(2000),
  })
  .refine(({ endsAt, duration }) => (endsAt === undefined) !== (duration === undefined), {
    error: 'must have either `endsAt` or `duration`',
  })
  .refine(
    ({ startsAt, endsAt }) =>
      !(startsAt !== undefined && endsAt !== undefined && endsAt <= startsAt),
    {
      error: 'must end after it starts',
    },
  );
type SilenceInput = z.output<typeof silenceSchema>;

/**
 * Creates a silence and its row.
 *
 * @param by author and tenant. The caller takes both from the API key, never from the request.
 */
export function createSilence(
  entry: SilenceInput,
  by: { author: string; organization?: string | undefined; property?: string | undefined },
  now: number,
): { silence: Silence; row: SilenceRow } {
  const { matchers, recurrence, comment } = entry;
  const startsMs = entry.startsAt ?? now;
  const silence: Silence = {
    id: randomUUID(),
    kind: 'silenced',
    matchers,
    recurrence,
    comment,
    author: by.author,
    organization: by.organization,
    property: by.property,
    startsMs,
    endsMs: entry.endsAt ?? startsMs + (entry.duration ?? 0),
  };
  return { silence, row: toSilenceRow(silence, 1, now) };
}

/**
 * Ends a silence now.
 *
 * @param seq sequence number of the last row
 */
export function endSilence(
  silence: Silence,
  author: string,
  seq: number,
  now: number,
): { silence: Silence; row: SilenceRow } {
  const ended = { ...silence, endsMs: Math.min(silence.endsMs, now) };
  return { silence: ended, row: { ...toSilenceRow(ended, seq + 1, now), author } };
}

function toSilenceRow(silence: Silence, seq: number, now: number): SilenceRow {
  return {
    timestamp: now,
    id: silence.id,
    seq,
    author: silence.author,
    comment: silence.comment,
    organizationId: silence.organization,
    propertyId: silence.property,
    matchers: JSON.stringify(silence.matchers.map(({ text }) => text)),
    recurrence: silence.recurrence && JSON.stringify(silence.recurrence),
    startsAt: silence.startsMs,
    endsAt: silence.endsMs,
  };
}

/** Stored silences can have more matchers, because earlier versions accepted 50. */
const storedSilenceSchema = z.object({
  matchers: silenceMatchersSchema,
  recurrence: recurrenceSchema.optional(),
});

/** How rows that were parsed before are handled. */
export interface ParsedRowLookup {
  /** Returns the silence of a row, so that its matchers aren't compiled again. */
  readonly findParsed: (id: string, seq: number) => Silence | undefined;
  readonly isInvalid: (id: string, seq: number) => boolean;
  /** Called for each row that contains no valid silence. */
  readonly onInvalid: (id: string, seq: number) => void;
}

const NOTHING_PARSED: ParsedRowLookup = {
  findParsed: () => undefined,
  isInvalid: () => false,
  onInvalid: () => {},
};

/**
 * Parses rows, and returns the silences that haven't ended, each with the `seq` of its last row.
 * Invalid rows are skipped.
 */
export function parseSilenceRows(
  rows: readonly SilenceRow[],
  now: number,
  { findParsed, isInvalid, onInvalid }: ParsedRowLookup = NOTHING_PARSED,
): { silence: Silence; seq: number }[] {
  const last = new Map<string, SilenceRow>();
  for (const row of rows) {
    const known = last.get(row.id ?? '');
    const isLater =
      !known ||
      row.timestamp > known.timestamp ||
      (row.timestamp === known.timestamp && (row.seq ?? 0) > (known.seq ?? 0));
    if (row.id !== undefined && isLater) last.set(row.id, row);
  }
  return [...last].flatMap(([id, row]) => {
    const { seq = 1, startsAt, endsAt } = row;
    if (startsAt === undefined || endsAt === undefined || endsAt <= now) return [];
    const silence =
      findParsed(id, seq) ?? (isInvalid(id, seq) ? undefined : parseSilenceRow(row, id));
    if (silence) return [{ silence, seq }];
    onInvalid(id, seq);
    return [];
  });
}

/** Returns undefined if the row is invalid. */
function parseSilenceRow(row: SilenceRow, id: string): Silence | undefined {
  const { startsAt = 0, endsAt = 0, author = '', comment = '' } = row;
  const { success, data } = storedSilenceSchema.safeParse({
    matchers: parseJson(row.matchers),
    recurrence: parseJson(row.recurrence),
  });
  if (!success) return undefined;
  return {
    id,
    kind: 'silenced',
    startsMs: startsAt,
    endsMs: endsAt,
    author,
    comment,
    matchers: data.matchers,
    recurrence: data.recurrence,
    organization: row.organizationId,
    property: row.propertyId,
  };
}

/** Returns undefined if the text is undefined or no JSON. */
function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
