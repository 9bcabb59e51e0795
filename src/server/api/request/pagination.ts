import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MAX_NAME_LENGTH } from '../../../core/schema/table-definition.ts';
import type { Query } from '../../../storage/queries/query.ts';
import type { TimeRange } from '../../../storage/queries/query-range.ts';
import { createRequestError } from '../problem-details.ts';
import { checkTimeRange } from './request-time-range.ts';

/** Where the next page begins: the time that the first was asked for, and its last row's keys. */
export interface Cursor {
  readonly range: TimeRange;
  readonly after: readonly (string | number | null)[];
}

const CURSOR_SCHEMA = z.tuple([
  z.string().length(16),
  z.int().nonnegative().max(8.64e15),
  z.int().nonnegative().max(8.64e15),
  z.array(z.union([z.string().max(10 * MAX_NAME_LENGTH), z.number(), z.null()])).max(4),
]);
const UNHASHED_PARAMETERS = new Set(['cursor', 'limit', 'format', 'from', 'to', 'last']);

/**
 * Makes a text of it. It is not signed, because it allows nothing: the caller's scope and the limits of
 * a range hold with it as without.
 *
 * @param query the parameters, which the next request has to repeat
 */
export function formatCursor(cursor: Cursor, query: object): string {
  const { fromMs, toMs } = cursor.range;
  const shape = [hashParameters(query), fromMs, toMs, cursor.after];
  return Buffer.from(JSON.stringify(shape)).toString('base64url');
}

/** @throws PS_REQUEST_INVALID when it is none of ours, or of another question */
export function parseCursor(text: string, query: object): Cursor {
  const parsed = CURSOR_SCHEMA.safeParse(decodeJson(text));
  if (!parsed.success) {
    throw createRequestError({
      parameter: 'cursor',
      reason: 'is not one that an answer has given',
      allowed: 'the nextCursor of an answer',
    });
  }
  const [hash, fromMs, toMs, after] = parsed.data;
  if (hash !== hashParameters(query)) {
    throw createRequestError({
      parameter: 'cursor',
      reason: 'belongs to a request with other parameters',
      allowed: 'the nextCursor of an answer, with the parameters of its request',
    });
  }
  return { range: { fromMs, toMs }, after };
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function hashParameters(query: object): string {
  const own = Object.entries(query)
    .filter(([name, value]) => value !== undefined && !UNHASHED_PARAMETERS.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(own)).digest('hex').slice(0, 16);
}

type SortValue = string | number | null;

/** Something that is sorted by `value`; among equals by `key`, which is its own. */
export interface PageItem<T> {
  readonly row: T;
  readonly key: string;
  readonly value: SortValue;
}

export interface PageOptions {
  readonly query: { readonly limit: number; readonly cursor?: string | undefined };
  readonly nowMs: number;
  readonly question: Query;
  readonly order: 'asc' | 'desc';
}

/**
 * One page of what `ask` finds. The time that the first page was asked for is kept by the cursor, so
 * that what has come since does not change the order of the pages that follow.
 */
export async function paginate<T>(
  { query, nowMs, question, order }: PageOptions,
  ask: (question: Query) => Promise<PageItem<T>[]>,
): Promise<{ question: Query; groups: T[]; nextCursor: string | undefined }> {
  const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, query);
  // Not until the end of the second that now is in: what still comes in it would change later pages.
  const { fromMs, toMs } = question.range;
  const range = cursor
    ? checkTimeRange(cursor.range, nowMs, 'cursor')
    : { fromMs, toMs: Math.min(toMs, nowMs) };
  const pinned = { ...question, range };
  const [value = null, key] = cursor?.after ?? [];
  const after = cursor && { value, key: String(key) };
  const found = (await ask(pinned)).sort((a, b) => compareItems(a, b, order));
  const behind = after ? found.filter((each) => compareItems(each, after, order) > 0) : found;
  const shown = behind.slice(0, query.limit);
  const last = shown.at(-1);
  const goesOn = last && behind.length > shown.length;
  return {
    question: pinned,
    groups: shown.map(({ row }) => row),
    nextCursor: goesOn ? formatCursor({ range, after: [last.value, last.key] }, query) : undefined,
  };
}

/** What is not known comes last in either order. */
function compareItems(
  a: { value: SortValue; key: string },
  b: { value: SortValue; key: string },
  order: 'asc' | 'desc',
): number {
  if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
  const by = order === 'asc' ? 1 : -1;
  if (a.value !== b.value && a.value !== null && b.value !== null) {
    return a.value < b.value ? -by : by;
  }
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
