import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';

/** Asks until `probe` gives something, for at most `withinMs`. */
export async function until<T>(
  probe: () => Promise<T | undefined | false>,
  withinMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let failure: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > deadline) throw new Error('it did not happen in time', { cause: failure });
    await delay(50);
  }
}

/** Asks until the answer is `expected`, and fails with the difference when it does not become so. */
export async function expectRows(
  ask: () => Promise<unknown[][]>,
  expected: unknown[][],
  withinMs = 30_000,
): Promise<void> {
  let rows: unknown[][] = [];
  const same = async () => {
    rows = await ask();
    return JSON.stringify(rows) === JSON.stringify(expected);
  };
  await until(same, withinMs).catch(() => {});
  expect(rows).toEqual(expected);
}
