import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { duration, moment } from '../../entries/fields.ts';
import { matchersEntry } from '../../entries/matcher.ts';
import { recurrenceEntry } from '../../entries/recurrence.ts';
import type { SilenceRow } from '../../schema/silences.ts';
import type { Silence } from './silence.ts';

/** What somebody asks for: an end, or a duration from now (or from `startsAt`). */
export const silenceEntry = z
  .strictObject({
    matchers: matchersEntry,
    startsAt: moment.optional(),
    endsAt: moment.optional(),
    duration: duration.optional(),
    recurrence: recurrenceEntry.optional(),
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
export type SilenceEntry = z.output<typeof silenceEntry>;

/**
 * A new silence. The tenant is the author's, never the request's: whoever calls takes it from the
 * author's key.
 */
export function createSilence(
  entry: SilenceEntry,
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
  return { silence, row: rowOf(silence, 1, now) };
}

/** Ends a silence now. `seq` is that of its last row. */
export function endSilence(
  silence: Silence,
  author: string,
  seq: number,
  now: number,
): { silence: Silence; row: SilenceRow } {
  const ended = { ...silence, endsMs: Math.min(silence.endsMs, now) };
  return { silence: ended, row: { ...rowOf(ended, seq + 1, now), author } };
}

function rowOf(silence: Silence, seq: number, now: number): SilenceRow {
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

const stored = z.object({
  matchers: matchersEntry,
  recurrence: recurrenceEntry.optional(),
});

/** The silences that the rows tell of and that have not ended, each with its last row's `seq`. */
export function restoreSilences(
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
    const { success, data } = stored.safeParse({
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
