import { DAY_MS, HOUR_MS, MINUTE_MS } from './duration.ts';

const DURATION_UNITS = [
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['min', MINUTE_MS],
  ['s', 1000],
  ['ms', 1],
] as const;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Formats a number with three significant digits: `0.0123`, `3.1`, `1,230`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : value < 0 ? '-∞' : 'no value';
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return groupThousands(String(rounded));
}

/** Adds thousands separators. Leaves decimals and exponents unchanged. */
function groupThousands(digits: string): string {
  return /^-?\d{4,}$/.test(digits) ? digits.replace(/\B(?=(\d{3})+$)/g, ',') : digits;
}

/**
 * Formats a duration in the largest unit that fits, and adds the next smaller unit to values below
 * 10: `350 ms`, `1 h 5 min`.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return formatNumber(ms);
  if (ms < 0) return `-${formatDuration(-ms)}`;
  // Round before choosing the unit. Otherwise, 999.9 ms would be shown as 1,000 ms.
  const roundedMs = ms < MINUTE_MS ? Number(ms.toPrecision(3)) : ms;
  const index = DURATION_UNITS.findIndex(([, unitMs]) => roundedMs >= unitMs);
  const [unit, unitMs] = DURATION_UNITS[index < 0 ? DURATION_UNITS.length - 1 : index]!;
  const smaller = DURATION_UNITS[index + 1];
  if (unit === 'ms' || unit === 's' || smaller === undefined) {
    return `${formatNumber(roundedMs / unitMs)} ${unit}`;
  }
  const whole = Math.floor(roundedMs / unitMs);
  const rest = Math.floor((roundedMs - whole * unitMs) / smaller[1]);
  const value = `${groupThousands(String(whole))} ${unit}`;
  return rest > 0 && whole < 10 ? `${value} ${rest} ${smaller[0]}` : value;
}

/**
 * Formats a percentage: `12.5 %`. Between 99 % and 100 %, the distance to 100 % has up to two significant
 * digits, so that 99.96 % isn't shown as 100 %.
 *
 * @param value in percent
 * @param maxDecimals limit on decimals between 99 % and 100 %. Default: 2, so that 99.9925 % is `99.99 %`.
 */
export function formatPercent(value: number, maxDecimals = 2): string {
  if (value <= 99 || value >= 100) return `${formatNumber(value)} %`;
  const decimals = 1 - Math.floor(Math.log10(100 - value));
  const factor = 10 ** Math.min(decimals, maxDecimals);
  // Round down, because a value below 100 % must not look like 100 %.
  return `${Math.floor(value * factor + 1e-6) / factor} %`;
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
