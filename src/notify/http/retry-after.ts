/** Longest wait that is believed, in ms: who asks for more has made a mistake, or means harm. */
const MOST_MS = 86_400_000;

/** `Retry-After`'s seconds or date (RFC 9110, 10.2.3) as ms from `nowMs`. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MOST_MS) : undefined;
}
