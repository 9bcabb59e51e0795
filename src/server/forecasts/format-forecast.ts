import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../core/format.ts';

/** Formats a value of a subject in its unit. */
export function formatValue(value: number, unit: string): string {
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  if (unit === 'ms') return formatDuration(value);
  return unit === '1/min' ? `${formatNumber(value)}/min` : formatNumber(value);
}
