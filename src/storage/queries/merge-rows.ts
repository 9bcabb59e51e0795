import type { Row } from '../questdb/postgres-wire-reader.ts';
import { toNumber } from './row-values.ts';

/**
 * How to merge partial results. `latestBy` names the aggregation that has the time of the value.
 */
export type MergeMethod = 'sum' | 'min' | 'max' | { readonly latestBy: string };

/**
 * Merges rows from several sources. Rows with equal keys become one row.
 *
 * @param results rows of each source, with at most one row for each combination of keys
 */
export function mergeRows(
  results: readonly (readonly Row[])[],
  keys: readonly string[],
  aggregations: Readonly<Record<string, { readonly mergeWith: MergeMethod }>>,
): readonly Row[] {
  const nonEmpty = results.filter(({ length }) => length > 0);
  if (nonEmpty.length <= 1) return nonEmpty[0] ?? [];
  const merged = new Map<string, Row>();
  for (const row of nonEmpty.flat()) {
    const key = JSON.stringify(keys.map((name) => row[name]));
    const existing = merged.get(key);
    merged.set(key, existing ? mergeRowPair(existing, row, aggregations) : row);
  }
  return [...merged.values()];
}

function mergeRowPair(a: Row, b: Row, aggregations: Parameters<typeof mergeRows>[2]): Row {
  const merged: Record<string, unknown> = { ...a };
  for (const [name, { mergeWith }] of Object.entries(aggregations)) {
    const [valueA, valueB] = [toNumber(a[name]), toNumber(b[name])];
    if (valueB === undefined) continue;
    // NULL means that nothing was reported, so the other value is kept.
    if (valueA === undefined) merged[name] = b[name];
    else if (mergeWith === 'sum') merged[name] = valueA + valueB;
    else merged[name] = shouldTakeSecond(mergeWith, a, b, valueA, valueB) ? b[name] : a[name];
  }
  return merged;
}

/** Returns whether the merged row has the value of `b`. */
function shouldTakeSecond(
  method: Exclude<MergeMethod, 'sum'>,
  a: Row,
  b: Row,
  valueA: number,
  valueB: number,
): boolean {
  if (method === 'min') return valueB < valueA;
  if (method === 'max') return valueB > valueA;
  return Number(b[method.latestBy]) > Number(a[method.latestBy]);
}
