import { formatHost } from '../../src/core/otel/mapping/format-host.ts';
/*
 * The rows that `performance_metrics` and `metric_buckets` must contain for the data that an OpenTelemetry SDK has
 * exported. Computed independently of the code under test.
 */

/** A metric as the SDK passes it to an exporter, as JSON. */
export interface ExportedMetric {
  readonly descriptor: { readonly name: string; readonly unit: string };
  readonly dataPointType: number;
  readonly aggregationTemporality: number;
  readonly dataPoints: readonly {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly value: number | ExportedHistogram;
  }[];
}

interface ExportedHistogram {
  readonly count: number;
  readonly sum: number;
  readonly min?: number;
  readonly max?: number;
  readonly scale: number;
  readonly zeroCount: number;
  readonly positive: { readonly offset: number; readonly bucketCounts: readonly number[] };
}

/** Columns of a row, with all other attributes in `tags`. */
export interface ExpectedRow {
  readonly name: string;
  readonly unit: string | null;
  readonly endpoint: string | null;
  readonly operation: string | null;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly values: readonly (number | null)[];
}

const COLUMNS: Readonly<Record<string, 'endpoint' | 'operation'>> = {
  'http.route': 'endpoint',
  'http.request.method': 'operation',
  'db.operation.name': 'operation',
  'db.query.text': 'endpoint',
  'db.client.connection.pool.name': 'endpoint',
  'db.client.connection.state': 'operation',
};
/** Attributes that current semantic conventions name differently. */
const CURRENT_NAMES: Readonly<Record<string, string>> = {
  'process.cpu.state': 'cpu.mode',
  'system.cpu.state': 'cpu.mode',
  'system.cpu.logical_number': 'cpu.logical_number',
};
/** Number of buckets per octave that are stored. */
const STORED_SCALE = 3;

/** Returns the unit in which values are stored, and the factor for the values. */
function toStoredUnit({
  name,
  unit,
}: ExportedMetric['descriptor']): [unit: string | null, factor: number] {
  if (unit === 's') return ['ms', 1000];
  if (name.endsWith('.utilization')) return ['%', 100];
  return [unit || null, 1];
}

/** Returns one row per exported point: value, count, sum, min, and max. */
export function toExpectedRows(metrics: readonly ExportedMetric[]): ExpectedRow[] {
  return omitHostBaseline(metrics).flatMap(({ descriptor, dataPoints }) => {
    const [unit, factor] = toStoredUnit(descriptor);
    return dataPoints.map(({ attributes, value }) => ({
      name: descriptor.name,
      unit,
      ...toColumns(descriptor.name, attributes),
      values: toValues(value, factor),
    }));
  });
}

const SUM = 3;

/** Omits the first value of the host's counters, because it was counted since the host was booted. */
function omitHostBaseline(metrics: readonly ExportedMetric[]): ExportedMetric[] {
  const known = new Set<string>();
  return metrics.filter(({ descriptor: { name }, dataPointType }) => {
    const isCounter = name.startsWith('system.') && dataPointType === SUM;
    if (!isCounter || known.has(name)) return true;
    known.add(name);
    return false;
  });
}

/** Attributes of outgoing calls that are in other columns. */
const OUTGOING_COLUMNS = new Set(['server.address', 'server.port', 'error.type']);

function toColumns(metric: string, attributes: Readonly<Record<string, unknown>>) {
  const columns: Record<'endpoint' | 'operation', string | null> = {
    endpoint: null,
    operation: null,
  };
  const tags: Record<string, unknown> = {};
  const isOutgoing = metric.startsWith('http.client.');
  if (isOutgoing) {
    const { 'server.address': address, 'server.port': port } = attributes;
    columns.endpoint = formatHost(String(address), Number(port));
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (isOutgoing && OUTGOING_COLUMNS.has(name)) continue;
    const column = COLUMNS[name];
    if (column) columns[column] = String(value);
    else tags[CURRENT_NAMES[name] ?? name] = value;
  }
  return { ...columns, tags };
}

function toValues(value: number | ExportedHistogram, factor: number): (number | null)[] {
  if (typeof value === 'number') return [value * factor, null, value * factor, null, null];
  const { count, sum, min, max } = value;
  const scaled = [sum, min, max].map((each) => (each === undefined ? null : each * factor));
  return [(sum * factor) / count, count, ...scaled];
}

/** Returns the number of values per metric and upper bound in the stored unit, from exponential histograms. */
export function toExpectedBuckets(metrics: readonly ExportedMetric[]): [string, number, number][] {
  const counts = new Map<string, number>();
  for (const { descriptor, dataPoints } of metrics) {
    const [, factor] = toStoredUnit(descriptor);
    for (const { value } of dataPoints) {
      if (typeof value === 'number' || !('scale' in value)) continue;
      const { scale, zeroCount, positive } = value;
      const add = (upper: number, count: number) => {
        const key = JSON.stringify([descriptor.name, round(upper * factor)]);
        if (count > 0) counts.set(key, (counts.get(key) ?? 0) + count);
      };
      add(0, zeroCount);
      positive.bucketCounts.forEach((count, i) => {
        const index = Math.floor((positive.offset + i) / 2 ** (scale - STORED_SCALE));
        add(2 ** ((index + 1) / 2 ** STORED_SCALE), count);
      });
    }
  }
  return [...counts].map(([key, count]) => {
    const [name, upper] = JSON.parse(key) as [string, number];
    return [name, upper, count];
  });
}

/** Returns a number with nine significant digits. */
export function round(value: number): number {
  return Number(value.toPrecision(9));
}

/** Returns one line per row, with rounded values. Tags are sorted by their names. */
export function formatRows(rows: readonly ExpectedRow[]): string[] {
  const format = ({ values, tags, ...columns }: ExpectedRow) =>
    JSON.stringify([
      ...Object.values(columns),
      Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      values.map((value) => (value === null ? null : round(value))),
    ]);
  return rows.map(format).toSorted();
}

/** Returns name and count of each cumulative histogram, from its last export. */
export function toLastCounts(metrics: readonly ExportedMetric[]): [name: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { descriptor, dataPoints } of metrics) {
    const histograms = dataPoints.flatMap(({ value }) => (typeof value === 'number' ? [] : value));
    if (histograms.length === 0) continue;
    // Scopes of different libraries can have a metric with the same name.
    const key = JSON.stringify([descriptor.name, dataPoints[0]?.attributes['url.scheme'] ?? '']);
    counts.set(
      key,
      histograms.reduce((sum, { count }) => sum + count, 0),
    );
  }
  const byName = new Map<string, number>();
  for (const [key, count] of counts) {
    const [name] = JSON.parse(key) as [string];
    byName.set(name, (byName.get(name) ?? 0) + count);
  }
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1));
}
