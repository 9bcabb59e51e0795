import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MOST_NAME_LENGTH } from '../schema/limits.ts';
import type { Range } from '../windows/range.ts';
import { refusal } from './refusal.ts';

/** Where the next page begins: the time that the first was asked for, and its last row's keys. */
export interface Cursor {
  readonly range: Range;
  readonly after: readonly (string | number | null)[];
}

const SHAPE = z.tuple([
  z.string().length(16),
  z.int().nonnegative().max(8.64e15),
  z.int().nonnegative().max(8.64e15),
  z.array(z.union([z.string().max(10 * MOST_NAME_LENGTH), z.number(), z.null()])).max(4),
]);
const NOT_OF_THE_QUESTION = new Set(['cursor', 'limit', 'format', 'from', 'to', 'last']);

/**
 * Makes a text of it. It is not signed, because it allows nothing: the caller's scope and the limits of
 * a range hold with it as without.
 *
 * @param query the parameters, which the next request has to repeat
 */
export function cursorText(cursor: Cursor, query: object): string {
  const { fromMs, toMs } = cursor.range;
  const shape = [questionHash(query), fromMs, toMs, cursor.after];
  return Buffer.from(JSON.stringify(shape)).toString('base64url');
}

/** @throws PS_REQUEST_INVALID when it is none of ours, or of another question */
export function readCursor(text: string, query: object): Cursor {
  const parsed = SHAPE.safeParse(jsonOf(text));
  if (!parsed.success) {
    throw refusal({
      parameter: 'cursor',
      reason: 'is not one that an answer has given',
      allowed: 'the nextCursor of an answer',
    });
  }
  const [hash, fromMs, toMs, after] = parsed.data;
  if (hash !== questionHash(query)) {
    throw refusal({
      parameter: 'cursor',
      reason: 'belongs to a request with other parameters',
      allowed: 'the nextCursor of an answer, with the parameters of its request',
    });
  }
  return { range: { fromMs, toMs }, after };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function questionHash(query: object): string {
  const own = Object.entries(query)
    .filter(([name, value]) => value !== undefined && !NOT_OF_THE_QUESTION.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(own)).digest('hex').slice(0, 16);
}
