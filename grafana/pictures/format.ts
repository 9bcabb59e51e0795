const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A number as Grafana writes it in one of the units that the dashboards use. */
export function formatted(value: number, unit: string): string {
  if (unit === 'ms') return duration(value);
  if (unit === 's') return duration(value * 1000);
  if (unit === 'percent') return `${rounded(value)} %`;
  if (unit === 'bytes' || unit === 'Bps') {
    const power = value > 0 ? Math.min(4, Math.floor(Math.log2(value) / 10)) : 0;
    return `${rounded(value / 1024 ** power)} ${SIZES[power]}${unit === 'Bps' ? '/s' : ''}`;
  }
  if (unit === 'reqps') return `${rounded(value)} req/s`;
  if (unit === 'ops') return `${rounded(value)} ops/s`;
  return value >= 10_000 ? `${rounded(value / 1000)} K` : rounded(value);
}

function duration(ms: number): string {
  if (ms < 1000) return `${rounded(ms)} ms`;
  if (ms < 60_000) return `${rounded(ms / 1000)} s`;
  if (ms < 3_600_000) return `${rounded(ms / 60_000)} min`;
  return ms < 86_400_000 ? `${rounded(ms / 3_600_000)} h` : `${rounded(ms / 86_400_000)} d`;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
