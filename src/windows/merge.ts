import type { Row } from '../questdb/reader.ts';
import { numberOf } from './row.ts';

/** How the parts of a figure are put together; `latestBy` names the figure that says when it was. */
export type Again = 'sum' | 'min' | 'max' | { readonly latestBy: string };

/**
 * Rows of several sources as one: those with the same keys become one row.
 *
 * @param answers each with at most one row for the same keys
 */
export function merged(
  answers: readonly (readonly Row[])[],
  keys: readonly string[],
  figures: Readonly<Record<string, { readonly again: Again }>>,
): readonly Row[] {
  const filled = answers.filter(({ length }) => length > 0);
  if (filled.length <= 1) return filled[0] ?? [];
  const rows = new Map<string, Row>();
  for (const row of filled.flat()) {
    const key = JSON.stringify(keys.map((name) => row[name]));
    const known = rows.get(key);
    rows.set(key, known ? both(known, row, figures) : row);
  }
  return [...rows.values()];
}

function both(a: Row, b: Row, figures: Parameters<typeof merged>[2]): Row {
  const together: Record<string, unknown> = { ...a };
  for (const [name, { again }] of Object.entries(figures)) {
    const [one, other] = [numberOf(a[name]), numberOf(b[name])];
    if (other === undefined) continue;
    // NULL is "nothing reported", which changes nothing.
    if (one === undefined) together[name] = b[name];
    else if (again === 'sum') together[name] = one + other;
    else together[name] = isRight(again, a, b, one, other) ? b[name] : a[name];
  }
  return together;
}

/** Whether the value of `b` is the one to keep. */
function isRight(
  again: Exclude<Again, 'sum'>,
  a: Row,
  b: Row,
  one: number,
  other: number,
): boolean {
  if (again === 'min') return other < one;
  if (again === 'max') return other > one;
  return Number(b[again.latestBy]) > Number(a[again.latestBy]);
}
