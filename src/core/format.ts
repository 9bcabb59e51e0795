import { DAY_MS, HOUR_MS, MINUTE_MS } from './duration.ts';

const DURATION_UNITS = [
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['min', MINUTE_MS],
  ['s', 1000],
  ['ms', 1],
] as const;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Formats a number with three significant digits: `0.0123`, `3.1`, `1230`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '-∞' : 'no value';
  const rounded = Number(value.toPrecision(3));
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(rounded);
}

/**
 * Formats a duration in the largest unit that fits, and adds the next smaller unit to values below
 * 10: `350 ms`, `1 h 5 min`.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return formatNumber(ms);
  if (ms < 0) return `-${formatDuration(-ms)}`;
  const index = DURATION_UNITS.findIndex(([, unitMs]) => ms >= unitMs);
  const [unit, unitMs] = DURATION_UNITS[index < 0 ? DURATION_UNITS.length - 1 : index]!;
  const smaller = DURATION_UNITS[index + 1];
  if (unit === 'ms' || unit === 's' || smaller === undefined) {
    return `${formatNumber(ms / unitMs)} ${unit}`;
  }
  const whole = Math.floor(ms / unitMs);
  const rest = Math.floor((ms - whole * unitMs) / smaller[1]);
  return rest > 0 && whole < 10 ? `${whole} ${unit} ${rest} ${smaller[0]}` : `${whole} ${unit}`;
}

/** Formats a percentage: `12.5 %`. @param value in percent */
export function formatPercent(value: number): string {
  return `${formatNumber(value)} %`;
}

/** Formats a size in binary units: `512 B`, `1.46 KiB`, `2.33 GiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes === 0 ? 0 : Math.floor(Math.log2(Math.abs(bytes)) / 10);
  const step = Math.min(Math.max(power, 0), BYTE_UNITS.length - 1);
  return `${formatNumber(bytes / 1024 ** step)} ${BYTE_UNITS[step]}`;
}

const HTML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for use in HTML text and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ENTITIES[character]!);
}
