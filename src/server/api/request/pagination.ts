import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PerfscopeError } from '../../../core/perfscope-error.ts';
import { MAX_NAME_LENGTH } from '../../../core/schema/table-definition.ts';
import type { Query } from '../../../storage/queries/query-definition.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { createRequestError } from '../problem-details.ts';
import { checkTimeRange } from './request-time-range.ts';

const MAX_TIME_MS = 8.64e15;

type SortValue = string | number | null;

/** Start of the next page: the time range of the first page, and the keys of the last row sent. */
export interface Cursor {
  readonly range: TimeRange;
  readonly after: readonly SortValue[];
}

/** A text of a cursor. QuestDB rejects NUL and lone surrogates. */
const cursorTextSchema = z
  .string()
  .max(10 * MAX_NAME_LENGTH)
  .refine((text) => !text.includes('\0') && text.isWellFormed());
const CURSOR_SCHEMA = z
  .tuple([
    z.string().length(16),
    z.int().nonnegative().max(MAX_TIME_MS),
    z.int().nonnegative().max(MAX_TIME_MS),
    z.array(z.union([cursorTextSchema, z.number(), z.null()])).max(3),
  ])
  .refine(([, fromMs, toMs]) => fromMs < toMs);
const UNHASHED_PARAMETERS = new Set(['cursor', 'limit', 'format', 'from', 'to', 'last']);

/**
 * Encodes a cursor as text. The text isn't signed, because it grants no access: the caller's scope
 * and the limits of a time range apply with or without a cursor. Each value is validated as strictly
 * as a parameter, so a changed cursor can't cause a database error.
 *
 * @param query the request's parameters, which the next request must repeat
 */
