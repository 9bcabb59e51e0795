import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { durationSchema, timestampSchema } from '../../../core/config-files/config-validation.ts';
import { matchersSchema } from '../../../core/config-files/matcher.ts';
import { recurrenceSchema } from '../../../core/config-files/recurrence.ts';
import { createError } from '../../../core/errors.ts';
import type { AddRows } from '../../../core/schema/table-registry.ts';
import type { SilenceRow } from '../../../core/schema/tables/silences-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { loadSilenceRows } from '../state/alert-queries.ts';
import type { Silence } from './silence.ts';

/** Rows that were added here may not be readable yet. */
const WRITE_VISIBILITY_MS = 60_000;

type StoredSilence = {
  readonly silence: Silence;
  readonly seq: number;
  readonly changedMs: number;
};

/** The silences that have not ended, as the table tells, and what was changed here meanwhile. */
export class SilenceStore {
  readonly #queryClient: QueryClient;
  readonly #add: AddRows;
  readonly #flush: () => Promise<void>;
  #silences = new Map<string, StoredSilence>();

  constructor(store: QueryClient, add: AddRows, flush: () => Promise<void>) {
    this.#queryClient = store;
    this.#add = add;
    this.#flush = flush;
  }

  /** Reads the table. @throws PS_UNAVAILABLE; what was known stays */
  async refresh(now: number): Promise<void> {
    const rows = await loadSilenceRows(this.#queryClient);
    const found = parseSilenceRows(rows, now).map(
      (each) => [each.silence.id, { ...each, changedMs: Number.NEGATIVE_INFINITY }] as const,
    );
    const next = new Map<string, StoredSilence>(found);
    for (const [id, own] of this.#silences) {
      const known = next.get(id);
      if (own.changedMs > now - WRITE_VISIBILITY_MS && own.seq > (known?.seq ?? 0))
        next.set(id, own);
    }
    this.#silences = next;
  }

  /** Those that have not ended at `now`. */
  listActive(now: number): Silence[] {
    return [...this.#silences.values()]
      .map(({ silence }) => silence)
      .filter(({ endsMs }) => endsMs > now);
  }

  /** Those of the scope's tenants; those of everybody only for who may see everybody. */
  listVisible(scope: TenantScope, now: number): Silence[] {
    return this.listActive(now).filter((silence) => canChange(silence, scope));
  }

  /** Resolves when the silence is stored, or safe in the spool. */
  async create(
    entry: SilenceInput,
    by: { author: string; organization?: string | undefined; property?: string | undefined },
    now: number,
  ): Promise<Silence> {
    const { silence, row } = createSilence(entry, by, now);
    this.#silences.set(silence.id, { silence, seq: 1, changedMs: now });
    this.#add('silences', [row]);
    await this.#flush().catch(() => {});
    return silence;
  }

  /** @throws PS_NOT_FOUND when there is none that `scope` may change */
  async end(id: string, author: string, scope: TenantScope, now: number): Promise<Silence> {
    const known = this.#silences.get(id);
    const ended = known && known.silence.endsMs <= now;
    if (!known || ended || !canChange(known.silence, scope)) {
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
  const own =
    organizations === 'all' || (organization !== undefined && organizations.includes(organization));
  return own && (properties === 'all' || (property !== undefined && properties.includes(property)));
}

/** Reads what somebody asks for. @throws PS_REQUEST_INVALID with each problem */
export function parseSilence(entry: object): SilenceInput {
  const parsed = silenceSchema.safeParse(entry);
  if (parsed.success) return parsed.data;
  throw createError('PS_REQUEST_INVALID', { reason: z.prettifyError(parsed.error) });
}

/** What somebody asks for: an end, or a duration from now (or from `startsAt`). */
export const silenceSchema = z
  .strictObject({
    matchers: matchersSchema,
    startsAt: timestampSchema.optional(),
    endsAt: timestampSchema.optional(),
    duration: durationSchema.optional(),
    recurrence: recurrenceSchema.optional(),
    comment: z.string().min(1).max(2000),
  })
  .refine(({ endsAt, duration }) => (endsAt === undefined) !== (duration === undefined), {
    error: 'must have one of `endsAt` and `duration`',
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
 * A new silence. The tenant is the author's, never the request's: whoever calls takes it from the
 * author's key.
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

/** Ends a silence now. `seq` is that of its last row. */
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

const storedSilenceSchema = z.object({
  matchers: matchersSchema,
  recurrence: recurrenceSchema.optional(),
});

/** The silences that the rows tell of and that have not ended, each with its last row's `seq`. */
export function parseSilenceRows(
  rows: readonly SilenceRow[],
  now: number,
): { silence: Silence; seq: number }[] {
  const last = new Map<string, SilenceRow>();
  for (const row of rows) {
    const known = last.get(row.id ?? '');
    const later =
      !known ||
      row.timestamp > known.timestamp ||
      (row.timestamp === known.timestamp && (row.seq ?? 0) > (known.seq ?? 0));
    if (row.id !== undefined && later) last.set(row.id, row);
  }
  return [...last].flatMap(([id, row]) => {
    const { seq = 1, startsAt, endsAt, author = '', comment = '' } = row;
    if (startsAt === undefined || endsAt === undefined || endsAt <= now) return [];
    const { success, data } = storedSilenceSchema.safeParse({
      matchers: JSON.parse(row.matchers ?? '[]'),
      recurrence: row.recurrence === undefined ? undefined : JSON.parse(row.recurrence),
    });
    if (!success) return [];
    const { organizationId: organization, propertyId: property } = row;
    const silence: Silence = {
      id,
      kind: 'silenced',
      startsMs: startsAt,
      endsMs: endsAt,
      author,
      comment,
      matchers: data.matchers,
      recurrence: data.recurrence,
      organization,
      property,
    };
    return [{ silence, seq }];
  });
}
