import { expect } from 'vitest';
import { waitFor } from './wait-for.ts';

/** Asks until the answer is `expected`, and fails with the difference when it does not become so. */
export async function expectRows(
  ask: () => Promise<unknown[][]>,
  expected: unknown[][],
  withinMs = 90_000,
): Promise<void> {
  let rows: unknown[][] = [];
  const same = async () => {
    rows = await ask();
    return JSON.stringify(rows) === JSON.stringify(expected);
  };
  await waitFor(same, withinMs).catch(() => {});
  expect(rows).toEqual(expected);
}
