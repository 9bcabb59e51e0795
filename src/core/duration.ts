export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const UNIT_MS = { w: 7 * DAY_MS, d: DAY_MS, h: HOUR_MS, m: MINUTE_MS, s: 1000, ms: 1 } as const;
/** A Prometheus duration: units from the largest to the smallest, each at most once. */
const DURATION_PATTERN = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/**
 * Parses a Prometheus duration such as `30s`, `5m`, `1h30m`, `1d`, or `0`.
 *
 * @returns the duration in ms, or undefined if `text` is not a duration
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const counts = text === '' ? null : DURATION_PATTERN.exec(text);
  if (!counts) return undefined;
  return Object.values(UNIT_MS).reduce(
    (sum, unitMs, i) => sum + unitMs * Number(counts[i + 1] ?? 0),
    0,
  );
}
