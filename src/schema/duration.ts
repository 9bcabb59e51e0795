const UNITS_MS = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
} as const;
/** Prometheus' durations: parts from the greatest unit to the least, each at most once. */
const DURATION = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** `30s`, `5m`, `1h30m`, `1d` in ms; `0` is allowed. @returns undefined when it is none */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = text === '' ? null : DURATION.exec(text);
  if (!parts) return undefined;
  return Object.values(UNITS_MS).reduce(
    (sum, unitMs, i) => sum + unitMs * Number(parts[i + 1] ?? 0),
    0,
  );
}
