import { setTimeout as delay } from 'node:timers/promises';

/**
 * Repeats `probe` until it returns a truthy value, and returns that value. Ignores errors until the timeout.
 *
 * @throws Error if this takes longer than `timeoutMs`
 */
export async function waitFor<T>(
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 240_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline)
      throw new Error(`the condition was not met within ${timeoutMs} ms`, { cause: lastError });
    await delay(50);
  }
}
