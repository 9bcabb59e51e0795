const DURATION_UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

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
  const at = DURATION_UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  const [unit, unitMs] = DURATION_UNITS[at < 0 ? DURATION_UNITS.length - 1 : at]!;
  const below = DURATION_UNITS[at + 1];
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
  const step = Math.min(Math.max(steps, 0), BYTE_UNITS.length - 1);
  return `${formatNumber(bytes / 1024 ** step)} ${BYTE_UNITS[step]}`;
}

const DURATION_UNIT_MS = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
} as const;
/** Prometheus' durations: parts from the greatest unit to the least, each at most once. */
const DURATION_PATTERN = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** `30s`, `5m`, `1h30m`, `1d` in ms; `0` is allowed. @returns undefined when it is none */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const parts = text === '' ? null : DURATION_PATTERN.exec(text);
  if (!parts) return undefined;
  return Object.values(DURATION_UNIT_MS).reduce(
    (sum, unitMs, i) => sum + unitMs * Number(parts[i + 1] ?? 0),
    0,
  );
}

const HTML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe as text and inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ENTITIES[character]!);
}
