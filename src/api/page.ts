import type { Question } from '../windows/question.ts';
import { cursorText, readCursor } from './cursor.ts';
import { checkedRange } from './time-range.ts';

type Value = string | number | null;

/** Something that is sorted by `value`; among equals by `key`, which is its own. */
export interface Keyed<T> {
  readonly row: T;
  readonly key: string;
  readonly value: Value;
}

export interface PageQuery {
  readonly query: { readonly limit: number; readonly cursor?: string | undefined };
  readonly nowMs: number;
  readonly question: Question;
  readonly order: 'asc' | 'desc';
}

/**
 * One page of what `ask` finds. The time that the first page was asked for is kept by the cursor, so
 * that what has come since does not change the order of the pages that follow.
 */
export async function page<T>(
  { query, nowMs, question, order }: PageQuery,
  ask: (question: Question) => Promise<Keyed<T>[]>,
): Promise<{ question: Question; groups: T[]; nextCursor: string | undefined }> {
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor, query);
  // Not until the end of the second that now is in: what still comes in it would change later pages.
  const { fromMs, toMs } = question.range;
  const range = cursor
    ? checkedRange(cursor.range, nowMs, 'cursor')
    : { fromMs, toMs: Math.min(toMs, nowMs) };
  const pinned = { ...question, range };
  const [value = null, key] = cursor?.after ?? [];
  const after = cursor && { value, key: String(key) };
  const found = (await ask(pinned)).sort((a, b) => compare(a, b, order));
  const behind = after ? found.filter((each) => compare(each, after, order) > 0) : found;
  const shown = behind.slice(0, query.limit);
  const last = shown.at(-1);
  const goesOn = last && behind.length > shown.length;
  return {
    question: pinned,
    groups: shown.map(({ row }) => row),
    nextCursor: goesOn ? cursorText({ range, after: [last.value, last.key] }, query) : undefined,
  };
}

/** What is not known comes last in either order. */
function compare(
  a: { value: Value; key: string },
  b: { value: Value; key: string },
  order: 'asc' | 'desc',
): number {
  if ((a.value === null) !== (b.value === null)) return a.value === null ? 1 : -1;
  const by = order === 'asc' ? 1 : -1;
  if (a.value !== b.value && a.value !== null && b.value !== null) {
    return a.value < b.value ? -by : by;
  }
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}
