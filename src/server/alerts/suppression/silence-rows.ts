import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  durationSchema,
  parseRequestValue,
  timestampSchema,
} from '../../../core/config-files/config-validation.ts';
import { type Matcher, matchersSchema } from '../../../core/config-files/matcher.ts';
import { recurrenceSchema } from '../../../core/config-files/recurrence.ts';
import type { SilenceRow } from '../../../core/schema/tables/silences-table.ts';
import type { Silence } from './silence.ts';

/**
 * Validates a request for a new silence.
 *
 * @throws PS_REQUEST_INVALID if the request is invalid, with each problem
 */
export function parseSilence(entry: object): SilenceInput {
  return parseRequestValue(silenceSchema, entry);
}

/** Returns the number of RE2 instructions of all regular expressions. */
export function countInstructions(matchers: readonly Matcher[]): number {
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
export type SilenceInput = z.output<typeof silenceSchema>;

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
