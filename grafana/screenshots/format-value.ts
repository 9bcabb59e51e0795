import { DAY_MS } from '../../src/core/duration.ts';

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Formats a number like Grafana does for the units that the dashboards use. */
export function formatValue(value: number, unit: string): string {
  if (unit === 'ms') return formatDuration(value);
  if (unit === 's') return formatDuration(value * 1000);
  if (unit === 'percent') return `${formatNumber(value)} %`;
  if (unit === 'bytes' || unit === 'Bps') {
    const power = value > 0 ? Math.min(4, Math.floor(Math.log2(value) / 10)) : 0;
    return `${formatNumber(value / 1024 ** power)} ${SIZES[power]}${unit === 'Bps' ? '/s' : ''}`;
  }
  if (unit === 'reqps') return `${formatNumber(value)} req/s`;
  if (unit === 'ops') return `${formatNumber(value)} ops/s`;
  return value >= 10_000 ? `${formatNumber(value / 1000)} K` : formatNumber(value);
}

function formatDuration(ms: number): string {
  if (ms < 1000) return `${formatNumber(ms)} ms`;
  if (ms < 60_000) return `${formatNumber(ms / 1000)} s`;
  if (ms < 3_600_000) return `${formatNumber(ms / 60_000)} min`;
  return ms < DAY_MS ? `${formatNumber(ms / 3_600_000)} h` : `${formatNumber(ms / DAY_MS)} d`;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
