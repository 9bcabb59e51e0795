import { expect } from 'vitest';
import { waitFor } from './wait-for.ts';

/** Repeats a query until its result is `expected`. Fails with the difference after `timeoutMs`. Default: 4 min. */
export async function expectRows(
  query: () => Promise<unknown[][]>,
  expected: unknown[][],
  timeoutMs = 240_000,
): Promise<void> {
  let rows: unknown[][] = [];
  const isExpected = async () => {
    rows = await query();
    return JSON.stringify(rows) === JSON.stringify(expected);
  };
  await waitFor(isExpected, timeoutMs).catch(() => {});
  expect(rows).toEqual(expected);
}
