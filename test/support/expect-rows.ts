import { expect } from 'vitest';
import { waitFor } from './wait-for.ts';

/**
 * Repeats a query until its result is `expected`. After `timeoutMs`, fails with the difference, or with the error of
 * the last query.
 *
 * @param timeoutMs default: 4 min
 */
export async function expectRows(
  query: () => Promise<unknown[][]>,
  expected: unknown[][],
  timeoutMs = 240_000,
): Promise<void> {
  let rows: unknown[][] | undefined;
  const isExpected = async () => {
    rows = undefined;
    rows = await query();
    return JSON.stringify(rows) === JSON.stringify(expected);
  };
  await waitFor(isExpected, timeoutMs).catch((error) => {
    if (rows === undefined) throw error;
  });
  expect(rows).toEqual(expected);
}
