const TIMES = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;
const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Three significant digits: `0.0123`, `3.1`, `1230`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '-∞' : 'no value';
  const rounded = Number(value.toPrecision(3));
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(rounded);
}

/** ms as the greatest unit that fits, and the next one where it matters: `350 ms`, `1 h 5 min`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return formatNumber(ms);
  if (ms < 0) return `-${formatDuration(-ms)}`;
  const at = TIMES.findIndex(([, unitMs]) => ms >= unitMs);
  const [unit, unitMs] = TIMES[at < 0 ? TIMES.length - 1 : at]!;
  const below = TIMES[at + 1];
  if (unit === 'ms' || unit === 's' || below === undefined) {
    return `${formatNumber(ms / unitMs)} ${unit}`;
  }
  const whole = Math.floor(ms / unitMs);
  const rest = Math.floor((ms - whole * unitMs) / below[1]);
  return rest > 0 && whole < 10 ? `${whole} ${unit} ${rest} ${below[0]}` : `${whole} ${unit}`;
}

/** `value` is in percent. */
export function formatPercent(value: number): string {
  return `${formatNumber(value)} %`;
}

export function formatBytes(bytes: number): string {
  const steps = bytes > 0 ? Math.floor(Math.log2(bytes) / 10) : 0;
  const step = Math.min(Math.max(steps, 0), BYTES.length - 1);
  return `${formatNumber(bytes / 1024 ** step)} ${BYTES[step]}`;
}