export function formatCursor({ range, after }: Cursor, query: object): string {
  const content = [hashParameters(query), range.fromMs, range.toMs, after];
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

/** Decodes a cursor. @throws PS_REQUEST_INVALID if it's malformed or was created for other parameters */
export function parseCursor(text: string, query: object): Cursor {
  const parsed = CURSOR_SCHEMA.safeParse(decodeJson(text));
  if (!parsed.success) throw createInvalidCursorError();
  const [hash, fromMs, toMs, after] = parsed.data;
  if (hash !== hashParameters(query)) {
    throw createRequestError({
      parameter: 'cursor',
      reason: 'belongs to a request with different parameters',
      allowed: 'the nextCursor of a response, with the same parameters as in that request',
    });
  }
  return { range: { fromMs, toMs }, after };
}

function createInvalidCursorError(): PerfscopeError {
  return createRequestError({
    parameter: 'cursor',
    reason: 'is not a valid cursor',
    allowed: 'the nextCursor of a response',
  });
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function hashParameters(query: object): string {
  const hashed = Object.entries(query)
    .filter(([name, value]) => value !== undefined && !UNHASHED_PARAMETERS.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(hashed)).digest('hex').slice(0, 16);
}

interface PagingParameters {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/**
 * Returns the time range of a page, and the keys of the previous page's last row.
 *
 * @param parseFirstRange reads the time range if the request has no cursor
 * @throws PS_REQUEST_INVALID if the cursor or the time range is invalid
 */
export function parsePageStart(
  query: PagingParameters,
  nowMs: number,
  parseFirstRange: () => TimeRange,
): { range: TimeRange; after: Cursor['after'] | undefined } {
  if (query.cursor === undefined) return { range: parseFirstRange(), after: undefined };
  const cursor = parseCursor(query.cursor, query);
  return { range: checkTimeRange(cursor.range, nowMs, 'cursor'), after: cursor.after };
}

/**
 * Returns one page of `rows`, and the cursor of the next page if there is one.
 *
 * @param rows contains one more row than `query.limit` if there is another page
 */
export function cutPage<T>(
  rows: readonly T[],
  range: TimeRange,
  query: PagingParameters,
  getKeys: (row: T) => Cursor['after'],
): { page: T[]; nextCursor: string | undefined } {
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const hasMore = last !== undefined && rows.length > page.length;
  return {
    page,
    nextCursor: hasMore ? formatCursor({ range, after: getKeys(last) }, query) : undefined,
  };
}

/** Position of a row in a table that is sorted by time, ID, and sequence number. */
interface RowPosition {
  readonly atMs: number;
  readonly id: string;
  readonly seq: number;
}

/** Reads the keys that `getRowKeys` wrote. @throws PS_REQUEST_INVALID if they have other types */
export function parseRowPosition([atMs, id, seq, ...others]: Cursor['after']): RowPosition {
  const isTime = isWholeNumber(atMs) && atMs > 0 && atMs < MAX_TIME_MS;
  if (others.length === 0 && isTime && isRowId(id) && isWholeNumber(seq)) return { atMs, id, seq };
  throw createInvalidCursorError();
}

function isWholeNumber(value: SortValue | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isRowId(value: SortValue | undefined): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME_LENGTH;
}

export function getRowKeys(row: { at: Date; id: string; seq: number }): Cursor['after'] {
  return [row.at.getTime(), row.id, row.seq];
}

/** Position of a row in a table that is sorted by time in microseconds and ID. */
interface MicrosPosition {
  readonly micros: number;
  readonly id: string;
}

/** Reads the keys `[micros, id]`. @throws PS_REQUEST_INVALID if they have other types */
export function parseMicrosPosition([micros, id, ...others]: Cursor['after']): MicrosPosition {
  const isTime = isWholeNumber(micros) && micros > 0 && micros < 1000 * MAX_TIME_MS;
  if (others.length === 0 && isTime && isRowId(id)) return { micros, id };
  throw createInvalidCursorError();
}

/** Reads the keys `[sortValue, micros, id]`. @throws PS_REQUEST_INVALID if they have other types */
export function parseValuePosition([sortValue, ...others]: Cursor['after']) {
  if (typeof sortValue === 'number') return { sortValue, ...parseMicrosPosition(others) };
  throw createInvalidCursorError();
}

/** An item of a list that is sorted by `value`. Items with equal values are sorted by `key`. */
export interface PageItem<T> {
  readonly row: T;
  /** Unique in the list. */
  readonly key: string;
  readonly value: SortValue;
}

export interface PageOptions {
  readonly query: PagingParameters;
  readonly nowMs: number;
  readonly dbQuery: Query;
  readonly order: 'asc' | 'desc';
}

/**
 * Returns one page of the items that `runQuery` finds. The cursor keeps the time range of the first
 * page, so newer rows don't change the order of the following pages.
 */
export async function paginate<T>(
  { query, nowMs, dbQuery, order }: PageOptions,
  runQuery: (dbQuery: Query) => Promise<PageItem<T>[]>,
): Promise<{ dbQuery: Query; groups: T[]; nextCursor: string | undefined }> {
  const { range, after } = parsePageStart(query, nowMs, () => {
    // A range can end up to a second after now. Rows that arrive in that second would change later
    // pages.
    const { fromMs, toMs } = dbQuery.range;
    return { fromMs, toMs: Math.min(toMs, nowMs) };
  });
  const pinned = { ...dbQuery, range };
  const previous = after && parseItemPosition(after);
  const items = (await runQuery(pinned)).sort((a, b) => compareItems(a, b, order));
  const remaining = previous
    ? items.filter((item) => compareItems(item, previous, order) > 0)
    : items;
  const { page, nextCursor } = cutPage(remaining, range, query, (last) => [last.value, last.key]);
  return { dbQuery: pinned, groups: page.map(({ row }) => row), nextCursor };
}

/** Reads the keys `[value, key]`. @throws PS_REQUEST_INVALID if they have other types */
function parseItemPosition([value, key, ...others]: Cursor['after']) {
  if (others.length === 0 && value !== undefined && typeof key === 'string') return { value, key };
  throw createInvalidCursorError();
}

/** Compares two items. Unknown values come last in either order. */
function compareItems(
  a: { value: SortValue; key: string },
  b: { value: SortValue; key: string },
  order: 'asc' | 'desc',
): number {
  if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
  const sign = order === 'asc' ? 1 : -1;
  if (a.value !== b.value && a.value !== null && b.value !== null) {
    return a.value < b.value ? -sign : sign;
  }
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
