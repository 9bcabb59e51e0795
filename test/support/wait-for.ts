import { setTimeout as delay } from 'node:timers/promises';

/** Asks until `probe` gives something, for at most `withinMs`. */
export async function waitFor<T>(
  probe: () => Promise<T | undefined | false>,
  withinMs = 90_000,
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
