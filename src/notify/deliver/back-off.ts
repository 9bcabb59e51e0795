const FIRST_MS = 1000;
const LONGEST_MS = 60_000;

/**
 * Time in ms until the next attempt, after `attempts` have failed: exponential with full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), but never before the
 * other side asked for.
 *
 * @param random from 0 to 1
 */
export function backOffMs(attempts: number, random: number, retryAfterMs = 0): number {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 30));
  return Math.max(Math.ceil(random * most), retryAfterMs);
}
